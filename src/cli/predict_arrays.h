// Whole arrays, for verifying.
#pragma once

#include <string>
#include <vector>

#include "hornet/model.h"

namespace hornet::cli {

// What the model gives for the rows of the files, one an input, all in one batch.
std::vector<Tensor> predict_arrays(const Model& model, const std::vector<std::string>& inputs);

}  // namespace hornet::cli
