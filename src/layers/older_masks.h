// How masks went through a model that Keras 1 or 2 computed, where Keras 3 has other rules.
#pragma once

#include "layers/lowering.h"

namespace hornet::layers {

enum class OlderMaskRule {
  kToday,         // Keras 3's
  kPass,          // the mask of the first input
  kDrop,          // none
  kCustom,        // what the lowering function puts into its result
  kMerged,        // shown where all inputs with a mask show it
  kConcatenated,  // the inputs' masks, joined as the inputs are
};

// For a layer of Keras's own in a model of Keras `version`.
OlderMaskRule older_mask_rule(const keras::LayerConfig& layer, const keras::KerasVersion& version);

// Takes away the masks that inputs carry where the layer's values did not depend on them.
void hide_masks_from_values(const LayerContext& layer, CallArguments& call);

// The masks of a call's results by the rule.
void set_older_masks(const LayerContext& layer, OlderMaskRule rule, const CallArguments& call,
                     Symbols& outputs);

}  // namespace hornet::layers
