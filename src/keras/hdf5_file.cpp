#include "keras/hdf5_file.h"

#include <hdf5.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "keras/hdf5_memory_driver.h"

namespace hornet::keras {
namespace {

static_assert(std::endian::native == std::endian::little,
              "arrays are wrapped as they lie in files");

constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
// What a compressed or chunked array may claim: this many bytes, and more only in proportion to
// what the file stores for it (deflate yields at most 1032 bytes a byte).
constexpr uint64_t kFreeBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxCompressionRatio = 1032;
// Filters from this number on are plugins, that is code found on the machine.
constexpr int kFirstPluginFilter = 256;

std::mutex& library_mutex() {
  static std::mutex mutex;
  return mutex;
}

using Closer = herr_t (*)(hid_t);

class Handle {
 public:
  Handle(hid_t id, Closer closer) : id_(id), closer_(closer) {}
  ~Handle() {
    if (id_ >= 0) closer_(id_);
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), closer_(other.closer_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(closer_, other.closer_);
    return *this;
  }

  hid_t get() const { return id_; }
  bool valid() const { return id_ >= 0; }
  hid_t release() { return std::exchange(id_, -1); }

 private:
  hid_t id_;
  Closer closer_;
};

std::string where(const std::string& label, const std::string& path) {
  return fmt::format("\"/{}\" in {}", path, label);
}

// Strings in HDF5 are padded with nulls or blanks.
std::string unpadded(const char* text, size_t size, H5T_str_t padding) {
  std::string result(text, strnlen(text, size));
  if (padding == H5T_STR_SPACEPAD) {
    result.erase(result.find_last_not_of(' ') + 1);
  }
  return result;
}

std::vector<std::string> read_fixed_strings(hid_t attribute, hid_t type, size_t count,
                                            size_t file_size, const std::string& what) {
  const size_t size = H5Tget_size(type);
  require(size > 0 && count <= file_size / size, ErrorCode::kInvalidModel,
          "{} claims {} strings of {} bytes; the file has {} bytes", what, count, size, file_size);
  std::vector<char> buffer(size * count);
  require(H5Aread(attribute, type, buffer.data()) >= 0, ErrorCode::kInvalidModel,
          "{} cannot be read", what);
  std::vector<std::string> strings;
  for (size_t i = 0; i < count; ++i) {
    strings.push_back(unpadded(buffer.data() + i * size, size, H5Tget_strpad(type)));
  }
  return strings;
}

std::vector<std::string> read_variable_strings(hid_t attribute, hid_t type, size_t count,
                                               size_t file_size, const std::string& what) {
  require(count <= file_size / sizeof(char*), ErrorCode::kInvalidModel,
          "{} claims {} strings; the file has {} bytes", what, count, file_size);
  std::vector<char*> pointers(count, nullptr);
  const bool read = H5Aread(attribute, type, pointers.data()) >= 0;
  std::vector<std::string> strings;
  for (char* text : pointers) {
    if (read) strings.emplace_back(text ? text : "");
    if (text != nullptr) H5free_memory(text);
  }
  require(read, ErrorCode::kInvalidModel, "{} cannot be read", what);
  return strings;
}

std::vector<std::string> read_strings(hid_t attribute, size_t file_size, const std::string& what) {
  const Handle space(H5Aget_space(attribute), H5Sclose);
  const hssize_t count = space.valid() ? H5Sget_simple_extent_npoints(space.get()) : -1;
  require(count >= 0, ErrorCode::kInvalidModel, "{} cannot be read", what);
  if (count == 0) return {};  // whatever its type: h5py writes empty lists as numbers
  const Handle type(H5Aget_type(attribute), H5Tclose);
  require(type.valid() && H5Tget_class(type.get()) == H5T_STRING, ErrorCode::kInvalidModel,
          "{} is no text", what);
  return H5Tis_variable_str(type.get()) > 0
             ? read_variable_strings(attribute, type.get(), static_cast<size_t>(count), file_size,
                                     what)
             : read_fixed_strings(attribute, type.get(), static_cast<size_t>(count), file_size,
                                  what);
}

// IEEE half precision, which HDF5 1.10 has no name for.
Handle make_half_type() {
  Handle type(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  H5Tset_fields(type.get(), 15, 10, 5, 0, 10);
  H5Tset_size(type.get(), 2);
  H5Tset_ebias(type.get(), 15);
  return type;
}

std::optional<DType> integer_dtype(size_t size, bool is_signed) {
  switch (size) {
    case 1:
      return is_signed ? DType::kInt8 : DType::kUInt8;
    case 2:
      return is_signed ? DType::kInt16 : DType::kUInt16;
    case 4:
      return is_signed ? DType::kInt32 : DType::kUInt32;
    case 8:
      return is_signed ? DType::kInt64 : DType::kUInt64;
    default:
      return std::nullopt;
  }
}

// Half precision only in the IEEE format; other small floats are widened.
DType float_dtype(hid_t type) {
  const size_t size = H5Tget_size(type);
  if (size == 2) {
    const Handle little = make_half_type();
    const Handle big = make_half_type();
    H5Tset_order(big.get(), H5T_ORDER_BE);
    if (H5Tequal(type, little.get()) > 0 || H5Tequal(type, big.get()) > 0) return DType::kFloat16;
  }
  return size <= 4 ? DType::kFloat32 : DType::kFloat64;
}

// h5py stores booleans as an enumeration of FALSE and TRUE.
bool is_boolean_enum(hid_t type) {
  return H5Tget_class(type) == H5T_ENUM && H5Tget_size(type) == 1 && H5Tget_nmembers(type) == 2;
}

// The type to read as; a copy for the caller to close.
Handle memory_type(DType dtype, hid_t file_type) {
  hid_t type = file_type;
  switch (dtype) {
    case DType::kBool:
    case DType::kBFloat16:
      break;  // as stored
    case DType::kInt8:
      type = H5T_NATIVE_INT8;
      break;
    case DType::kUInt8:
      type = H5T_NATIVE_UINT8;
      break;
    case DType::kInt16:
      type = H5T_NATIVE_INT16;
      break;
    case DType::kUInt16:
      type = H5T_NATIVE_UINT16;
      break;
    case DType::kInt32:
      type = H5T_NATIVE_INT32;
      break;
    case DType::kUInt32:
      type = H5T_NATIVE_UINT32;
      break;
    case DType::kInt64:
      type = H5T_NATIVE_INT64;
      break;
    case DType::kUInt64:
      type = H5T_NATIVE_UINT64;
      break;
    case DType::kFloat16:
      return make_half_type();
    case DType::kFloat32:
      type = H5T_NATIVE_FLOAT;
      break;
    case DType::kFloat64:
      type = H5T_NATIVE_DOUBLE;
      break;
  }
  return Handle(H5Tcopy(type), H5Tclose);
}

std::optional<std::string> dtype_attribute(hid_t array, size_t file_size) {
  if (H5Aexists(array, "dtype") <= 0) return std::nullopt;
  const Handle attribute(H5Aopen(array, "dtype", H5P_DEFAULT), H5Aclose);
  if (!attribute.valid()) return std::nullopt;
  const auto strings = read_strings(attribute.get(), file_size, "the attribute dtype");
  return strings.empty() ? std::nullopt : std::optional(strings.front());
}

DType dtype_of(hid_t array, size_t file_size, const std::string& label) {
  const Handle type(H5Dget_type(array), H5Tclose);
  require(type.valid(), ErrorCode::kInvalidModel, "{} has no readable type", label);
  switch (H5Tget_class(type.get())) {
    case H5T_FLOAT:
      return float_dtype(type.get());
    case H5T_INTEGER: {
      const auto dtype =
          integer_dtype(H5Tget_size(type.get()), H5Tget_sign(type.get()) == H5T_SGN_2);
      require(dtype.has_value(), ErrorCode::kInvalidModel, "{} holds integers of {} bytes", label,
              H5Tget_size(type.get()));
      return *dtype;
    }
    case H5T_ENUM:
      if (is_boolean_enum(type.get())) return DType::kBool;
      break;
    case H5T_OPAQUE:
      if (H5Tget_size(type.get()) == 2 && dtype_attribute(array, file_size) == "bfloat16") {
        return DType::kBFloat16;
      }
      break;
    default:
      break;
  }
  fail(ErrorCode::kInvalidModel, "{} does not hold numbers", label);
}

Shape shape_of(hid_t array, const std::string& label) {
  const Handle space(H5Dget_space(array), H5Sclose);
  require(space.valid(), ErrorCode::kInvalidModel, "{} has no readable shape", label);
  const H5S_class_t kind = H5Sget_simple_extent_type(space.get());
  require(kind == H5S_SCALAR || kind == H5S_SIMPLE, ErrorCode::kInvalidModel, "{} is empty", label);
  hsize_t dims[H5S_MAX_RANK] = {};
  const int rank = H5Sget_simple_extent_dims(space.get(), dims, nullptr);
  require(rank >= 0, ErrorCode::kInvalidModel, "{} has no readable shape", label);
  Shape shape;
  for (int i = 0; i < rank; ++i) {
    require(dims[i] <= uint64_t{INT64_MAX}, ErrorCode::kInvalidModel, "{} has a dimension of {}",
            label, dims[i]);
    shape.push_back(static_cast<int64_t>(dims[i]));
  }
  return shape;
}

void require_stored_in_file(hid_t properties, const std::string& label) {
  require(H5Pget_layout(properties) != H5D_VIRTUAL, ErrorCode::kUnsupported,
          "{} is a virtual array, made of other files", label);
  require(H5Pget_external_count(properties) <= 0, ErrorCode::kUnsupported,
          "{} keeps its data in another file", label);
  const int num_filters = H5Pget_nfilters(properties);
  for (int i = 0; i < num_filters; ++i) {
    unsigned flags = 0, config = 0;
    size_t num_values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(properties, static_cast<unsigned>(i), &flags,
                                               &num_values, nullptr, 0, nullptr, &config);
    require(filter >= 0 && filter < kFirstPluginFilter, ErrorCode::kUnsupported,
            "{} is compressed by filter {}, which is not part of HDF5", label, filter);
  }
}

}  // namespace

bool is_hdf5(const Bytes& bytes) {
  // A user block is 512 bytes long, or twice that, and so on.
  for (size_t at = 0; bytes.contains(at, kSignature.size()); at = at == 0 ? 512 : at * 2) {
    if (std::memcmp(bytes.data + at, kSignature.data(), kSignature.size()) == 0) return true;
  }
  return false;
}

// --- Hdf5Array

Hdf5Array::Hdf5Array(int64_t id, std::string label, Bytes image)
    : id_(id), label_(std::move(label)), image_(std::move(image)) {}

Hdf5Array::Hdf5Array(Hdf5Array&& other) noexcept
    : id_(std::exchange(other.id_, -1)),
      label_(std::move(other.label_)),
      image_(std::move(other.image_)),
      shape_(std::move(other.shape_)),
      dtype_(other.dtype_) {}

Hdf5Array::~Hdf5Array() {
  if (id_ >= 0) H5Dclose(id_);
}

Tensor Hdf5Array::read() const {
  const size_t bytes = num_bytes(dtype_, shape_);
  if (bytes == 0) return Tensor(dtype_, shape_);
  const Handle properties(H5Dget_create_plist(id_), H5Pclose);
  require(properties.valid(), ErrorCode::kInvalidModel, "{} cannot be read", label_);
  require_stored_in_file(properties.get(), label_);
  const H5D_layout_t layout = H5Pget_layout(properties.get());
  if (layout == H5D_CHUNKED) require_plausible_chunks();
  const uint64_t stored = H5Dget_storage_size(id_);
  require(stored > 0, ErrorCode::kInvalidModel, "{} has a shape, {}, and no data", label_,
          to_string(shape_));
  if (layout == H5D_CONTIGUOUS) return read_contiguous();
  require(bytes <= kFreeBytes || bytes / kMaxCompressionRatio <= stored, ErrorCode::kInvalidModel,
          "{} claims {} bytes; the file stores {} for it", label_, bytes, stored);
  return read_converted();
}

Tensor Hdf5Array::read_contiguous() const {
  const Handle file_type(H5Dget_type(id_), H5Tclose);
  const Handle native = memory_type(dtype_, file_type.get());
  const haddr_t offset = H5Dget_offset(id_);
  const auto count = static_cast<uint64_t>(num_elements(shape_));
  const uint64_t element = H5Tget_size(file_type.get());
  require(offset != HADDR_UNDEF && element > 0 && count <= image_.size / element &&
              image_.contains(offset, count * element),
          ErrorCode::kInvalidModel, "{} claims {} elements of {} bytes; the file has {} bytes",
          label_, count, element, image_.size);
  if (H5Tequal(file_type.get(), native.get()) <= 0) return read_converted();
  const std::byte* data = image_.data + offset;
  // Bytes of a zip entry start anywhere; elements off their alignment are copied.
  if (reinterpret_cast<uintptr_t>(data) % size_of(dtype_) == 0) {
    return Tensor(dtype_, shape_, image_.owner, data);
  }
  Tensor copy(dtype_, shape_);
  std::memcpy(copy.mutable_data(), data, copy.num_bytes());
  return copy;
}

Tensor Hdf5Array::read_converted() const {
  const Handle file_type(H5Dget_type(id_), H5Tclose);
  const Handle native = memory_type(dtype_, file_type.get());
  Tensor result(dtype_, shape_);
  require(H5Dread(id_, native.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, result.mutable_data()) >= 0,
          ErrorCode::kInvalidModel, "{} cannot be read: its data are damaged", label_);
  return result;
}

void Hdf5Array::require_plausible_chunks() const {
  const Handle properties(H5Dget_create_plist(id_), H5Pclose);
  hsize_t dims[H5S_MAX_RANK] = {};
  const int rank = H5Pget_chunk(properties.get(), H5S_MAX_RANK, dims);
  require(rank > 0 && rank <= H5S_MAX_RANK, ErrorCode::kInvalidModel, "{} cannot be read", label_);
  uint64_t chunk_bytes = size_of(dtype_);
  for (int i = 0; i < rank; ++i) {
    require(!__builtin_mul_overflow(chunk_bytes, dims[i], &chunk_bytes), ErrorCode::kInvalidModel,
            "{} has chunks larger than memory", label_);
  }
  require(chunk_bytes <= kFreeBytes || chunk_bytes / 2 <= num_bytes(dtype_, shape_),
          ErrorCode::kInvalidModel, "{} has {} bytes in chunks of {} bytes", label_,
          num_bytes(dtype_, shape_), chunk_bytes);
}

// --- Hdf5File

// Keeps HDF5 from printing its error stack; puts back what was set before.
class Hdf5File::Silence {
 public:
  Silence() {
    H5Eget_auto2(H5E_DEFAULT, &print_, &client_data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Silence() { H5Eset_auto2(H5E_DEFAULT, print_, client_data_); }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  H5E_auto2_t print_ = nullptr;
  void* client_data_ = nullptr;
};

class Hdf5File::Id : public Handle {
 public:
  using Handle::Handle;
};

Hdf5File::Hdf5File(Bytes image, std::string label)
    : lock_(library_mutex()),
      silence_(std::make_unique<Silence>()),
      image_(std::move(image)),
      label_(std::move(label)),
      file_(open_hdf5_image(image_)) {
  require(file_ >= 0, ErrorCode::kInvalidModel,
          "{} is no readable HDF5 file: it is damaged or incomplete", label_);
}

Hdf5File::~Hdf5File() { H5Fclose(file_); }

Hdf5File::Id Hdf5File::open_object(const std::string& path) const {
  Handle object(H5Gopen2(file_, "/", H5P_DEFAULT), H5Oclose);
  require(object.valid(), ErrorCode::kInvalidModel, "{} has no readable root group", label_);
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty()) continue;
    // HDF5 takes "." for the group itself.
    const bool known = name != "." && H5Iget_type(object.get()) == H5I_GROUP &&
                       H5Lexists(object.get(), name.c_str(), H5P_DEFAULT) > 0;
    if (!known) return Id(-1, H5Oclose);
    H5L_info_t link{};
    require(H5Lget_info(object.get(), name.c_str(), &link, H5P_DEFAULT) >= 0,
            ErrorCode::kInvalidModel, "{} cannot be read", where(label_, path));
    require(link.type == H5L_TYPE_HARD, ErrorCode::kInvalidModel,
            "{} is a soft or external link, which Hornet does not follow", where(label_, path));
    Handle next(H5Oopen(object.get(), name.c_str(), H5P_DEFAULT), H5Oclose);
    require(next.valid(), ErrorCode::kInvalidModel, "{} cannot be read", where(label_, path));
    object = std::move(next);
  }
  return Id(object.release(), H5Oclose);
}

bool Hdf5File::exists(const std::string& path) const { return open_object(path).valid(); }

bool Hdf5File::is_group(const std::string& path) const {
  const Id object = open_object(path);
  return object.valid() && H5Iget_type(object.get()) == H5I_GROUP;
}

size_t Hdf5File::num_members(const std::string& path) const {
  const Id object = open_object(path);
  if (!object.valid() || H5Iget_type(object.get()) != H5I_GROUP) return 0;
  H5G_info_t info{};
  require(H5Gget_info(object.get(), &info) >= 0, ErrorCode::kInvalidModel, "{} cannot be read",
          where(label_, path));
  return info.nlinks;
}

Hdf5File::Id Hdf5File::open_attribute(const std::string& path, const std::string& name) const {
  const Id object = open_object(path);
  if (!object.valid() || H5Aexists(object.get(), name.c_str()) <= 0) return Id(-1, H5Aclose);
  Id attribute(H5Aopen(object.get(), name.c_str(), H5P_DEFAULT), H5Aclose);
  require(attribute.valid(), ErrorCode::kInvalidModel, "the attribute {} of {} cannot be read",
          name, where(label_, path));
  return attribute;
}

std::optional<std::vector<std::string>> Hdf5File::string_list_attribute(
    const std::string& path, const std::string& name) const {
  const Id attribute = open_attribute(path, name);
  if (!attribute.valid()) return std::nullopt;
  return read_strings(attribute.get(), image_.size,
                      fmt::format("the attribute {} of {}", name, where(label_, path)));
}

std::optional<std::string> Hdf5File::string_attribute(const std::string& path,
                                                      const std::string& name) const {
  const auto strings = string_list_attribute(path, name);
  if (!strings) return std::nullopt;
  require(strings->size() == 1, ErrorCode::kInvalidModel,
          "the attribute {} of {} holds {} texts; expected one", name, where(label_, path),
          strings->size());
  return strings->front();
}

Hdf5Array Hdf5File::open_array(const std::string& path) const {
  Id object = open_object(path);
  const std::string label = where(label_, path);
  require(object.valid(), ErrorCode::kInvalidModel, "{} is missing", label);
  require(H5Iget_type(object.get()) == H5I_DATASET, ErrorCode::kInvalidModel, "{} is no array",
          label);
  Hdf5Array array(object.release(), label, image_);
  array.dtype_ = dtype_of(array.id_, image_.size, label);
  array.shape_ = shape_of(array.id_, label);
  return array;
}

}  // namespace hornet::keras
