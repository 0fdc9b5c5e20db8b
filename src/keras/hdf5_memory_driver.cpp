#include "keras/hdf5_memory_driver.h"

#include <cstring>
#include <new>

namespace hornet::keras {
namespace {

struct Image {
  const std::byte* data;
  size_t size;
};

struct MemoryFile {
  H5FD_t base;  // first: HDF5 hands out pointers to it
  Image image;
  haddr_t end_of_allocation;
};

MemoryFile* file_of(H5FD_t* base) { return reinterpret_cast<MemoryFile*>(base); }
const MemoryFile* file_of(const H5FD_t* base) { return reinterpret_cast<const MemoryFile*>(base); }

H5FD_t* open_image(const char*, unsigned flags, hid_t access, haddr_t) {
  const auto* image = static_cast<const Image*>(H5Pget_driver_info(access));
  if (image == nullptr || (flags & H5F_ACC_RDWR) != 0) return nullptr;
  auto* file = new (std::nothrow) MemoryFile{};
  if (file == nullptr) return nullptr;
  file->image = *image;
  return &file->base;
}

herr_t close_image(H5FD_t* base) {
  delete file_of(base);
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  *flags = 0;
  return 0;
}

haddr_t get_eoa(const H5FD_t* base, H5FD_mem_t) { return file_of(base)->end_of_allocation; }

herr_t set_eoa(H5FD_t* base, H5FD_mem_t, haddr_t address) {
  file_of(base)->end_of_allocation = address;
  return 0;
}

haddr_t get_eof(const H5FD_t* base, H5FD_mem_t) { return file_of(base)->image.size; }

herr_t read(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* buffer) {
  const Image& image = file_of(base)->image;
  if (address > image.size || size > image.size - address) return -1;
  if (size > 0) std::memcpy(buffer, image.data + address, size);
  return 0;
}

herr_t write(H5FD_t*, H5FD_mem_t, hid_t, haddr_t, size_t, const void*) { return -1; }

H5FD_class_t driver_class() {
  H5FD_class_t driver{};
#ifdef H5FD_CLASS_VERSION  // HDF5 1.14 asks for it
  driver.version = H5FD_CLASS_VERSION;
  driver.value = static_cast<H5FD_class_value_t>(512);
#endif
  driver.name = "hornet_memory";
  driver.maxaddr = static_cast<haddr_t>(-1) >> 1;
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(Image);
  driver.open = open_image;
  driver.close = close_image;
  driver.query = query;
  driver.get_eoa = get_eoa;
  driver.set_eoa = set_eoa;
  driver.get_eof = get_eof;
  driver.read = read;
  driver.write = write;
  return driver;
}

}  // namespace

hid_t open_hdf5_image(const Bytes& image) {
  const H5FD_class_t driver = driver_class();
  const hid_t driver_id = H5FDregister(&driver);
  if (driver_id < 0) return driver_id;
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  const Image info{image.data, image.size};
  hid_t file = -1;
  if (access >= 0 && H5Pset_driver(access, driver_id, &info) >= 0) {
    file = H5Fopen("memory", H5F_ACC_RDONLY, access);
  }
  if (access >= 0) H5Pclose(access);
  H5FDunregister(driver_id);  // the open file keeps its own reference
  return file;
}

}  // namespace hornet::keras
