#include "cli/verify_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <new>
#include <string_view>
#include <system_error>
#include <utility>

#include "cli/json.h"
#include "cli/predict_arrays.h"
#include "hornet/error.h"
#include "hornet/source.h"

namespace hornet::cli {
namespace {

namespace fs = std::filesystem;

struct Run {
  std::vector<std::string> inputs, outputs;
};

struct Case {
  std::vector<std::string> files;
  std::vector<Run> runs;
  Tolerance tolerance;
};

std::string_view kind_of(const Json& json) {
  switch (json.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::boolean:
      return "a boolean";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::array:
      return "an array";
    case Json::value_t::object:
      return "an object";
    default:
      return "a number";
  }
}

// A JSON file, and what one of its kind looks like.
struct Document {
  Document(std::string its_path, std::string_view its_form)
      : path(std::move(its_path)), form(its_form) {
    std::ifstream file(path);
    if (!file) throw Error(ErrorCode::kIo, fmt::format("cannot open {}", path));
    try {
      json = Json::parse(file);
    } catch (const Json::exception& error) {
      // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
      std::string_view what = error.what();
      if (const size_t end = what.find("] "); end != what.npos) what.remove_prefix(end + 2);
      throw Error(ErrorCode::kInvalidInput, fmt::format("{} is not JSON: {}", path, what));
    }
  }

  const std::string path;
  const std::string_view form;
  Json json;
};

// A value in a document, which must outlive it. What is not as asked for is an Error that says
// where.
class Node {
 public:
  explicit Node(const Document& document) : Node(document, document.json, "") {}

  bool has(const std::string& key) const { return object().contains(key); }
  Node at(const std::string& key) const {
    if (!has(key)) fail(fmt::format("an object without \"{}\"", key));
    return {document_, json_.at(key),
            fmt::format("\"{}\"{}", key, name_.empty() ? "" : " of " + name_)};
  }
  std::vector<Node> entries() const {
    if (!json_.is_array()) fail(kind_of(json_));
    std::vector<Node> nodes;
    for (size_t i = 0; i < json_.size(); ++i) {
      nodes.push_back({document_, json_[i], fmt::format("entry {} of {}", i, name_)});
    }
    return nodes;
  }
  std::string text() const {
    if (!json_.is_string()) fail(kind_of(json_));
    return json_.get<std::string>();
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> all;
    for (const Node& entry : entries()) all.push_back(entry.text());
    return all;
  }
  double number() const {
    if (!json_.is_number()) fail(kind_of(json_));
    return json_.get<double>();
  }

 private:
  Node(const Document& document, const Json& json, std::string name)
      : document_(document), json_(json), name_(std::move(name)) {}

  const Json& object() const {
    if (!json_.is_object()) fail(kind_of(json_));
    return json_;
  }
  [[noreturn]] void fail(std::string_view found) const {
    throw Error(ErrorCode::kInvalidInput,
                fmt::format("{}: {}{}; expected {}", document_.path,
                            name_.empty() ? "" : name_ + " is ", found, document_.form));
  }

  const Document& document_;
  const Json& json_;
  const std::string name_;
};

Case read_case(const std::string& folder) {
  const Document document(folder + "/case.json",
                          R"(an object with "files": ["MODEL", ...] and "runs": )"
                          R"([{"inputs": ["FILE", ...], "outputs": ["FILE", ...]}, ...])");
  const Node root(document);
  Case result;
  result.files = root.at("files").texts();
  for (const Node& run : root.at("runs").entries()) {
    result.runs.push_back({run.at("inputs").texts(), run.at("outputs").texts()});
  }
  if (root.has("rtol")) result.tolerance.relative = root.at("rtol").number();
  if (root.has("atol")) result.tolerance.absolute = root.at("atol").number();
  return result;
}

std::vector<std::string> read_index(const std::string& path) {
  const Document document(path, R"({"cases": [{"folder": "FOLDER"}, ...]})");
  std::vector<std::string> folders;
  for (const Node& entry : Node(document).at("cases").entries()) {
    folders.push_back(entry.at("folder").text());
  }
  if (folders.empty()) throw Error(ErrorCode::kInvalidInput, path + " lists no cases");
  return folders;
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
  std::error_code error;
  if (fs::exists(folder + "/case.json", error)) return {folder};
  const std::string index = folder + "/index.json";
  if (fs::exists(index, error)) return in_folder(folder, read_index(index));
  std::vector<std::string> cases;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    std::error_code ignored;
    if (fs::exists(entry.path() / "case.json", ignored)) cases.push_back(entry.path());
  }
  std::ranges::sort(cases);
  if (cases.empty()) {
    throw Error(ErrorCode::kInvalidInput,
                fmt::format("{} has no case.json, no index.json and no folders with one{}", folder,
                            error ? ": " + error.message() : ""));
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
