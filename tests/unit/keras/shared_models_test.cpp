// Loads the reference models beside the source tree, where they are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <vector>

#include "base/check.h"
#include "keras/json.h"
#include "keras/load.h"
#include "paths.h"

namespace hornet::keras {
namespace {

namespace fs = std::filesystem;

const fs::path kShared = fs::path(HORNET_SOURCE_DIR) / ".." / "shared";

std::vector<std::string> models_below(const fs::path& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension();
    if (extension == ".keras" || extension == ".h5") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

size_t count_layers(const ModelConfig& model) {
  size_t count = 0;
  for (const LayerConfig& layer : model.layers) {
    count += 1 + (layer.model ? count_layers(*layer.model) : 0);
  }
  return count;
}

class SharedModels : public testing::TestWithParam<const char*> {};

TEST_P(SharedModels, AllLoad) {
  const fs::path folder = kShared / GetParam();
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not there";
  size_t num_models = 0, num_layers = 0, num_failures = 0;
  for (const std::string& path : models_below(folder)) {
    if (path.find("/errors/") != path.npos) continue;
    try {
      const LoadedModel model = load(path);
      ++num_models;
      num_layers += count_layers(model.config);
      EXPECT_NE(model.weights, nullptr) << path;
      EXPECT_NE(model.keras_version, "") << path;
    } catch (const std::exception& error) {
      ++num_failures;
      ADD_FAILURE() << path << ": " << error.what();
    }
  }
  std::cout << folder.filename() << ": " << num_models << " models with " << num_layers
            << " layers load, " << num_failures << " fail\n";
}

INSTANTIATE_TEST_SUITE_P(, SharedModels, testing::Values("golden", "real", "bench", "digits"));

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// What loading alone must refuse; the other bad models are seen through by lowering or binding.
TEST(SharedErrors, AreRefusedOrLoadedWithoutHarm) {
  const fs::path folder = kShared / "golden" / "errors";
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const Value index = parse_json(read_text(folder / "index.json"), "index.json");
  for (const Value& item : *index.get_if<List>()) {
    const Dict& entry = *item.get_if<Dict>();
    const auto text = [&](const char* key) { return *entry.find(key)->get_if<std::string>(); };
    if (text("kind") != "model") continue;
    std::string outcome = "loads";
    try {
      load(folder / text("name") / text("file"));
    } catch (const Error& error) {
      outcome = error.what();
    }
    std::cout << text("name") << " [" << text("expect") << "]: " << outcome << "\n";
    if (text("expect") == "loads") {
      EXPECT_EQ(outcome, "loads") << text("name");
    }
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << "peak memory " << usage.ru_maxrss / 1024 << " MiB\n";
}

}  // namespace
}  // namespace hornet::keras
