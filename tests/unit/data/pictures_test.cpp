#include "data/pictures.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <random>
#include <thread>

#include "data/picture.h"
#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/read_rows.h"

namespace hornet {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

Picture decode(const std::string& bytes, int64_t channels) {
  Picture picture;
  decode_picture(bytes_of(bytes), "the picture", channels, 0, 0, picture);
  return picture;
}

// Rows of an array of PIL's, which may lack the dimension of channels.
std::vector<uint8_t> reference(const std::string& name) {
  return read_rows<uint8_t>(*open_source(test_file("kinds.npz:/" + name)));
}

TEST(Picture, EveryKind_IsDecodedAsPilDoes) {
  for (const char* name :
       {"rgb.png", "rgba.png", "grey.png", "grey_alpha.png", "palette.png", "bit.png", "rgb.jpg",
        "rgb_420.jpg", "grey.jpg", "cmyk.jpg", "pixel.png"}) {
    const std::string bytes = read_file(test_file(std::string("kinds/") + name));
    for (const auto& [channels, mode] :
         {std::pair<int64_t, const char*>(3, "RGB"), {4, "RGBA"}, {1, "L"}}) {
      SCOPED_TRACE(std::string(name) + " " + mode);
      const Picture picture = decode(bytes, channels);
      EXPECT_EQ(picture.channels, channels);
      EXPECT_EQ(picture.pixels.size(),
                static_cast<size_t>(picture.height * picture.width * channels));
      EXPECT_EQ(picture.pixels, reference(std::string(name) + "_" + mode));
    }
  }
}

std::string row_name(const char* picture, int64_t height, int64_t width, const char* rule) {
  return test_file(fmt::format("resized.npz:/{}_{}_{}{}", picture, height, width, rule));
}

TEST(Picture, Resizing_IsWithinATinyPartOfKerassRule) {
  const auto file = [](const char* path) { return read_file(test_file(path)); };
  for (const auto& [name, bytes] :
       {std::pair("b1", file("pictures/b/1.jpg")), std::pair("ay", file("pictures/a/y.jpeg")),
        std::pair("az", file("pictures/a/z.PNG"))}) {
    for (const auto& [height, width] : {std::pair<int64_t, int64_t>(16, 16), {37, 53}, {80, 30}}) {
      SCOPED_TRACE(fmt::format("{} {} {}", name, height, width));
      for (const bool crop : {false, true}) {
        const PictureRow row({height, width, 3}, {.crop_to_aspect_ratio = crop}, name);
        std::vector<float> found(static_cast<size_t>(height * width * 3));
        Picture picture;
        row.read(bytes_of(bytes), name, picture, reinterpret_cast<std::byte*>(found.data()));
        const auto expected =
            read_rows<float>(*open_source(row_name(name, height, width, crop ? "_crop" : "")));
        ASSERT_EQ(found.size(), expected.size());
        float largest = 0;
        for (size_t i = 0; i < found.size(); ++i) {
          largest = std::max(largest, std::abs(found[i] - expected[i]));
        }
        EXPECT_LT(largest, 0.01f);  // of 255
      }
      const PictureRow row({height, width, 3},
                           {.interpolation = SourceOptions::Interpolation::kNearest}, name);
      std::vector<uint8_t> found(static_cast<size_t>(height * width * 3));
      Picture picture;
      row.read(bytes_of(bytes), name, picture, reinterpret_cast<std::byte*>(found.data()));
      EXPECT_EQ(found, read_rows<uint8_t>(*open_source(row_name(name, height, width, "_nearest"))));
    }
  }
}

// Three and four channels go in vectors, but for the columns at the right end.
TEST(Picture, Resizing_OfChannels_IsThatOfEachAlone) {
  for (const int64_t channels : {3, 4}) {
    for (const int64_t size : {1, 2, 3, 5, 17, 64}) {
      Picture picture = {5, size, channels, {}, nullptr};
      picture.pixels.resize(static_cast<size_t>(5 * size * channels));
      for (size_t i = 0; i < picture.pixels.size(); ++i) {
        picture.pixels[i] = static_cast<uint8_t>(i * 37 + i * i * 11);
      }
      for (const int64_t width : {1, 2, 4, 7, 64, 99}) {
        const PictureBox box = {1, size / 3, 4, size - size / 3};
        std::vector<float> all(static_cast<size_t>(3 * width * channels));
        resize_bilinear(picture, box, 3, width, all.data());
        for (int64_t c = 0; c < channels; ++c) {
          Picture grey = {5, size, 1, {}, nullptr};
          for (int64_t i = 0; i < 5 * size; ++i) {
            grey.pixels.push_back(picture.pixels[static_cast<size_t>(i * channels + c)]);
          }
          std::vector<float> one(static_cast<size_t>(3 * width));
          resize_bilinear(grey, box, 3, width, one.data());
          for (int64_t i = 0; i < 3 * width; ++i) {
            ASSERT_EQ(all[static_cast<size_t>(i * channels + c)], one[static_cast<size_t>(i)])
                << channels << " channels, " << size << " to " << width;
          }
        }
      }
    }
  }
}

TEST(Picture, ScaledDecoding_IsOnlyForShrinking) {
  const std::string bytes = read_file(test_file("kinds/rgb.jpg"));  // 37 x 53
  Picture picture;
  decode_picture(bytes_of(bytes), "x", 3, 8, 8, picture);
  EXPECT_EQ(picture.height, 10);  // a quarter
  EXPECT_EQ(picture.width, 14);
  decode_picture(bytes_of(bytes), "x", 3, 37, 53, picture);
  EXPECT_EQ(picture.height, 37);
}

TEST(Picture, CutOrDamaged_IsAnErrorWithItsName) {
  for (const char* name : {"rgb.png", "rgb.jpg", "palette.png", "cmyk.jpg"}) {
    SCOPED_TRACE(name);
    const std::string bytes = read_file(test_file(std::string("kinds/") + name));
    for (size_t size = 0; size + 20 < bytes.size(); size += 1 + size / 20) {
      SCOPED_TRACE(size);
      EXPECT_ERROR(decode(bytes.substr(0, size), 3), ErrorCode::kInvalidInput, "the picture");
    }
    std::minstd_rand random(1);
    for (int i = 0; i < 300; ++i) {
      std::string damaged = bytes;
      for (int k = 0; k < 3; ++k) damaged[random() % damaged.size()] = static_cast<char>(random());
      try {
        decode(damaged, i % 2 ? 3 : 1);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kInvalidInput) << error.what();
      }
    }
  }
  EXPECT_ERROR(decode("GIF89a", 3), ErrorCode::kInvalidInput, "neither a JPEG nor a PNG");
  EXPECT_ERROR(decode("", 3), ErrorCode::kInvalidInput, "is empty");
}

