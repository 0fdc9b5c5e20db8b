// TensorFlow functions called on tensors of a Keras 2 model (`x + 3.0`, `tf.nn.relu(x)`), which
// Keras 2 wrote as layers of class TFOpLambda and SlicingOpLambda.
#pragma once

#include "keras/model_config.h"

namespace hornet::keras {

// Whether Keras 2 wrote a TensorFlow function as a layer of this class.
bool is_tensorflow_op(const std::string& class_name);

// Makes the layer the operation of keras.ops that computes the same; its calls must have been
// parsed. Throws Error(kUnsupported) that names the function where there is none.
void convert_tensorflow_op(LayerConfig& layer);

}  // namespace hornet::keras
