// What the arguments of a layer's call are called in Keras.
#pragma once

#include <string_view>

#include "layers/lowering.h"

namespace hornet::layers {

// Gives the arguments behind the first that a call of this class has by position their names.
void name_arguments(std::string_view class_name, CallArguments& call);

}  // namespace hornet::layers
