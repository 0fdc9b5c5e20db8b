// Recurrent layers, for the layers that wrap them.
#pragma once

#include "layers/family.h"

namespace hornet::layers {

// What a recurrent layer computes from a sequence, before return_sequences and return_state choose.
struct RecurrentResult {
  ValueId sequence;             // [B, T, units]
  ValueId last;                 // [B, units]
  std::vector<ValueId> states;  // [B, units] each
};

// One cell ("LSTM", "GRU" or "SimpleRNN", or the same with "Cell") over x [B, T, features].
// `cell` has the cell's config and weights. Initial states are [B, units] each, or none.
RecurrentResult run_cell(LayerContext& cell, std::string_view class_name, ValueId x, ValueId mask,
                         const std::vector<ValueId>& initial_states, bool go_backwards,
                         bool zero_output_for_mask);

}  // namespace hornet::layers
