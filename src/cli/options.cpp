#include "cli/options.h"

#include "cli/bindings.h"
#include "cli/exit_code.h"

namespace hornet::cli {

const char* const kInputHelp =
    "A .npy file, or NAME=FILE for the input NAME of a model with several";

CLI::Option* add_model(CLI::App& command, ModelArguments& model) {
  command
      .add_option("--weights", model.options.weights_path,
                  "A weights file, for a model that is only a JSON config")
      ->type_name("FILE");
  return command.add_option("MODEL", model.path, "A .keras or .h5 file")->type_name("");
}

CLI::Validator row_count() { return CLI::Range(int64_t{1}, int64_t{1} << 40).description(""); }

Model load_model(const ModelArguments& model) {
  return at_stage(ExitCode::kModel, [&] { return Model::load(model.path, model.options); });
}

std::vector<std::unique_ptr<Source>> open_inputs(const std::vector<std::string>& arguments,
                                                 const Model& model, const std::string& path) {
  std::vector<std::unique_ptr<Source>> sources;
  for (const std::string& input : bind_paths(arguments, model.inputs(), "input", path)) {
    sources.push_back(at_stage(ExitCode::kInput, [&] { return open_source(input); }));
  }
  return sources;
}

}  // namespace hornet::cli
