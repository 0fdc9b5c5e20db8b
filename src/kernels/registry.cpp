// Which implementations compute which operator, the fastest first.
#include <algorithm>

#include "graph/ops/convolution.h"
#include "kernels/kernel.h"
#include "kernels/movement.h"
#include "kernels/onednn/kernels.h"
#include "kernels/pair.h"
#include "kernels/reference/kernels.h"
#include "kernels/simd/kernels.h"

namespace hornet::kernels {

const std::vector<KernelEntry>& kernel_table() {
  static const std::vector<KernelEntry> table = {
      {"unary", {simd_unary}, reference::unary},
      {"binary", {simd_binary}, reference::binary},
      {"select", {}, reference::select},
      {"cast", {}, reference::cast},
      {"contraction", {simd_contraction}, reference::contraction},
      {"matmul", {onednn_matmul}, reference::matmul},
      {"attention", {simd_attention}, reference::attention},
      {"conv",
       {simd_conv_1x1, simd_depthwise_conv, simd_conv_winograd, simd_conv_direct, onednn_conv},
       reference::conv},
      {"conv_transpose", {simd_conv_transpose}, reference::conv_transpose},
      {"pool", {simd_max_pool, onednn_pool}, reference::pool},
      {"adaptive_pool", {}, reference::adaptive_pool},
      {"reduce", {simd_reduce}, reference::reduce},
      {"softmax", {simd_softmax}, reference::softmax},
      {"layer_norm", {simd_layer_norm}, reference::layer_norm},
      {"lstm", {simd_lstm}, reference::lstm},
      {"gru", {simd_gru}, reference::gru},
      {"simple_rnn", {simd_simple_rnn}, reference::simple_rnn},
      {"conv_lstm", {simd_conv_lstm}, reference::conv_lstm},
      {"lookup", {}, reference::lookup},
      {"hash_integers", {}, reference::hash_integers},
      {"reshape", {}, reference::reshape},
      {"transpose", {copy_transpose}, reference::transpose},
      {"concat", {copy_concat}, reference::concat},
      {"slice", {copy_slice}, reference::slice},
      {"pad", {copy_pad}, reference::pad},
      {"gather", {copy_gather}, reference::gather},
      {"positions", {}, reference::positions},
      {"broadcast_to", {copy_broadcast_to}, reference::broadcast_to},
      {"arg_reduce", {}, reference::arg_reduce},
      {"sort", {}, reference::sort},
      {"take_along", {}, reference::take_along},
      {"scatter", {}, reference::scatter},
      {"slice_at", {}, reference::slice_at},
      {"update_at", {}, reference::update_at},
      {"roll", {}, reference::roll},
      {"diagonal", {}, reference::diagonal},
      {"cumulative", {}, reference::cumulative},
      {"quantile", {}, reference::quantile},
      {"linalg", {}, reference::linalg},
      {"einsum", {}, reference::einsum},
      {"fft", {}, reference::fft},
      {"resize_image", {simd_resize_image}, reference::resize_image},
      {"custom", {}, reference::custom},
      {"map_coordinates", {}, reference::map_coordinates},
  };
  return table;
}

namespace {

struct PairEntry {
  std::string_view first, second;
  bool (*may_be)(const graph::Op& second);  // null: any
  KernelOffer (*make)(const KernelRequest&, const KernelRequest&, bool);

  bool is_for(const graph::Op& one, const graph::Op& two) const {
    return first == one.name() && second == two.name() && (may_be == nullptr || may_be(two));
  }
};

bool is_in_groups(const graph::Op& conv) {
  return static_cast<const graph::Conv&>(conv).groups > 1;
}

constexpr PairEntry kPairs[] = {
    {"conv", "conv", is_in_groups, simd_expand_depthwise},
    {"conv", "reduce", nullptr, simd_depthwise_mean},
    {"binary", "conv", nullptr, simd_gated_conv_1x1},
    {"binary", "binary", nullptr, simd_binary_pair},
};

}  // namespace

std::unique_ptr<Kernel> choose_pair_kernel(const KernelRequest& first, const KernelRequest& second,
                                           bool keeps_first, const KernelChoice& choice) {
  if (choice.reference_only) return nullptr;
  for (const PairEntry& entry : kPairs) {
    if (!entry.is_for(first.op, second.op)) continue;
    if (KernelOffer offer = entry.make(first, second, keeps_first); offer.kernel != nullptr) {
      return std::move(offer.kernel);
    }
  }
  return nullptr;
}

bool may_be_pair(const graph::Op& first, const graph::Op& second) {
  return std::any_of(std::begin(kPairs), std::end(kPairs),
                     [&](const PairEntry& entry) { return entry.is_for(first, second); });
}

}  // namespace hornet::kernels
