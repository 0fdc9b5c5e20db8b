// Inputs of a command, and the options that say how to read them.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "hornet/model.h"
#include "hornet/source.h"

namespace hornet::cli {

// As given; each may be VALUE, for all inputs, or NAME=VALUE for one.
struct SourceArguments {
  std::vector<std::string> formats, dtypes, shapes, columns, delimiters, headers, interpolations;
  bool crop_to_aspect_ratio = false, scaled_decoding = false;
  size_t memory_bytes = 0;  // of one input
};

// --format, --dtype, --columns, ..., and --shape where `with_shape`.
void add_source_options(CLI::App& command, SourceArguments& arguments, bool with_shape = true);

extern const char* const kInputHelp;

// One source an input of `model`, from INPUT arguments. A single file with members (.npz, HDF5)
// gives each input of a model with several the member of its name. Throws CommandError.
std::vector<std::unique_ptr<Source>> open_inputs(const std::vector<std::string>& inputs,
                                                 const Model& model, const std::string& model_path,
                                                 const SourceArguments& arguments);

// An input of no model. Throws CommandError.
std::unique_ptr<Source> open_input(const std::string& path, const SourceArguments& arguments);

}  // namespace hornet::cli
