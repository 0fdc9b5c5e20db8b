// Every line of the registry is tested by name: in a golden case, or in a test of this folder.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "keras/json.h"
#include "layers/lowering.h"
#include "paths.h"

namespace hornet::layers {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "Dense" for layers, "ops.Add" for operations, as the cases list them.
std::set<std::string> golden_names() {
  std::set<std::string> names;
  for (const auto& folder : fs::directory_iterator(HORNET_SOURCE_DIR "/tests/golden")) {
    const fs::path path = folder.path() / "case.json";
    if (!fs::exists(path)) continue;
    const keras::Value json = keras::parse_json(text_of(path), path.string());
    const keras::Value* layers = json.get_if<keras::Dict>()->find("layers");
    if (layers == nullptr) continue;
    for (const keras::Value& name : *layers->get_if<keras::List>()) {
      names.insert(*name.get_if<std::string>());
    }
  }
  return names;
}

std::string unit_tests() {
  std::string text;
  for (const auto& file : fs::directory_iterator(HORNET_SOURCE_DIR "/tests/unit/layers")) {
    if (file.path().extension() == ".cpp") text += text_of(file.path());
  }
  return text;
}

std::string untested(const std::vector<LayerDefinition>& lines, const std::string& prefix) {
  static const std::set<std::string> golden = golden_names();
  static const std::string unit = unit_tests();
  std::string names;
  for (const LayerDefinition& line : lines) {
    const std::string name(line.class_name);
    if (golden.count(prefix + name) > 0) continue;
    if (unit.find('"' + name + '"') == std::string::npos) names += " " + name;
  }
  return names;
}

TEST(Registry, EveryLineHasAGoldenCaseOrAUnitTest) {
  EXPECT_EQ(untested(Registry::keras().layers(), ""), "");
  EXPECT_EQ(untested(Registry::keras().operations(), "ops."), "");
}

}  // namespace
}  // namespace hornet::layers
