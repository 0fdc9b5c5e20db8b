// What two Python classes of a model compute, for Hornet.
#pragma once

#include <hornet/custom_layer.h>

// "my_package>GatedResidual", made of operations and a layer of Keras, and
// "my_package>PeakHold", a loop of its own. make_model.py shows the Python.
std::vector<hornet::CustomLayerDefinition> my_layers();
