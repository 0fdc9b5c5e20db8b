// Classes and functions of the user's own that have names of Keras's.
#include <gmock/gmock.h>

#include "unit/base/expect_error.h"
#include "unit/layers/small_model.h"

namespace hornet::layers {
namespace {

std::string own_class(const std::string& class_name, const std::string& config) {
  return fmt::format(R"({{"module": "my.mod", "class_name": "{0}", "registered_name": "my>{0}",
                          "config": {{{1}}}}})",
                     class_name, config);
}

void expect_refused(const std::string& class_name, const std::string& config, const Given& x,
                    const std::string& message) {
  EXPECT_ERROR(run_layer(class_name, config, {x}), ErrorCode::kUnsupported, message);
}

TEST(CustomNames, LayersInBidirectional_AreRefused) {
  expect_refused("Bidirectional", R"("layer": )" + own_class("LSTM", R"("name": "l", "units": 1)"),
                 given({1, 1, 1}, {1}), "it wraps layer \"l\" (LSTM)");
}

TEST(CustomNames, ActivationLayersOfCells_AreRefused) {
  expect_refused("LSTM", R"("units": 1, "activation": )" + own_class("ReLU", R"("name": "r")"),
                 given({1, 1, 1}, {1}), "custom class \"my>ReLU\"");
}

TEST(CustomNames, Activations_AreRefused) {
  for (const char* function : {R"({"module": "my.mod", "class_name": "function", "config": "relu",
            "registered_name": "function"})",
                               R"({"module": "my_props", "class_name": "function", "config": "gelu",
            "registered_name": "gelu"})",
                               R"({"module": "builtins", "class_name": "function", "config": "relu",
            "registered_name": "my>relu"})"}) {
    expect_refused("Activation", std::string(R"("activation": )") + function, given({1, 1}, {1}),
                   "supported: activations of Keras's own");
  }
}

}  // namespace
}  // namespace hornet::layers
