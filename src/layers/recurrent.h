// Recurrent layers, for the layers that wrap them.
#pragma once

#include "layers/family.h"

namespace hornet::layers {

// What a recurrent layer computes from a sequence, before return_sequences and return_state choose.
struct RecurrentResult {
  ValueId sequence;             // [B, T, units...]
  ValueId last;                 // [B, units...]
  std::vector<ValueId> states;  // [B, units...] each
};

// How a sequence is run over.
struct RecurrentCall {
  ValueId mask = kNoValue;       // bool [B, T]
  std::vector<ValueId> initial;  // states, as many as there are, or none
  bool backwards = false;
  bool zero_masked = false;  // the output of a masked step is 0
  ValueId state(size_t i) const { return i < initial.size() ? initial[i] : kNoValue; }
};

enum class CellKind { kSimpleRnn, kGru, kLstm };

// The weights of a cell, and its input's part of all steps.
struct CellTerms {
  CellKind kind = CellKind::kSimpleRnn;
  ValueId projected = kNoValue;       // [B, T, gates * units], bias included
  ValueId recurrent = kNoValue;       // [units, gates * units]
  ValueId recurrent_bias = kNoValue;  // [gates * units], GRU with reset_after
  int64_t units = 0;
  bool reset_after = false;
};

// LSTM, GRU and SimpleRNN step by step, for activations that the operators do not have (over an
// axis, with weights): recurrent_steps.cpp. The number of steps must be known.
RecurrentResult run_steps(LayerContext& cell, const CellTerms& terms, const RecurrentCall& call);

// A recurrent layer (LSTM, GRU, SimpleRNN, RNN over cells, ConvLSTM1D-3D) over x [B, T,
// features...], as `call` says, whatever its config does.
RecurrentResult run_recurrent(LayerContext& layer, ValueId x, const RecurrentCall& call);

// ConvLSTM1D, 2D and 3D: conv_lstm.cpp.
RecurrentResult run_conv_lstm(LayerContext& layer, ValueId x, const RecurrentCall& call);

// The initial_state argument of a call.
std::vector<ValueId> initial_states(const CallArguments& call);

ValueId reversed(const Builder& b, ValueId x, int64_t axis);

}  // namespace hornet::layers
