#include "cli/verify_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <new>
#include <nlohmann/json.hpp>

#include "cli/predict_arrays.h"
#include "hornet/error.h"
#include "hornet/source.h"

namespace hornet::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Run {
  std::vector<std::string> inputs, outputs;
};

struct Case {
  std::vector<std::string> files;
  std::vector<Run> runs;
  Tolerance tolerance;
};

// What `read` makes of a JSON file.
template <class Function>
auto with_json(const std::string& path, Function&& read) {
  std::ifstream file(path);
  if (!file) throw Error(ErrorCode::kIo, fmt::format("cannot open {}", path));
  try {
    return read(Json::parse(file));
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kInvalidInput, fmt::format("{}: {}", path, error.what()));
  }
}

Case read_case(const std::string& folder) {
  return with_json(folder + "/case.json", [](const Json& json) {
    Case result;
    json.at("files").get_to(result.files);
    for (const Json& run : json.at("runs")) {
      result.runs.push_back({run.at("inputs"), run.at("outputs")});
    }
    result.tolerance.relative = json.value("rtol", result.tolerance.relative);
    result.tolerance.absolute = json.value("atol", result.tolerance.absolute);
    return result;
  });
}

std::vector<std::string> in_folder(const std::string& folder, std::vector<std::string> names) {
  for (std::string& name : names) name = folder + "/" + name;
  return names;
}

Comparison run_model(const std::string& folder, const Model& model, const Run& run,
                     const Tolerance& tolerance) {
  const std::vector<Tensor> outputs = predict_arrays(model, in_folder(folder, run.inputs));
  if (outputs.size() != run.outputs.size()) {
    throw Error(ErrorCode::kShapeMismatch, fmt::format("the model has {} outputs, the case {}",
                                                       outputs.size(), run.outputs.size()));
  }
  Comparison comparison;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor expected = read_npy(folder + "/" + run.outputs[i]);
    comparison.merge(compare(run.outputs[i], outputs[i].view(), expected.view(), tolerance));
  }
  return comparison;
}

// Calls `check`; what it throws is a failure.
template <class Function>
void record(CaseResult& result, const std::string& what, Function&& check) {
  std::string failure;
  try {
    failure = check();
  } catch (const Error& error) {
    failure = error.message();
  } catch (const std::bad_alloc&) {
    failure = "out of memory";
  }
  if (!failure.empty()) result.failures.push_back(what.empty() ? failure : what + ": " + failure);
}

}  // namespace

std::vector<std::string> find_cases(const std::string& folder) {
  if (fs::exists(folder + "/case.json")) return {folder};
  std::vector<std::string> cases;
  if (fs::exists(folder + "/index.json")) {
    cases = with_json(folder + "/index.json", [&](const Json& json) {
      std::vector<std::string> folders;
      for (const Json& entry : json.at("cases")) folders.push_back(entry.at("folder"));
      return in_folder(folder, std::move(folders));
    });
  } else if (fs::is_directory(folder)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (fs::exists(entry.path() / "case.json")) cases.push_back(entry.path());
    }
    std::ranges::sort(cases);
  }
  if (cases.empty()) {
    throw Error(ErrorCode::kInvalidInput,
                fmt::format("{} has no case.json, no index.json and no folders with one", folder));
  }
  return cases;
}

CaseResult run_case(const std::string& folder, const Tolerance* override_tolerance) {
  CaseResult result;
  record(result, "", [&]() -> std::string {
    const Case the_case = read_case(folder);
    const Tolerance& tolerance = override_tolerance ? *override_tolerance : the_case.tolerance;
    for (const std::string& file : the_case.files) {
      record(result, file, [&]() -> std::string {
        const Model model = Model::load(folder + "/" + file);
        for (size_t i = 0; i < the_case.runs.size(); ++i) {
          record(result, file, [&] {
            const Comparison comparison = run_model(folder, model, the_case.runs[i], tolerance);
            result.comparison.merge(comparison);
            return comparison.failure;
          });
        }
        return the_case.runs.empty() ? "the case has no runs" : "";
      });
    }
    return the_case.files.empty() ? "the case has no model files" : "";
  });
  return result;
}

}  // namespace hornet::cli
