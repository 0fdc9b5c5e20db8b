#include "data/registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"

namespace hornet {
namespace {

TEST(Registry, Formats_HaveLowerCaseExtensionsOfTheirOwn) {
  const auto all = formats();
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_TRUE(all[i].open_source != nullptr || all[i].open_sink != nullptr);
    for (const std::string_view extension : extensions_of(all[i])) {
      EXPECT_TRUE(extension.starts_with('.'));
      EXPECT_TRUE(std::none_of(extension.begin(), extension.end(), isupper));
      for (size_t j = 0; j < i; ++j) {
        EXPECT_NE(all[i].name, all[j].name);
        for (const std::string_view other : extensions_of(all[j])) {
          EXPECT_FALSE(extension.ends_with(other));
        }
      }
    }
  }
}

TEST(Registry, UnknownExtension_ListsTheKnownOnes) {
  EXPECT_ERROR(open_source("rows.xyz"), ErrorCode::kUnsupported,
               "cannot read rows.xyz: its name ends with none of .npy");
  EXPECT_ERROR(open_sink("npy", DType::kFloat32, {1}, 1), ErrorCode::kUnsupported,
               "cannot write npy: its name ends with none of .npy");
  EXPECT_ERROR(open_source(""), ErrorCode::kUnsupported, "none of");
}

TEST(Registry, ExtensionInCapitals_IsTheSame) {
  TemporaryDirectory directory;
  const std::string path = directory.path("X.NPY");
  open_sink(path, DType::kFloat32, {2}, 0)->finish();
  EXPECT_EQ(open_source(path)->row_shape(), (Shape{2}));
}

TEST(Registry, OpenSink_ShapesNotKnown_AreRefused) {
  EXPECT_ERROR(open_sink("y.npy", DType::kFloat32, {kUnknownDim}, 1), ErrorCode::kInvalidArgument,
               "y.npy: its rows have the shape [None]");
  EXPECT_ERROR(open_sink("y.npy", DType::kFloat32, {1}, -1), ErrorCode::kInvalidArgument,
               "y.npy: -1 rows");
}

using Choices = std::vector<std::pair<std::string, std::string>>;

TEST(Registry, Choices_AreTheMemberAndTheOptionsThatChangeRows) {
  TemporaryDirectory directory;
  const std::string h5 = directory.path("x.h5"), csv = directory.path("x.csv");
  open_sink(h5 + ":/raw", DType::kFloat32, {2}, 1)->finish();
  EXPECT_EQ(open_source(h5)->choices(), Choices());
  SourceOptions options;
  options.memory_bytes = 1 << 20;
  EXPECT_EQ(open_source(h5 + ":/raw", options)->choices(), (Choices{{"member", "/raw"}}));
  write_file(csv, "a;b;c\n1;2;3\n");
  options.columns = {"c", "a"};
  options.delimiter = ';';
  options.header = SourceOptions::Header::kYes;
  EXPECT_EQ(open_source(csv, options)->choices(),
            (Choices{{"columns", "\"c\"\"a\""}, {"delimiter", ";"}, {"header", "yes"}}));
}

TEST(Registry, OpenSource_MissingFile_IsNamed) {
  EXPECT_ERROR(open_source("/nowhere/x.npy"), ErrorCode::kIo, "cannot open /nowhere/x.npy");
}

}  // namespace
}  // namespace hornet
