#include "layers/call_signatures.h"

#include <span>

namespace hornet::layers {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view kRecurrent[] = {"initial_state", "mask", "training"};
constexpr std::string_view kMasked[] = {"mask"};
constexpr std::string_view kSteps[] = {"training", "mask"};
constexpr std::string_view kAttention[] = {"mask", "training", "return_attention_scores",
                                           "use_causal_mask"};
constexpr std::string_view kHeads[] = {"value",
                                       "key",
                                       "query_mask",
                                       "value_mask",
                                       "key_mask",
                                       "attention_mask",
                                       "return_attention_scores",
                                       "training",
                                       "use_causal_mask"};

struct Signature {
  std::string_view class_name;
  Names names;  // behind the first
};

const Signature kSignatures[] = {
    {"AdditiveAttention", kAttention},
    {"Attention", kAttention},
    {"Bidirectional", kRecurrent},
    {"ConvLSTM1D", kRecurrent},
    {"ConvLSTM2D", kRecurrent},
    {"ConvLSTM3D", kRecurrent},
    {"GRU", kRecurrent},
    {"GlobalAveragePooling1D", kMasked},
    {"GroupQueryAttention", kHeads},
    {"LSTM", kRecurrent},
    {"MultiHeadAttention", kHeads},
    {"RNN", kRecurrent},
    {"SimpleRNN", kRecurrent},
    {"Softmax", kMasked},
    {"TimeDistributed", kSteps},
};

}  // namespace

void name_arguments(std::string_view class_name, CallArguments& call) {
  for (const Signature& signature : kSignatures) {
    if (signature.class_name != class_name) continue;
    for (size_t i = 1; i < call.args.size() && i <= signature.names.size(); ++i) {
      call.kwargs.emplace_back(signature.names[i - 1], std::move(call.args[i]));
    }
    if (call.args.size() > 1) call.args.erase(call.args.begin() + 1, call.args.end());
  }
}

}  // namespace hornet::layers
