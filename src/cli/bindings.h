// Which file belongs to which input or output of a model.
#pragma once

#include <string>
#include <vector>

#include "hornet/model.h"

namespace hornet::cli {

// The name of each input or output; its place in the structure as well ("gru at 1") where several
// have the same name.
std::vector<std::string> labels(const std::vector<TensorSpec>& specs);

// The path for each of `specs`, in their order, from arguments `path` or `NAME=path`, NAME being a
// name or a place in the structure. `role` is "input" or "output", `model` the file of the model.
// An argument with '=' after a '/' is a path. Plain paths are in the order of `specs`.
// Throws CommandError(kUsage).
std::vector<std::string> bind_paths(const std::vector<std::string>& arguments,
                                    const std::vector<TensorSpec>& specs, const std::string& role,
                                    const std::string& model);

// A file name without extension for each of `specs`: its name, made unique and free of '/'.
std::vector<std::string> file_names(const std::vector<TensorSpec>& specs);

}  // namespace hornet::cli