TEST(Picture, HugeClaims_TakeNoMemory) {
  std::string bytes = read_file(test_file("kinds/rgb.png"));
  for (size_t at = 16; at < 24; ++at) bytes[at] = 0x7f;  // width and height; the CRC is wrong too
  EXPECT_ERROR(decode(bytes, 3), ErrorCode::kInvalidInput, "the picture");
  std::string jpeg = read_file(test_file("kinds/rgb.jpg"));
  const size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  for (size_t at = frame + 5; at < frame + 9; ++at) jpeg[at] = static_cast<char>(0xff);
  EXPECT_ERROR(decode(jpeg, 3), ErrorCode::kInvalidInput, "");
}

// Sizes that a picture may have, but not in so few bytes.
TEST(Picture, LargeClaimsOfSmallFiles_AreRefusedBeforeMemoryIsTaken) {
  std::string png = read_file(test_file("kinds/rgb.png"));
  const std::string size("\x00\x00\x27\x10", 4);  // 10,000
  png.replace(16, 17, size + size + std::string("\x08\x02\x00\x00\x00\x35\x2c\xf5\x70", 9));
  EXPECT_ERROR(decode(png, 3), ErrorCode::kInvalidInput, "10000 x 10000 pixels in ");
  std::string jpeg = read_file(test_file("kinds/rgb.jpg"));
  jpeg.replace(jpeg.find("\xff\xc0") + 5, 4, "\x27\x10\x27\x10");
  EXPECT_ERROR(decode(jpeg, 3), ErrorCode::kInvalidInput, "10000 x 10000 pixels in ");
}

const SourceOptions kSmall = {.row_shape = Shape{16, 16, 3}};

TEST(PictureSource, Folder_IsInKerassOrder) {
  const auto source = open_source(test_file("pictures"), kSmall);
  ASSERT_EQ(source->num_rows(), 3);
  EXPECT_EQ(source->dtype(), DType::kFloat32);
  const char* const names[] = {"ay", "az", "b1"};  // a/y.jpeg, a/z.PNG, b/1.jpg
  for (int64_t row = 0; row < 3; ++row) {
    const auto found = read_rows<float>(*source, row, row + 1);
    const auto expected = read_rows<float>(*open_source(row_name(names[row], 16, 16, "")));
    for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 0.01) << row;
  }
  EXPECT_EQ(source->location()->options, kSmall);
}

TEST(PictureSource, List_IsRelativeToItself) {
  SourceOptions options = kSmall;
  options.interpolation = SourceOptions::Interpolation::kNearest;
  const auto source = open_source(test_file("pictures.txt"), options);
  ASSERT_EQ(source->num_rows(), 2);
  EXPECT_EQ(source->dtype(), DType::kUInt8);
  EXPECT_EQ(read_rows<uint8_t>(*source, 0, 1),
            read_rows<uint8_t>(*open_source(row_name("b1", 16, 16, "_nearest"))));
  EXPECT_EQ(read_rows<uint8_t>(*source, 1, 2),
            read_rows<uint8_t>(*open_source(row_name("az", 16, 16, "_nearest"))));
}

