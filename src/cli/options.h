// Options that several commands have.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "hornet/model.h"

namespace hornet::cli {

struct ModelArguments {
  std::string path;
  LoadOptions options;
};

// MODEL and --weights.
CLI::Option* add_model(CLI::App& command, ModelArguments& model);

// A number of rows, at least one.
CLI::Validator row_count();
// Seconds, or other numbers that may have a part; NaN is none.
CLI::Validator number_between(double lowest, double highest);

// Throws CommandError.
Model load_model(const ModelArguments& model);

// --shape: shapes of rows, one an input, for models that leave them open.
CLI::Option* add_shapes(CLI::App& command, std::vector<std::string>& shapes);
// Shapes of the inputs with the batch open, none for no arguments. Throws CommandError.
std::vector<Shape> parse_shapes(const std::vector<std::string>& arguments, const Model& model,
                                const std::string& path);

// "224,224,3", the shape of a row without the rows. Throws CommandError(kUsage).
Shape parse_shape(const std::string& text);

}  // namespace hornet::cli
