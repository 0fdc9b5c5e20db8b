// Integers as categories: one-hot and the like.
#pragma once

#include "layers/family.h"

namespace hornet::layers {

// Integers as vectors of `depth` numbers: output_mode "one_hot" (of each), "multi_hot" (which ones
// occur) or "count" (how often, each time counting as its `weights`, kNoValue for 1) along
// dimension 1. Integers outside count as none.
ValueId encode_categories(const LayerContext& layer, ValueId indices, int64_t depth,
                          const std::string& output_mode, ValueId weights = kNoValue);

}  // namespace hornet::layers
