// How layers name the interpolations of images.
#pragma once

#include "graph/ops/image.h"
#include "layers/family.h"

namespace hornet::layers {

// Error(kUnsupported) for a name that is none.
graph::Interpolation interpolation_of(const LayerContext& layer, const std::string& name);

}  // namespace hornet::layers
