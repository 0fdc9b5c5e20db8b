#include "cli/options.h"

#include <fmt/format.h>

#include <charconv>

#include "cli/bindings.h"
#include "cli/exit_code.h"

namespace hornet::cli {

Shape parse_shape(const std::string& text) {
  Shape shape;
  const char* position = text.data();
  const char* const end = position + text.size();
  while (true) {
    int64_t size = 0;
    const auto [next, error] = std::from_chars(position, end, size);
    if (error != std::errc() || size < 1) break;
    shape.push_back(size);
    if (next == end) return shape;
    if (*next != ',') break;
    position = next + 1;
  }
  throw CommandError(ExitCode::kUsage,
                     fmt::format("--shape {}: expected sizes such as 224,224,3", text));
}

CLI::Option* add_model(CLI::App& command, ModelArguments& model) {
  command
      .add_option("--weights", model.options.weights_path,
                  "A weights file, for a model that is only a JSON config")
      ->type_name("FILE");
  return command.add_option("MODEL", model.path, "A .keras or .h5 file")->type_name("");
}

CLI::Validator number_between(double lowest, double highest) {
  return CLI::Validator(
      [=](std::string& text) {
        double value = 0;
        const bool is_number = CLI::detail::lexical_cast(text, value);
        // Comparisons with NaN are false.
        if (is_number && value >= lowest && value <= highest) return std::string();
        return fmt::format("{} is no number from {} to {}", text, lowest, highest);
      },
      "");
}

CLI::Validator row_count() { return CLI::Range(int64_t{1}, int64_t{1} << 40).description(""); }

Model load_model(const ModelArguments& model) {
  return at_stage(ExitCode::kModel, [&] { return Model::load(model.path, model.options); });
}

CLI::Option* add_shapes(CLI::App& command, std::vector<std::string>& shapes) {
  return command
      .add_option(
          "--shape", shapes,
          "Shape of a row, such as 224,224,3 (or NAME=224,224,3), where the model leaves it "
          "open")
      ->allow_extra_args(false)
      ->type_name("SIZES");
}

std::vector<Shape> parse_shapes(const std::vector<std::string>& arguments, const Model& model,
                                const std::string& path) {
  std::vector<Shape> shapes;
  if (arguments.empty()) return shapes;
  for (const std::string& text : bind_paths(arguments, model.inputs(), "input", path)) {
    Shape shape = parse_shape(text);
    shape.insert(shape.begin(), kUnknownDim);  // the batch
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

}  // namespace hornet::cli
