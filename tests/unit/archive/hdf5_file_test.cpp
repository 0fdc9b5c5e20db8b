#include "archive/hdf5_file.h"

#include <atomic>
#include <cstring>
#include <numeric>
#include <random>
#include <thread>

#include "unit/archive/fixtures.h"

namespace hornet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The same contents in the file structures of three generations of HDF5.
class Hdf5FileTest : public testing::TestWithParam<const char*> {
 protected:
  Bytes image = map_file(data_path(GetParam()));
  Hdf5File file{image, "arrays.h5"};

  Tensor read(const std::string& path) { return file.open_array(path).read(); }
  std::string read_error(const std::string& path) {
    return error_of([&] { read(path); });
  }
  bool in_file(const Tensor& tensor) const {
    const auto* data = static_cast<const std::byte*>(tensor.data());
    return data >= image.data && data < image.data + image.size;
  }
};

TEST_P(Hdf5FileTest, ElementTypes_AreTheFilesOwn) {
  for (const char* name : {"float32", "float64", "float16", "int8", "uint8", "int16", "int32",
                           "int64", "bool", "bfloat16"}) {
    const Tensor tensor = read(name);
    EXPECT_EQ(to_string(tensor.dtype()), name);
    EXPECT_THAT(tensor.shape(), ElementsAre(2, 3)) << name;
    if (std::string(name) != "bool") {
      EXPECT_THAT(floats(tensor), ElementsAre(1, 2, 3, 4, 5, 6)) << name;
    }
  }
}

TEST_P(Hdf5FileTest, ContiguousArray_IsNotCopied) {
  EXPECT_TRUE(in_file(read("float32")));
  EXPECT_TRUE(in_file(read("float16")));
  EXPECT_FALSE(in_file(read("chunked")));
}

TEST_P(Hdf5FileTest, OtherStorage_IsConverted) {
  for (const char* name : {"big_endian", "big_endian_half", "chunked", "deflated"}) {
    EXPECT_THAT(floats(read(name)), ElementsAre(1, 2, 3, 4, 5, 6)) << name;
  }
  EXPECT_EQ(read("big_endian_half").dtype(), DType::kFloat16);
}

TEST_P(Hdf5FileTest, ScalarAndEmptyArrays_KeepTheirShapes) {
  EXPECT_THAT(read("scalar").shape(), ElementsAre());
  EXPECT_EQ(floats(read("scalar"))[0], 7);
  EXPECT_THAT(read("no_rows").shape(), ElementsAre(0, 3));
}

