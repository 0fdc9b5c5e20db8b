// Random models of one family of layers each, as Keras writes them, with inputs that fit them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hornet/tensor.h"
#include "property/random_case.h"

namespace hornet::property {

struct RandomModel {
  std::string text;            // config.json
  std::vector<Tensor> inputs;  // one an input of the model
};

struct LayerFamily {
  std::string_view name;
  RandomModel (*make)(Random& random, int64_t num_rows);
  int num_cases = 20;
};
const std::vector<LayerFamily>& layer_families();

}  // namespace hornet::property
