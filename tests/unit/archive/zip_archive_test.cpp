#include "archive/zip_archive.h"

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