TEST(PictureSource, BadPictures_FailAloneByPath) {
  TemporaryDirectory directory;
  write_file(directory.path("a.jpg"), read_file(test_file("kinds/rgb.jpg")));
  write_file(directory.path("b.jpg"), read_file(test_file("kinds/rgb.jpg")).substr(0, 500));
  write_file(directory.path("c.gif"), "GIF89a");
  write_file(directory.path("d.png"), read_file(test_file("kinds/rgb.png")));
  const auto source = open_source(directory.path(), kSmall);
  ASSERT_EQ(source->num_rows(), 4);
  EXPECT_EQ(read_rows<float>(*source, 0, 1).size(), 16u * 16 * 3);
  EXPECT_EQ(read_rows<float>(*source, 3, 4).size(), 16u * 16 * 3);
  EXPECT_ERROR(read_rows<float>(*source, 0, 2), ErrorCode::kInvalidInput,
               "b.jpg is a damaged JPEG picture: ");
  EXPECT_ERROR(read_rows<float>(*source, 2, 3), ErrorCode::kInvalidInput,
               "c.gif is neither a JPEG nor a PNG picture");
  std::filesystem::remove(directory.path("a.jpg"));
  EXPECT_ERROR(read_rows<float>(*source, 0, 1), ErrorCode::kIo, "a.jpg");
}

TEST(PictureSource, LinkToNowhere_FailsAlone) {
  TemporaryDirectory directory;
  std::filesystem::create_symlink("/nowhere.jpg", directory.path("a.jpg"));
  write_file(directory.path("b.jpg"), read_file(test_file("kinds/rgb.jpg")));
  const auto source = open_source(directory.path(), kSmall);
  ASSERT_EQ(source->num_rows(), 2);
  EXPECT_ERROR(read_rows<float>(*source, 0, 1), ErrorCode::kIo, "a.jpg");
  EXPECT_EQ(read_rows<float>(*source, 1, 2).size(), 16u * 16 * 3);
}

TEST(PictureSource, MemoryThatIsTooLittle_FailsThePictureAlone) {
  SourceOptions options = kSmall;
  options.memory_bytes = 2 * 37 * 53 * 3;  // half of it is for pixels
  TemporaryDirectory directory;
  write_file(directory.path("a.jpg"), read_file(test_file("kinds/rgb.jpg")));   // 37 x 53
  write_file(directory.path("b.jpg"), read_file(test_file("kinds/cmyk.jpg")));  // the same, of inks
  const auto bounded = open_source(directory.path(), options);
  EXPECT_EQ(read_rows<float>(*bounded, 0, 1),
            read_rows<float>(*open_source(directory.path(), kSmall), 0, 1));
  EXPECT_ERROR(read_rows<float>(*bounded, 1, 2), ErrorCode::kInvalidInput, "b.jpg takes ");
}

TEST(PictureSource, ShapesThatAreNoPictures_AreRefused) {
  EXPECT_ERROR(open_source(test_file("pictures")), ErrorCode::kInvalidArgument, "--shape");
  for (const Shape& shape : {Shape{16, 16}, Shape{16, 16, 2}, Shape{0, 16, 3}, Shape{3, 16, 16},
                             Shape{1 << 20, 16, 3}}) {
    EXPECT_ERROR(open_source(test_file("pictures"), {.row_shape = shape}),
                 ErrorCode::kShapeMismatch, "pictures make rows of shape");
  }
  TemporaryDirectory empty;
  EXPECT_ERROR(open_source(empty.path(), kSmall), ErrorCode::kInvalidInput, "has no pictures");
}

TEST(PictureSource, Version_IsThatOfEveryPicture) {
  TemporaryDirectory folder;
  std::filesystem::create_directory(folder.path("sub"));
  for (const char* name : {"sub/a.png", "sub/b.png"}) write_file(folder.path(name), name);
  const auto version = [&] { return open_source(folder.path(), kSmall)->version(); };
  const std::string before = version();
  EXPECT_EQ(version(), before);
  EXPECT_EQ(open_source(folder.path() + "/", kSmall)->version(), before);
  write_file(folder.path("sub/b.png"), "longer than before");
  const std::string changed = version();
  EXPECT_NE(changed, before);
  std::filesystem::rename(folder.path("sub/b.png"), folder.path("sub/c.png"));
  EXPECT_NE(version(), changed);
}

TEST(PictureSource, ManyThreads_GetTheRightRows) {
  const auto source = open_source(test_file("pictures"), kSmall);
  const auto expected = read_rows<float>(*source);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) wrong += read_rows<float>(*source) != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace hornet
