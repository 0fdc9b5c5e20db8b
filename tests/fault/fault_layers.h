// A layer that fails where its rows tell it to: the model of examples/custom_layer with another
// PeakHold.
#pragma once

#include <string>
#include <vector>

#include "hornet/custom_layer.h"

namespace hornet {

// What a row whose numbers are near one of these does. No other number is near.
inline constexpr float kThrows = 10000, kCrashes = 20000, kHangs = 30000, kRunsOutOfMemory = 40000,
                       kGivesNaN = 50000, kExits = 60000, kIsSlow = 70000;

std::vector<CustomLayerDefinition> fault_layers();

}  // namespace hornet
