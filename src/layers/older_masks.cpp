#include "layers/older_masks.h"

#include <algorithm>

namespace hornet::layers {
namespace {

struct ClassRule {
  std::string_view class_name;
  OlderMaskRule rule;
};

constexpr ClassRule kRules[] = {
    {"Add", OlderMaskRule::kMerged},
    {"AdditiveAttention", OlderMaskRule::kCustom},
    {"Attention", OlderMaskRule::kCustom},
    {"Average", OlderMaskRule::kMerged},
    {"BatchNormalization", OlderMaskRule::kPass},
    {"Bidirectional", OlderMaskRule::kCustom},
    {"Concatenate", OlderMaskRule::kConcatenated},
    {"ConvLSTM1D", OlderMaskRule::kCustom},
    {"ConvLSTM2D", OlderMaskRule::kCustom},
    {"ConvLSTM3D", OlderMaskRule::kCustom},
    {"GRU", OlderMaskRule::kCustom},
    {"Identity", OlderMaskRule::kDrop},
    {"LSTM", OlderMaskRule::kCustom},
    {"Maximum", OlderMaskRule::kMerged},
    {"Minimum", OlderMaskRule::kMerged},
    {"Multiply", OlderMaskRule::kMerged},
    {"Normalization", OlderMaskRule::kDrop},
    {"RNN", OlderMaskRule::kCustom},
    {"Rescaling", OlderMaskRule::kDrop},
    {"SimpleRNN", OlderMaskRule::kCustom},
    {"Softmax", OlderMaskRule::kPass},
    {"Subtract", OlderMaskRule::kMerged},
    {"TimeDistributed", OlderMaskRule::kCustom},
};

// Keras 2.10 brought masks to MultiHeadAttention.
bool attention_sees_masks(const keras::KerasVersion& version) { return !version.before(2, 10); }

ValueId joint_mask(const Builder& b, const Symbols& tensors) {
  ValueId mask = kNoValue;
  for (const Symbol& tensor : tensors) {
    if (tensor.mask == kNoValue) continue;
    mask = mask == kNoValue ? tensor.mask : b.binary(BinaryKind::logical_and, mask, tensor.mask);
  }
  return mask;
}

// Inputs without a mask count as wholly shown; a step is shown where all features are.
ValueId concatenated_mask(const LayerContext& layer, const Symbols& tensors) {
  const Builder& b = layer.build();
  std::vector<ValueId> masks;
  bool any = false;
  for (const Symbol& tensor : tensors) {
    any = any || tensor.mask != kNoValue;
    ValueId mask = tensor.mask;
    if (mask == kNoValue) {
      const ValueId x = tensor.value;
      mask = b.binary(BinaryKind::logical_or, b.binary(BinaryKind::equal, x, x),
                      b.binary(BinaryKind::not_equal, x, x));
    } else if (b.rank(mask) < b.rank(tensor.value)) {
      mask = b.expand_dims(mask, b.rank(mask));
    }
    masks.push_back(mask);
  }
  if (!any) return kNoValue;
  const int64_t axis = b.axis(layer.attributes().integer("axis", -1), b.rank(tensors[0].value));
  return b.reduce(graph::ReduceKind::all, b.concat(masks, axis), {-1}, false);
}

}  // namespace

OlderMaskRule older_mask_rule(const keras::LayerConfig& layer, const keras::KerasVersion& version) {
  if (version.major >= 3 || layer.is_operation) return OlderMaskRule::kToday;
  if (layer.class_name == "MultiHeadAttention") {
    return attention_sees_masks(version) ? OlderMaskRule::kCustom : OlderMaskRule::kDrop;
  }
  const auto found = std::find_if(std::begin(kRules), std::end(kRules), [&](const ClassRule& rule) {
    return rule.class_name == layer.class_name;
  });
  return found == std::end(kRules) ? OlderMaskRule::kToday : found->rule;
}

void hide_masks_from_values(const LayerContext& layer, CallArguments& call) {
  const std::string& class_name = layer.config().class_name;
  const keras::KerasVersion& version = layer.lowering().version();
  const OlderMaskRule rule = older_mask_rule(layer.config(), version);
  const bool hidden = rule == OlderMaskRule::kMerged || rule == OlderMaskRule::kConcatenated ||
                      (class_name == "MultiHeadAttention" && !attention_sees_masks(version));
  const Builder& b = layer.build();
  call.change_tensors([&](Symbol& symbol) {
    // A mask of steps was nothing to a softmax over features.
    const bool of_steps = class_name == "Softmax" && symbol.mask != kNoValue &&
                          b.rank(symbol.mask) != b.rank(symbol.value);
    if (hidden || of_steps) symbol.mask = kNoValue;
  });
}

void set_older_masks(const LayerContext& layer, OlderMaskRule rule, const CallArguments& call,
                     Symbols& outputs) {
  if (rule == OlderMaskRule::kCustom) return;
  ValueId mask = kNoValue;
  if (rule == OlderMaskRule::kPass) mask = call.passed_mask();
  if (rule == OlderMaskRule::kMerged) mask = joint_mask(layer.build(), call.tensors());
  if (rule == OlderMaskRule::kConcatenated) mask = concatenated_mask(layer, call.tensors());
  for (Symbol& output : outputs) output.mask = mask;
}

}  // namespace hornet::layers