// An image that starts at an odd address, as in a zip archive.
TEST(Hdf5FileAtOddAddress, Arrays_AreCopiedToAlignedMemory) {
  const Bytes aligned = map_file(data_path("arrays.h5"));
  const auto memory = std::make_shared<std::vector<std::byte>>(aligned.size + 1);
  std::memcpy(memory->data() + 1, aligned.data, aligned.size);
  const Hdf5File file(Bytes{memory, memory->data() + 1, aligned.size}, "odd");
  const Tensor tensor = file.open_array("float32").read();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data()) % 4, 0u);
  EXPECT_THAT(floats(tensor), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_P(Hdf5FileTest, WhatIsNoArrayOfNumbers_IsRefused) {
  EXPECT_THAT(read_error("text"),
              HasSubstr("invalid_model: \"/text\" in arrays.h5 does not hold numbers"));
  EXPECT_THAT(read_error("compound"), HasSubstr("does not hold numbers"));
  EXPECT_THAT(read_error("opaque"), HasSubstr("does not hold numbers"));
  EXPECT_THAT(read_error("group"), HasSubstr("is no array"));
  EXPECT_THAT(read_error("empty"), HasSubstr("is empty"));
  EXPECT_THAT(read_error("absent"), HasSubstr("is missing"));
}

TEST_P(Hdf5FileTest, LinksAndForeignData_AreRefused) {
  EXPECT_THAT(read_error("soft"), HasSubstr("link, which Hornet does not follow"));
  EXPECT_THAT(read_error("external"), HasSubstr("link, which Hornet does not follow"));
  EXPECT_THAT(read_error("virtual"),
              HasSubstr("unsupported: \"/virtual\" in arrays.h5 is a virtual"));
  EXPECT_THAT(read_error("elsewhere"), HasSubstr("keeps its data in another file"));
}

TEST_P(Hdf5FileTest, ShapeWithoutData_TakesNoMemory) {
  EXPECT_THAT(read_error("sparse"), HasSubstr("has a shape, [1048576, 1048576], and no data"));
  EXPECT_THAT(read_error("sparse_chunks"), HasSubstr("no data"));
}

TEST_P(Hdf5FileTest, Attributes_FixedAndVariableLength) {
  EXPECT_EQ(file.string_attribute("", "variable"), "text of any length");
  EXPECT_EQ(file.string_attribute("", "fixed"), "fixed");
  EXPECT_THAT(*file.string_list_attribute("", "list"), ElementsAre("one", "three"));
  EXPECT_THAT(*file.string_list_attribute("", "empty_list"), ElementsAre());
  EXPECT_EQ(file.string_attribute("", "absent"), std::nullopt);
  EXPECT_THAT(error_of([&] { file.string_attribute("", "number"); }), HasSubstr("is no text"));
  EXPECT_THAT(error_of([&] { file.string_attribute("", "list"); }), HasSubstr("holds 2 texts"));
}

TEST_P(Hdf5FileTest, PathsAreFollowedByHardLinksOnly) {
  EXPECT_TRUE(file.exists("group"));
  EXPECT_TRUE(file.is_group(""));
  EXPECT_FALSE(file.is_group("float32"));
  EXPECT_FALSE(file.exists("group/nothing/below"));
  EXPECT_FALSE(file.exists("float32/below"));
  EXPECT_FALSE(file.exists("."));
}

TEST_P(Hdf5FileTest, LargeGroupsAndManyAttributes_AreFoundComplete) {
  EXPECT_EQ(file.num_members("many"), 300u);
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(file.is_group("many/member " + std::to_string(i))) << i;
  EXPECT_FALSE(file.exists("many/member 300"));
  EXPECT_EQ(file.string_attribute("many", "first"), "first attribute");
  EXPECT_EQ(file.string_attribute("many", "attribute 29"), "text 29");
  EXPECT_EQ(file.string_attribute("many", "attribute 30"), std::nullopt);
}

TEST_P(Hdf5FileTest, ChunksOfAllIndexes_AreFound) {
  std::vector<float> counting(2100);
  std::iota(counting.begin(), counting.end(), 0.0f);
  EXPECT_EQ(floats(read("many_chunks")), counting);
  EXPECT_EQ(floats(read("many_deflated")), counting);
  EXPECT_THAT(floats(read("one_chunk")), ElementsAre(1, 2, 3, 701, 702, 703));
  EXPECT_THAT(floats(read("growing")), ElementsAre(1, 2, 3, 701, 702, 703));
}

INSTANTIATE_TEST_SUITE_P(
    , Hdf5FileTest, testing::Values("arrays.h5", "arrays_v108.h5", "arrays_v110.h5"),
    [](const auto& suite) {
      return std::string(suite.param).substr(0, std::string(suite.param).find('.'));
    });

// Files are independent of each other.
TEST(Hdf5FileThreads, FilesOfSeveralThreads_AreReadAtOnce) {
  const Bytes image = map_file(data_path("arrays.h5"));
  std::vector<std::thread> threads;
  std::atomic<int> num_right = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const Hdf5File file(image, "arrays.h5");
        num_right += floats(file.open_array("deflated").read())[5] == 6;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(num_right, 80);
}

const char* const kArrays[] = {
    "float32",       "float16", "bool", "bfloat16",  "big_endian", "chunked",
    "deflated",      "scalar",  "text", "compound",  "sparse",     "many_chunks",
    "many_deflated", "growing", "soft", "elsewhere", "virtual",    "one_chunk"};

// Reads all there is to read; returns how much of it could be read.
size_t read_everything(const Bytes& image) {
  size_t num_read = 0;
  const auto count = [&](const auto& action) { num_read += error_of(action).empty(); };
  error_of([&] {
    const Hdf5File file(image, "damaged");
    for (const char* name : kArrays) {
      count([&] { floats(file.open_array(name).read()); });
    }
    for (const char* name : {"variable", "fixed", "list", "empty_list"}) {
      count([&] { file.string_list_attribute("", name); });
    }
    count([&] { file.string_attribute("many", "attribute 7"); });
    count([&] { file.num_members("many"); });
  });
  return num_read;
}

std::shared_ptr<std::vector<std::byte>> copy_of(const Bytes& image, size_t size) {
  return std::make_shared<std::vector<std::byte>>(image.data, image.data + size);
}

class Hdf5FileDamaged : public testing::TestWithParam<const char*> {};

TEST_P(Hdf5FileDamaged, CutFile_IsRefused) {
  const Bytes image = map_file(data_path(GetParam()));
  for (size_t size = 0; size < image.size; size += 499) {
    const auto copy = copy_of(image, size);
    EXPECT_NE(error_of([&] { Hdf5File file(Bytes{copy, copy->data(), size}, "cut"); }), "") << size;
  }
}

// Under the sanitizers this finds what reads or writes where it should not.
TEST_P(Hdf5FileDamaged, OverwrittenBytes_DoNoHarm) {
  const Bytes image = map_file(data_path(GetParam()));
  std::mt19937 random(1);
  size_t num_read = 0;
  for (int round = 0; round < 400; ++round) {
    const auto copy = copy_of(image, image.size);
    for (int i = 0; i < 20; ++i) {
      const size_t at = random() % copy->size();
      const size_t end = std::min(copy->size(), at + 1 + random() % 8);
      const auto value = static_cast<std::byte>(random() % 2 == 0 ? 0xff : random());
      std::fill(copy->begin() + static_cast<ptrdiff_t>(at),
                copy->begin() + static_cast<ptrdiff_t>(end), value);
    }
    num_read += read_everything(Bytes{copy, copy->data(), copy->size()});
  }
  EXPECT_GT(num_read, 400u);  // most bytes are data: much can be read still
}

INSTANTIATE_TEST_SUITE_P(
    , Hdf5FileDamaged, testing::Values("arrays.h5", "arrays_v108.h5", "arrays_v110.h5"),
    [](const auto& suite) {
      return std::string(suite.param).substr(0, std::string(suite.param).find('.'));
    });

}  // namespace
}  // namespace hornet
