// SimpleRNN, LSTM, GRU and Bidirectional.
#include "layers/recurrent.h"

#include "base/check.h"

namespace hornet::layers {
namespace {

using graph::TargetDim;

graph::RecurrentOptions options_of(const LayerContext& cell, bool go_backwards,
                                   bool zero_output_for_mask) {
  graph::RecurrentOptions options;
  options.go_backwards = go_backwards;
  options.zero_output_for_mask = zero_output_for_mask;
  options.activation = activation_function(cell, "activation", "tanh");
  options.recurrent_activation = activation_function(cell, "recurrent_activation", "sigmoid");
  return options;
}

RecurrentResult result_of(const std::vector<ValueId>& outputs) {
  return {outputs[0], outputs[1], {outputs.begin() + 2, outputs.end()}};
}

// All steps' input products at once: [B, T, features] -> [B, T, gates * units].
ValueId project_input(const Builder& b, ValueId x, ValueId kernel, ValueId bias) {
  return b.op<graph::Contraction>({x, kernel, bias});
}

ValueId state(const std::vector<ValueId>& states, size_t index) {
  return index < states.size() ? states[index] : kNoValue;
}

RecurrentResult run_lstm(LayerContext& cell, ValueId x, ValueId mask,
                         const std::vector<ValueId>& initial, bool backwards, bool zero_masked) {
  const Builder& b = cell.build();
  const int64_t units = cell.attributes().integer("units");
  const int64_t features = b.known_dim(x, 2);
  const ValueId kernel = cell.weight("kernel", {features, 4 * units});
  const ValueId recurrent = cell.weight("recurrent_kernel", {units, 4 * units});
  const ValueId bias =
      cell.attributes().boolean("use_bias", true) ? cell.weight("bias", {4 * units}) : kNoValue;
  auto op = std::make_shared<graph::Lstm>();
  op->options = options_of(cell, backwards, zero_masked);
  return result_of(b.add(op, {project_input(b, x, kernel, bias), recurrent, state(initial, 0),
                              state(initial, 1), mask}));
}

RecurrentResult run_gru(LayerContext& cell, ValueId x, ValueId mask,
                        const std::vector<ValueId>& initial, bool backwards, bool zero_masked) {
  const Builder& b = cell.build();
  const int64_t units = cell.attributes().integer("units");
  const int64_t features = b.known_dim(x, 2);
  auto op = std::make_shared<graph::Gru>();
  op->options = options_of(cell, backwards, zero_masked);
  op->reset_after = cell.attributes().boolean("reset_after", true);
  const ValueId kernel = cell.weight("kernel", {features, 3 * units});
  const ValueId recurrent = cell.weight("recurrent_kernel", {units, 3 * units});
  ValueId input_bias = kNoValue, recurrent_bias = kNoValue;
  if (cell.attributes().boolean("use_bias", true)) {
    if (op->reset_after) {
      // Row 0 belongs to the input, row 1 to the recurrent product.
      const ValueId bias = cell.weight("bias", {2, 3 * units});
      const std::vector<TargetDim> row = {TargetDim::fixed(3 * units)};
      input_bias = b.reshape(b.slice(bias, 0, 0, 1), row);
      recurrent_bias = b.reshape(b.slice(bias, 0, 1, 2), row);
    } else {
      input_bias = cell.weight("bias", {3 * units});
    }
  }
  return result_of(b.add(op, {project_input(b, x, kernel, input_bias), recurrent, state(initial, 0),
                              mask, recurrent_bias}));
}

RecurrentResult run_simple_rnn(LayerContext& cell, ValueId x, ValueId mask,
                               const std::vector<ValueId>& initial, bool backwards,
                               bool zero_masked) {
  const Builder& b = cell.build();
  const int64_t units = cell.attributes().integer("units");
  const int64_t features = b.known_dim(x, 2);
  const ValueId kernel = cell.weight("kernel", {features, units});
  const ValueId recurrent = cell.weight("recurrent_kernel", {units, units});
  const ValueId bias =
      cell.attributes().boolean("use_bias", true) ? cell.weight("bias", {units}) : kNoValue;
  auto op = std::make_shared<graph::SimpleRnn>();
  op->options = options_of(cell, backwards, zero_masked);
  return result_of(
      b.add(op, {project_input(b, x, kernel, bias), recurrent, state(initial, 0), mask}));
}

// initial_state=[...], or further tensors behind the sequence.
std::vector<ValueId> initial_states(const CallArguments& call) {
  CallArguments given;
  if (const Argument* states = call.find(1, "initial_state"); states != nullptr) {
    given.args = {*states};
  } else if (!call.args.empty() && call.args[0].list() != nullptr) {
    const auto& list = *call.args[0].list();
    given.args.assign(list.begin() + 1, list.end());
  }
  std::vector<ValueId> values;
  for (const Symbol& symbol : given.tensors()) values.push_back(symbol.value);
  return values;
}

ValueId reversed(const Builder& b, ValueId x, int64_t axis) {
  std::vector<graph::Slice::Range> ranges(b.shape(x).size());
  ranges[static_cast<size_t>(axis)].step = -1;
  return b.op<graph::Slice>({x}, std::move(ranges));
}

}  // namespace

RecurrentResult run_cell(LayerContext& cell, std::string_view class_name, ValueId x, ValueId mask,
                         const std::vector<ValueId>& initial, bool backwards, bool zero_masked) {
  if (cell.build().rank(x) != 3) {
    cell.fail_invalid(fmt::format("its input is {}; expected [batch, time, features]",
                                  to_string(cell.build().shape(x))));
  }
  if (cell.attributes().integer("units") <= 0) {
    cell.attributes().fail_key("units", "a number above 0");
  }
  if (mask != kNoValue) mask = cell.build().cast(mask, DType::kBool);
  if (class_name.starts_with("LSTM")) {
    return run_lstm(cell, x, mask, initial, backwards, zero_masked);
  }
  if (class_name.starts_with("GRU")) return run_gru(cell, x, mask, initial, backwards, zero_masked);
  HORNET_CHECK(class_name.starts_with("SimpleRNN"));
  return run_simple_rnn(cell, x, mask, initial, backwards, zero_masked);
}

// Outputs: the sequence or the last output, then the states if return_state.
Symbols recurrent(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const ValueId x = b.as_float(input_of(layer, call).value);
  const ValueId mask = call.mask();
  const RecurrentResult result = run_cell(
      layer.part("cell"), layer.config().class_name, x, mask, initial_states(call),
      attributes.boolean("go_backwards", false), attributes.boolean("zero_output_for_mask", false));
  const bool sequences = attributes.boolean("return_sequences", false);
  Symbols outputs = {{sequences ? result.sequence : result.last, sequences ? mask : kNoValue}};
  if (attributes.boolean("return_state", false)) {
    for (const ValueId state : result.states) outputs.push_back({state, kNoValue});
  }
  return outputs;
}

// A layer and its twin that runs backwards; the twin's sequence is put in order again.
Symbols bidirectional(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const keras::Value* wrapped = attributes.find("layer");
  const auto* forward_object = wrapped == nullptr ? nullptr : wrapped->get_if<keras::Dict>();
  if (forward_object == nullptr) attributes.fail_key("layer", "a recurrent layer");
  LayerContext& forward = layer.sublayer("forward_layer", *forward_object);
  const keras::Value* given = attributes.find("backward_layer");
  const auto* backward_object = given == nullptr ? nullptr : given->get_if<keras::Dict>();
  LayerContext& backward = layer.sublayer(
      "backward_layer", backward_object != nullptr ? *backward_object : *forward_object);
  const bool flip = backward_object == nullptr;

  const Symbol x = input_of(layer, call);
  std::vector<ValueId> states = initial_states(call);
  const ValueId mask = call.mask();
  const auto run = [&](LayerContext& inner, bool is_backward, size_t first_state) {
    const Attributes& own = inner.attributes();
    const size_t half = states.size() / 2;
    const std::vector<ValueId> initial(states.begin() + static_cast<int64_t>(first_state),
                                       states.begin() + static_cast<int64_t>(first_state + half));
    const bool backwards = own.boolean("go_backwards", false) != (is_backward && flip);
    return run_cell(inner.part("cell"), inner.config().class_name, b.as_float(x.value), mask,
                    initial, backwards, own.boolean("zero_output_for_mask", false));
  };
  const RecurrentResult ahead = run(forward, false, 0);
  const RecurrentResult behind = run(backward, true, states.size() / 2);
  const bool sequences = forward.attributes().boolean("return_sequences", false);
  const ValueId y1 = sequences ? ahead.sequence : ahead.last;
  const ValueId y2 = sequences ? reversed(b, behind.sequence, 1) : behind.last;

  const ValueId out_mask = sequences ? mask : kNoValue;
  Symbols outputs;
  const std::string mode = attributes.text("merge_mode", "none");
  if (mode == "concat") {
    outputs = {{b.concat({y1, y2}, -1), out_mask}};
  } else if (mode == "sum") {
    outputs = {{b.binary(BinaryKind::add, y1, y2), out_mask}};
  } else if (mode == "ave") {
    const ValueId sum = b.binary(BinaryKind::add, y1, y2);
    outputs = {{b.binary(BinaryKind::divide, sum, b.scalar(2)), out_mask}};
  } else if (mode == "mul") {
    outputs = {{b.binary(BinaryKind::multiply, y1, y2), out_mask}};
  } else if (mode == "none") {
    outputs = {{y1, out_mask}, {y2, out_mask}};
  } else {
    attributes.fail_key("merge_mode", "concat, sum, ave, mul or null");
  }
  if (forward.attributes().boolean("return_state", false)) {
    for (const ValueId state : ahead.states) outputs.push_back({state, kNoValue});
    for (const ValueId state : behind.states) outputs.push_back({state, kNoValue});
  }
  return outputs;
}

}  // namespace hornet::layers
