// Nodes of a TensorFlow graph in a Keras 2 model: before version 2.4 TensorFlow's functions on
// tensors became layers of class TensorFlowOpLayer.
#pragma once

#include "keras/model_config.h"

namespace hornet::keras {

// Makes a TensorFlowOpLayer the operation of keras.ops that computes the same; its calls must have
// been parsed. Throws Error(kUnsupported) that names the node where there is none.
void convert_tensorflow_node(LayerConfig& layer);

}  // namespace hornet::keras
