// Options that several commands have.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "hornet/model.h"
#include "hornet/source.h"

namespace hornet::cli {

struct ModelArguments {
  std::string path;
  LoadOptions options;
};

// MODEL and --weights.
CLI::Option* add_model(CLI::App& command, ModelArguments& model);

// A number of rows, at least one.
CLI::Validator row_count();

// Both throw CommandError.
Model load_model(const ModelArguments& model);
// One source an input of `model`, from INPUT arguments.
std::vector<std::unique_ptr<Source>> open_inputs(const std::vector<std::string>& arguments,
                                                 const Model& model, const std::string& path);

// --shape: shapes of rows, one an input, for models that leave them open.
CLI::Option* add_shapes(CLI::App& command, std::vector<std::string>& shapes);
// Shapes of the inputs with the batch open, none for no arguments. Throws CommandError.
std::vector<Shape> parse_shapes(const std::vector<std::string>& arguments, const Model& model,
                                const std::string& path);

extern const char* const kInputHelp;

}  // namespace hornet::cli
