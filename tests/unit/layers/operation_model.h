// Models of one operation.
#pragma once

#include "unit/layers/small_model.h"

namespace hornet::layers {

// Runs the operation `class_name` with its config ("axis": 1) and its call: arguments and keyword
// arguments as JSON. All but constant shapes are inferred again for the data.
inline Result run_operation(const std::string& class_name, const std::string& config,
                            const std::string& args, const std::vector<Given>& inputs,
                            size_t num_outputs = 1, const std::string& kwargs = "") {
  const std::string op = fmt::format(
      R"({{"module": "keras.src.ops.numpy", "class_name": "{}", "name": "op",
          "config": {{"name": "op"{}{}}},
          "inbound_nodes": [{{"args": [{}], "kwargs": {{{}}}}}]}})",
      class_name, config.empty() ? "" : ", ", config, args, kwargs);
  return run_model(functional(op, inputs, outputs_of("op", num_outputs)), inputs);
}

}  // namespace hornet::layers
