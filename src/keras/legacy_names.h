// What Keras 1 and 2 called things, in tables, and the configs that changed more than a name.
#pragma once

#include <string>

#include "keras/value.h"

namespace hornet::keras {

// Keras 3's name of a class: "Conv2D" for "Convolution2D", "LSTM" for "CuDNNLSTM"; unknown names
// are given back as they are.
std::string current_class_name(const std::string& class_name);

// Rewrites a layer's config, as found in the file under `class_name`, to Keras 3's keys and values;
// may change the class as well ("Merge" of mode "sum" becomes "Add"). Configs of Keras 3 stay as
// they are. Throws Error(kUnsupported) for settings that Keras 3 has no equal for.
void modernise_config(std::string& class_name, Dict& config);

}  // namespace hornet::keras
