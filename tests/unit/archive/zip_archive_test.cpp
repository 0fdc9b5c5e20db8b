#include "archive/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "unit/archive/fixtures.h"

namespace hornet {
namespace {

using testing::HasSubstr;

std::string text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

std::shared_ptr<std::string> file_copy(const std::string& name) {
  const Bytes bytes = map_file(data_path(name));
  return std::make_shared<std::string>(text_of(bytes));
}

Bytes bytes_of(const std::shared_ptr<std::string>& text) {
  return {text, reinterpret_cast<const std::byte*>(text->data()), text->size()};
}

// A zip archive of one stored entry, "a".
std::string archive_of(const std::string& contents) {
  const auto little_endian = [](uint64_t number, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(number >> (8 * i));
    return text;
  };
  const auto crc =
      crc32(0, reinterpret_cast<const Bytef*>(contents.data()), static_cast<uInt>(contents.size()));
  const std::string size = little_endian(contents.size(), 4);
  // Method, time, date, checksum, sizes, lengths of name and extra field.
  const std::string common = little_endian(0, 6) + little_endian(crc, 4) + size + size +
                             little_endian(1, 2) + little_endian(0, 2);
  const std::string local = "PK\3\4" + little_endian(0, 4) + common + "a" + contents;
  const std::string central = "PK\1\2" + little_endian(0, 6) + common + little_endian(0, 14) + "a";
  return local + central + "PK\5\6" + little_endian(0, 4) + little_endian(1, 2) +
         little_endian(1, 2) + little_endian(central.size(), 4) + little_endian(local.size(), 4) +
         little_endian(0, 2);
}

TEST(ZipArchive, StoredEntry_IsPartOfTheFilesBytes) {
  const Bytes file = map_file(data_path("plain.zip"));
  const ZipArchive archive(file);
  const Bytes other = archive.read(*archive.find("other"), 100);
  EXPECT_EQ(text_of(other), "xxxxx");
  EXPECT_GE(other.data, file.data);
  EXPECT_LT(other.data, file.data + file.size);
  EXPECT_EQ(archive.find("absent"), nullptr);
}

TEST(ZipArchive, DeflatedEntry_Inflates) {
  const ZipArchive plain(map_file(data_path("nested.keras")));
  const ZipArchive deflated(map_file(data_path("nested_deflated.keras")));
  const auto weights = [](const ZipArchive& archive) {
    return text_of(archive.read(*archive.find("model.weights.h5"), 1 << 20));
  };
  EXPECT_EQ(weights(plain), weights(deflated));
}

// Deflated contents come from calls, stored ones from the file's bytes.
TEST(ZipArchive, DeflatedEntry_IsReadByTheFunctionGiven) {
  const Bytes file = map_file(data_path("nested_deflated.keras"));
  int calls = 0;
  const ZipArchive archive(file, [&](size_t offset, std::span<std::byte> bytes) {
    ++calls;
    std::memcpy(bytes.data(), file.data + offset, bytes.size());
  });
  const ZipArchive mapped(file);
  for (const ZipEntry& entry : archive.entries()) {
    EXPECT_EQ(text_of(archive.read(entry, 1 << 20)), text_of(mapped.read(entry, 1 << 20)));
  }
  EXPECT_EQ(calls, static_cast<int>(archive.entries().size()));
  const ZipArchive failing(
      file, [](size_t, std::span<std::byte>) { fail(ErrorCode::kIo, "the disk is gone"); });
  EXPECT_EQ(error_of([&] { failing.read(failing.entries()[0], 1 << 20); }), "io: the disk is gone");
  const Bytes plain = map_file(data_path("plain.zip"));
  const ZipArchive stored(plain, [](size_t, std::span<std::byte>) { FAIL(); });
  EXPECT_EQ(text_of(stored.read(*stored.find("other"), 100)), "xxxxx");
}

TEST(ZipArchive, Zip64Sizes_AreRead) {
  const ZipArchive archive(map_file(data_path("zip64.keras")));
  EXPECT_EQ(archive.entries().size(), 2u);
  EXPECT_THAT(text_of(archive.read(*archive.find("config.json"), 1 << 20)),
              HasSubstr("Sequential"));
}

TEST(ZipArchive, DamagedContents_FailTheChecksum) {
  const ZipArchive archive(map_file(data_path("bad_checksum.zip")));
  EXPECT_THAT(error_of([&] { archive.read(*archive.find("other"), 100); }),
              HasSubstr("invalid_model: the zip entry \"other\" is damaged: its checksum"));
}

// Checksums are computed in pieces of a megabyte.
TEST(ZipArchive, ContentsOfAnySize_AreCheckedWhole) {
  for (const size_t size : {0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (5 << 20) / 2}) {
    std::string contents(size, '\0');
    for (size_t i = 0; i < size; ++i) contents[i] = static_cast<char>(i * i >> 3);
    const auto file = std::make_shared<std::string>(archive_of(contents));
    const ZipArchive archive(bytes_of(file));
    const ZipEntry& entry = *archive.find("a");
    EXPECT_EQ(text_of(archive.read(entry, size)), contents) << size;
    constexpr size_t begin = 31;  // after the local header and the name
    for (const size_t at : {size_t{0}, size / 2, size - 1}) {
      if (size == 0) continue;
      (*file)[begin + at] ^= 1;
      EXPECT_THAT(error_of([&] { archive.read(entry, size); }), HasSubstr("its checksum does not"))
          << at << " of " << size;
      (*file)[begin + at] ^= 1;
    }
  }
}

TEST(ZipArchive, ChecksumOfContents_IsThatOfNamesAndContents) {
  const auto checksum = [](const char* name) {
    return ZipArchive(map_file(data_path(name))).checksum_of_contents();
  };
  EXPECT_EQ(checksum("nested.keras"), checksum("nested_deflated.keras"));
  EXPECT_NE(checksum("nested.keras"), checksum("plain.zip"));
  const auto of_one = [](const std::string& contents, char name) {
    auto archive = std::make_shared<std::string>(archive_of(contents));
    std::replace(archive->begin(), archive->end(), 'a', name);
    return ZipArchive(bytes_of(archive)).checksum_of_contents();
  };
  EXPECT_NE(of_one("1", 'a'), of_one("2", 'a'));
  EXPECT_NE(of_one("1", 'a'), of_one("1", 'b'));
}

TEST(ZipArchive, LocalHeaderOfAnotherName_IsRefused) {
  const ZipArchive archive(map_file(data_path("bad_name.zip")));
  EXPECT_THAT(error_of([&] { archive.read(*archive.find("other"), 100); }),
              HasSubstr("another name in its own header"));
}

TEST(ZipArchive, EntryBeyondTheLimit_IsRefused) {
  const ZipArchive archive(map_file(data_path("plain.zip")));
  EXPECT_THAT(error_of([&] { archive.read(*archive.find("other"), 4); }),
              HasSubstr("claims 5 bytes; expected at most 4"));
}

// The directory's claims about the inflated size are checked before memory is taken.
TEST(ZipArchive, ImpossibleRatio_IsRefused) {
  const ZipArchive archive(map_file(data_path("nested_deflated.keras")));
  ZipEntry entry = *archive.find("config.json");
  entry.size = uint64_t{1} << 40;
  EXPECT_THAT(error_of([&] { archive.read(entry, uint64_t{1} << 50); }),
              HasSubstr("cannot yield as many"));
  entry.size = 10;
  EXPECT_THAT(error_of([&] { archive.read(entry, 100); }), HasSubstr("does not inflate"));
}

TEST(ZipArchive, EncryptedOrUnknownMethod_IsUnsupported) {
  const ZipArchive archive(map_file(data_path("plain.zip")));
  ZipEntry entry = *archive.find("other");
  entry.flags = 1;
  EXPECT_THAT(error_of([&] { archive.read(entry, 100); }), HasSubstr("unsupported"));
  entry.flags = 0;
  entry.method = 93;
  EXPECT_THAT(error_of([&] { archive.read(entry, 100); }), HasSubstr("method 93"));
}

TEST(ZipArchive, NoArchiveCutAnywhere_DoesHarm) {
  for (const char* name : {"zip64.keras", "plain.zip", "nested_deflated.keras"}) {
    const auto whole = file_copy(name);
    for (size_t size = 0; size < whole->size(); size += 7) {
      // Of its own size, so that a read past the end is seen by the address sanitizer.
      const auto cut = std::make_shared<std::string>(whole->substr(0, size));
      cut->shrink_to_fit();
      EXPECT_NE(error_of([&] { ZipArchive archive(bytes_of(cut)); }), "") << name << " " << size;
    }
  }
}

TEST(ZipArchive, AnyFlippedByte_IsAnErrorOrHarmless) {
  for (const char* name : {"zip64.keras", "plain.zip"}) {
    const auto whole = file_copy(name);
    for (size_t at = 0; at < whole->size(); ++at) {
      const auto flipped = std::make_shared<std::string>(*whole);
      (*flipped)[at] = static_cast<char>(~(*flipped)[at]);
      error_of([&] {
        const ZipArchive archive(bytes_of(flipped));
        for (const ZipEntry& entry : archive.entries()) {
          const Bytes contents = archive.read(entry, 1 << 20);
          EXPECT_LE(contents.size, size_t{1} << 20);
        }
      });
    }
  }
}

}  // namespace
}  // namespace hornet
