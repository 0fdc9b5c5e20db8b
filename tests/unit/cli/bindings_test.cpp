#include "cli/bindings.h"

#include <gmock/gmock.h>

#include "cli/exit_code.h"

namespace hornet::cli {
namespace {

using Strings = std::vector<std::string>;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<TensorSpec> kTwo = {{"img", "pair.0", {}, {}}, {"ids", "pair.1", {}, {}}};
const std::vector<TensorSpec> kSameName = {{"gru", "0", {}, {}}, {"gru", "1", {}, {}}};

Strings bind(const Strings& arguments, const std::vector<TensorSpec>& specs) {
  return bind_paths(arguments, specs, "input", "net.keras");
}

std::string failure(const Strings& arguments, const std::vector<TensorSpec>& specs) {
  try {
    bind(arguments, specs);
  } catch (const CommandError& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    return error.what();
  }
  return "";
}

TEST(BindPaths, OneInput_TakesAPlainPath) {
  EXPECT_THAT(bind({"x.npy"}, {{"img", "", {}, {}}}), ElementsAre("x.npy"));
}

TEST(BindPaths, Names_AreMatchedInAnyOrder) {
  EXPECT_THAT(bind({"ids=b.npy", "img=a.npy"}, kTwo), ElementsAre("a.npy", "b.npy"));
}

TEST(BindPaths, PlaceInTheStructure_StandsForTheName) {
  EXPECT_THAT(bind({"pair.1=b.npy", "img=a.npy"}, kTwo), ElementsAre("a.npy", "b.npy"));
  EXPECT_THAT(bind({"1=b.npy", "0=a.npy"}, kSameName), ElementsAre("a.npy", "b.npy"));
}

TEST(BindPaths, PlainPaths_AreInTheOrderOfTheModel) {
  EXPECT_THAT(bind({"a.npy", "b.npy"}, kTwo), ElementsAre("a.npy", "b.npy"));
}

TEST(BindPaths, EqualsSignInAPath_NeedsASlashOrAName) {
  const std::vector<TensorSpec> one = {{"img", "", {}, {}}};
  EXPECT_THAT(bind({"./a=b.npy"}, one), ElementsAre("./a=b.npy"));
  EXPECT_THAT(bind({"img=a=b.npy"}, one), ElementsAre("a=b.npy"));
  EXPECT_THAT(failure({"a=b.npy"}, one), HasSubstr("has no input \"a\"; it has img"));
}

TEST(BindPaths, NameWithEqualsSign_IsMatchedAsAWhole) {
  const std::vector<TensorSpec> specs = {{"a", "0", {}, {}}, {"a=b", "1", {}, {}}};
  EXPECT_THAT(bind({"a=b=y.npy", "a=x.npy"}, specs), ElementsAre("x.npy", "y.npy"));
}

TEST(BindPaths, NonAsciiName_IsMatched) {
  EXPECT_THAT(bind({"größe=ä.npy"}, {{"größe", "", {}, {}}}), ElementsAre("ä.npy"));
}

TEST(BindPaths, WhatDoesNotFit_IsRefusedWithAReason) {
  EXPECT_THAT(failure({"a.npy"}, kTwo), HasSubstr("net.keras has 2 inputs (img and ids), but 1 "
                                                  "file is given"));
  EXPECT_THAT(failure({"img=a.npy"}, kTwo), HasSubstr("input \"ids\" of net.keras is not given"));
  EXPECT_THAT(failure({"img=a", "img=b"}, kTwo), HasSubstr("input \"img\" is given twice"));
  EXPECT_THAT(failure({"img=a", "b.npy"}, kTwo), HasSubstr("name either all inputs"));
  EXPECT_THAT(failure({"img=", "ids=b"}, kTwo), HasSubstr("no file after the \"=\""));
  EXPECT_THAT(failure({"gru=a", "1=b"}, kSameName), HasSubstr("2 inputs of net.keras are called "
                                                              "\"gru\""));
}

TEST(FileNames, EqualNames_AreToldApartByTheirPlace) {
  EXPECT_THAT(file_names(kSameName), ElementsAre("gru_0", "gru_1"));
  EXPECT_THAT(file_names({{"a", "", {}, {}}, {"a", "", {}, {}}, {"a_0", "", {}, {}}}),
              ElementsAre("a_0", "a_1", "a_0_2"));
}

TEST(FileNames, NamesNeverLeadOutOfTheFolder) {
  EXPECT_THAT(file_names({{"../../etc/passwd", "", {}, {}}, {"", "", {}, {}}}),
              ElementsAre(".._.._etc_passwd", "output_1"));
}

}  // namespace
}  // namespace hornet::cli
