// LSTM, GRU and SimpleRNN as operators for each step.
#include "base/check.h"
#include "layers/recurrent.h"

namespace hornet::layers {
namespace {

using States = std::vector<ValueId>;

// Columns of gate `index`.
ValueId gate(const Builder& b, ValueId terms, int64_t index, int64_t units) {
  return b.slice(terms, 1, index * units, (index + 1) * units);
}

// The arithmetic of one step, from the input's part of it, [B, gates * units], and the states.
class CellStep {
 public:
  CellStep(LayerContext& cell, const CellTerms& terms)
      : cell_(cell), b_(cell.build()), terms_(terms) {}

  States next(ValueId x, const States& states) const {
    if (terms_.kind == CellKind::kLstm) return lstm(x, states);
    if (terms_.kind == CellKind::kGru) return gru(x, states);
    return {activated(add(x, product(states[0], terms_.recurrent)))};
  }

 private:
  ValueId add(ValueId x, ValueId y) const { return b_.binary(BinaryKind::add, x, y); }
  ValueId multiply(ValueId x, ValueId y) const { return b_.binary(BinaryKind::multiply, x, y); }
  ValueId product(ValueId state, ValueId kernel) const {
    return b_.op<graph::Contraction>({state, kernel, kNoValue});
  }
  ValueId activated(ValueId x) const { return activation("activation", "tanh", x); }
  ValueId gated(ValueId x) const { return activation("recurrent_activation", "sigmoid", x); }
  ValueId activation(const char* key, const char* absent, ValueId x) const {
    const bool given = cell_.config().config.find(key) != nullptr;
    return given ? activate(cell_, key, x) : activate_by_name(cell_, absent, x);
  }

  States lstm(ValueId x, const States& states) const {
    const ValueId sum = add(x, product(states[0], terms_.recurrent));
    const auto part = [&](int64_t index) { return gate(b_, sum, index, terms_.units); };
    const ValueId input = gated(part(0)), forget = gated(part(1));
    const ValueId c = add(multiply(forget, states[1]), multiply(input, activated(part(2))));
    const ValueId output = gated(part(3));
    return {multiply(output, activated(c)), c};
  }

  States gru(ValueId x, const States& states) const {
    const int64_t u = terms_.units;
    const ValueId h = states[0];
    ValueId recurrent = product(h, terms_.recurrent);
    if (terms_.recurrent_bias != kNoValue) recurrent = add(recurrent, terms_.recurrent_bias);
    const auto sum = [&](int64_t index) {
      return gated(add(gate(b_, x, index, u), gate(b_, recurrent, index, u)));
    };
    const ValueId update = sum(0), reset = sum(1);
    const ValueId inner = terms_.reset_after
                              ? multiply(reset, gate(b_, recurrent, 2, u))
                              : product(multiply(reset, h), gate(b_, terms_.recurrent, 2, u));
    const ValueId candidate = activated(add(gate(b_, x, 2, u), inner));
    const ValueId rest = b_.binary(BinaryKind::subtract, b_.scalar(1), update);
    return {add(multiply(update, h), multiply(rest, candidate))};
  }

  LayerContext& cell_;
  const Builder& b_;
  const CellTerms& terms_;
};

// Step t of [B, T, ...].
ValueId at_step(const Builder& b, ValueId x, int64_t t) {
  return b.squeeze(b.slice(x, 1, t, t + 1), 1);
}

}  // namespace

RecurrentResult run_steps(LayerContext& cell, const CellTerms& terms, const RecurrentCall& call) {
  const Builder& b = cell.build();
  const int64_t steps = b.known_dim(terms.projected, 1);
  if (steps == 0) cell.fail_unsupported("a sequence of no steps");
  const CellStep step(cell, terms);
  // [B, units] of zeros: the batch is known by its input alone.
  const ValueId like = gate(b, at_step(b, terms.projected, 0), 0, terms.units);
  const ValueId zero = b.op<graph::BroadcastTo>({b.scalar(0), like}, b.shape(like));
  States states = call.initial;
  if (states.empty()) states.assign(terms.kind == CellKind::kLstm ? 2 : 1, zero);
  ValueId output = zero;
  std::vector<ValueId> sequence;
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t t = call.backwards ? steps - 1 - i : i;
    States next = step.next(at_step(b, terms.projected, t), states);
    ValueId next_output = next[0];
    if (call.mask != kNoValue) {
      const ValueId shown = b.slice(call.mask, 1, t, t + 1);
      for (size_t k = 0; k < next.size(); ++k) next[k] = b.select(shown, next[k], states[k]);
      next_output = b.select(shown, next_output, call.zero_masked ? zero : output);
    }
    states = std::move(next);
    output = next_output;
    sequence.push_back(b.expand_dims(output, 1));
  }
  return {b.concat(sequence, 1), output, states};
}

}  // namespace hornet::layers
