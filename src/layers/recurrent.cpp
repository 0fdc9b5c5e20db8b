// SimpleRNN, LSTM, GRU, RNN over cells and Bidirectional.
#include "layers/recurrent.h"

#include <algorithm>

#include "base/check.h"

namespace hornet::layers {
namespace {

using graph::TargetDim;

// What a cell, or a layer that is one cell, computes. Classes of the user's own are none of these,
// whatever their name.
CellKind kind_of(const LayerContext& cell) {
  static constexpr std::pair<std::string_view, CellKind> kClasses[] = {
      {"SimpleRNN", CellKind::kSimpleRnn},
      {"SimpleRNNCell", CellKind::kSimpleRnn},
      {"GRU", CellKind::kGru},
      {"GRUCell", CellKind::kGru},
      {"LSTM", CellKind::kLstm},
      {"LSTMCell", CellKind::kLstm}};
  for (const auto& [class_name, kind] : kClasses) {
    if (cell.config().class_name == class_name && cell.config().registered_name.empty()) {
      return kind;
    }
  }
  cell.fail_unsupported(
      "cells of this class are not supported; supported: SimpleRNNCell, LSTMCell, GRUCell and "
      "StackedRNNCells of these");
}

size_t num_states(CellKind kind) { return kind == CellKind::kLstm ? 2 : 1; }

int64_t num_gates(CellKind kind) {
  switch (kind) {
    case CellKind::kSimpleRnn:
      return 1;
    case CellKind::kGru:
      return 3;
    case CellKind::kLstm:
      return 4;
  }
  fail(ErrorCode::kInternal, "a cell of no kind");
}

// A cell over a sequence whose input products are computed: [B, T, gates * units].
CellTerms cell_terms(LayerContext& cell, CellKind kind, ValueId x) {
  const Builder& b = cell.build();
  CellTerms terms;
  terms.kind = kind;
  terms.units = cell.attributes().integer("units");
  if (terms.units <= 0) cell.attributes().fail_key("units", "a number above 0");
  const int64_t width = terms.units * num_gates(kind);
  const ValueId kernel = cell.weight("kernel", {b.known_dim(x, 2), width});
  terms.recurrent = cell.weight("recurrent_kernel", {terms.units, width});
  terms.reset_after = kind == CellKind::kGru && cell.attributes().boolean("reset_after", true);
  ValueId bias = kNoValue;
  if (cell.attributes().boolean("use_bias", true)) {
    if (terms.reset_after) {
      // Row 0 belongs to the input, row 1 to the recurrent product.
      const ValueId both = cell.weight("bias", {2, width});
      const std::vector<TargetDim> row = {TargetDim::fixed(width)};
      bias = b.reshape(b.slice(both, 0, 0, 1), row);
      terms.recurrent_bias = b.reshape(b.slice(both, 0, 1, 2), row);
    } else {
      bias = cell.weight("bias", {width});
    }
  }
  terms.projected = b.op<graph::Contraction>({x, kernel, bias});
  return terms;
}

RecurrentResult run_operator(const LayerContext& cell, const CellTerms& terms,
                             const RecurrentCall& call, const graph::RecurrentOptions& options) {
  const Builder& b = cell.build();
  std::vector<ValueId> outputs;
  if (terms.kind == CellKind::kLstm) {
    auto op = std::make_shared<graph::Lstm>();
    op->options = options;
    outputs =
        b.add(op, {terms.projected, terms.recurrent, call.state(0), call.state(1), call.mask});
  } else if (terms.kind == CellKind::kGru) {
    auto op = std::make_shared<graph::Gru>();
    op->options = options;
    op->reset_after = terms.reset_after;
    outputs = b.add(
        op, {terms.projected, terms.recurrent, call.state(0), call.mask, terms.recurrent_bias});
  } else {
    auto op = std::make_shared<graph::SimpleRnn>();
    op->options = options;
    outputs = b.add(op, {terms.projected, terms.recurrent, call.state(0), call.mask});
  }
  return {outputs[0], outputs[1], {outputs.begin() + 2, outputs.end()}};
}

// One cell over the whole sequence.
RecurrentResult run_cell(LayerContext& cell, ValueId x, const RecurrentCall& call) {
  const Builder& b = cell.build();
  const CellKind kind = kind_of(cell);
  if (b.rank(x) != 3) {
    cell.fail_invalid(
        fmt::format("its input is {}; expected [batch, time, features]", to_string(b.shape(x))));
  }
  if (!call.initial.empty() && call.initial.size() != num_states(kind)) {
    cell.fail_invalid(fmt::format("it is given {} initial states; expected {}", call.initial.size(),
                                  num_states(kind)));
  }
  const CellTerms terms = cell_terms(cell, kind, x);
  const auto activation = find_activation_function(cell, "activation", "tanh");
  const auto recurrent_activation =
      find_activation_function(cell, "recurrent_activation", "sigmoid");
  if (!activation || !recurrent_activation) return run_steps(cell, terms, call);
  return run_operator(cell, terms, call,
                      {call.backwards, call.zero_masked, *activation, *recurrent_activation});
}

const keras::Dict& object_in(const LayerContext& layer, const keras::Value& value,
                             const char* what) {
  const auto* object = value.get_if<keras::Dict>();
  if (object == nullptr) layer.fail_invalid(fmt::format("{} is {}", what, value.to_string()));
  return *object;
}

// The cells of an RNN layer, those of stacks in their order: each computes from the sequence of the
// one before it.
void collect_cells(LayerContext& cell, std::vector<LayerContext*>& cells) {
  if (cell.config().class_name != "StackedRNNCells") {
    cells.push_back(&cell);
    return;
  }
  const keras::Value* given = cell.attributes().find("cells");
  const auto* list = given == nullptr ? nullptr : given->get_if<keras::List>();
  if (list == nullptr || list->empty()) cell.attributes().fail_key("cells", "a list of cells");
  std::map<std::string, int> used;
  for (const keras::Value& item : *list) {
    const keras::Dict& object = object_in(cell, item, "a cell");
    const std::string name = keras::snake_case(keras::parse_layer(object).class_name);
    const int number = used[name]++;
    const std::string path = "cells/" + (number == 0 ? name : fmt::format("{}_{}", name, number));
    collect_cells(cell.sublayer(path, object), cells);
  }
}

// A stack of cells equals a chain of layers: a masked step keeps the states of all of them, and
// what a cell hands on at such a step is not read.
RecurrentResult run_cells(const Builder& b, const std::vector<LayerContext*>& cells, ValueId x,
                          const RecurrentCall& call) {
  RecurrentResult result{x, kNoValue, {}};
  RecurrentCall inner = call;
  size_t next_state = 0;
  for (size_t i = 0; i < cells.size(); ++i) {
    LayerContext& cell = *cells[i];
    const size_t count = num_states(kind_of(cell));
    inner.initial.clear();
    if (!call.initial.empty()) {
      if (call.initial.size() < next_state + count) {
        cell.fail_invalid(
            fmt::format("{} initial states are given; expected more", call.initial.size()));
      }
      const auto first = call.initial.begin() + static_cast<int64_t>(next_state);
      inner.initial.assign(first, first + static_cast<int64_t>(count));
    }
    next_state += count;
    inner.zero_masked = call.zero_masked && i + 1 == cells.size();
    const RecurrentResult one = run_cell(cell, result.sequence, inner);
    result.sequence = one.sequence;
    result.last = one.last;
    result.states.insert(result.states.end(), one.states.begin(), one.states.end());
    // Behind the first cell time runs in the order of its output.
    if (inner.backwards && inner.mask != kNoValue) inner.mask = reversed(b, inner.mask, 1);
    inner.backwards = false;
  }
  return result;
}

bool zeroes_masked(const LayerContext& layer) {
  return layer.attributes().boolean("zero_output_for_mask", false);
}

ValueId mask_of(const Builder& b, const CallArguments& call) {
  ValueId mask = call.mask();
  if (mask == kNoValue) return mask;
  // A mask with a dimension of features counts where any of them is shown.
  if (b.rank(mask) > 2) {
    mask = b.reduce(graph::ReduceKind::any, b.cast(mask, DType::kBool), {-1}, false);
  }
  return b.cast(mask, DType::kBool);
}

}  // namespace

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

RecurrentResult run_recurrent(LayerContext& layer, ValueId x, const RecurrentCall& call) {
  const std::string& class_name = layer.config().class_name;
  if (class_name.starts_with("ConvLSTM")) return run_conv_lstm(layer, x, call);
  if (class_name != "RNN") return run_cell(layer.part("cell"), x, call);
  const keras::Value* cell = layer.attributes().find("cell");
  if (cell == nullptr) layer.attributes().fail_key("cell", "a cell");
  std::vector<LayerContext*> cells;
  collect_cells(layer.sublayer("cell", object_in(layer, *cell, "its cell")), cells);
  return run_cells(layer.build(), cells, x, call);
}

// Outputs: the sequence or the last output, then the states if return_state.
Symbols recurrent(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const ValueId x = b.as_float(input_of(layer, call).value);
  const RecurrentResult result =
      run_recurrent(layer, x,
                    {mask_of(b, call), initial_states(call),
                     attributes.boolean("go_backwards", false), zeroes_masked(layer)});
  const bool sequences = attributes.boolean("return_sequences", false);
  Symbols outputs = {sequences ? Symbol{result.sequence, call.passed_mask()}
                               : Symbol{result.last, kNoValue}};
  if (attributes.boolean("return_state", false)) {
    for (const ValueId state : result.states) outputs.push_back({state, kNoValue});
  }
  return outputs;
}

// A cell called on its own, cell(x, states): one step. Outputs: the output, then the states.
Symbols recurrent_cell(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = b.as_float(input_of(layer, call).value);
  if (b.rank(x) != 2) {
    layer.fail_invalid(
        fmt::format("its input is {}; expected [batch, features]", to_string(b.shape(x))));
  }
  const Argument* given = call.find(1, "states");
  if (given == nullptr) layer.fail_invalid("it is called without states");
  RecurrentCall step;
  for (const Symbol& state : CallArguments{{*given}, {}}.tensors()) {
    step.initial.push_back(b.as_float(state.value));
  }
  std::vector<LayerContext*> cells;
  collect_cells(layer, cells);
  const RecurrentResult result = run_cells(b, cells, b.expand_dims(x, 1), step);
  Symbols outputs = {{result.last, kNoValue}};
  for (const ValueId state : result.states) outputs.push_back({state, kNoValue});
  return outputs;
}

namespace {

// Since Keras came with TensorFlow, Bidirectional makes the layers in it give zeros at the masked
// steps of a sequence, whatever their configs say. Keras 2 left ConvLSTM alone.
bool forces_zeros(const LayerContext& inner) {
  const keras::KerasVersion& version = inner.lowering().version();
  if (version.major >= 3) return true;
  return (version.tensorflow || !version.before(2, 4)) &&
         !inner.config().class_name.starts_with("ConvLSTM");
}

keras::Value own_copy(const keras::Value& value);

// Bidirectional makes layers of its own from what it is given: none shares weights with another.
keras::Dict own_copy(const keras::Dict& object) {
  std::vector<keras::Dict::Item> items;
  for (const auto& [key, item] : object) {
    if (key != "shared_object_id") items.emplace_back(key, own_copy(item));
  }
  return keras::Dict(std::move(items));
}

keras::Value own_copy(const keras::Value& value) {
  if (const auto* dict = value.get_if<keras::Dict>()) return keras::Value(own_copy(*dict));
  const auto* list = value.get_if<keras::List>();
  if (list == nullptr) return value;
  keras::List items;
  for (const keras::Value& item : *list) items.push_back(own_copy(item));
  return keras::Value(std::move(items));
}

}  // namespace

// A layer and its twin that runs the other way; the twin's sequence is put in order again.
Symbols bidirectional(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const keras::Value* wrapped = attributes.find("layer");
  if (wrapped == nullptr) attributes.fail_key("layer", "a recurrent layer");
  const keras::Dict& forward_object = object_in(layer, *wrapped, "its layer");
  LayerContext& forward = layer.sublayer("forward_layer", own_copy(forward_object));
  const keras::Value* given = attributes.find("backward_layer");
  LayerContext& backward = layer.sublayer(
      "backward_layer",
      own_copy(given == nullptr ? forward_object : object_in(layer, *given, "its backward_layer")));
  for (const LayerContext* inner : {&forward, &backward}) {
    constexpr std::string_view kClasses[] = {"LSTM",       "GRU",        "SimpleRNN", "RNN",
                                             "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"};
    const bool known = std::find(std::begin(kClasses), std::end(kClasses),
                                 inner->config().class_name) != std::end(kClasses);
    if (!known || !inner->config().registered_name.empty()) {
      layer.fail_unsupported(
          fmt::format("it wraps {}; supported: {}", inner->label(), fmt::join(kClasses, ", ")));
    }
  }

  const ValueId x = b.as_float(input_of(layer, call).value);
  const ValueId mask = mask_of(b, call);
  const std::vector<ValueId> states = initial_states(call);
  const auto half = states.begin() + static_cast<int64_t>(states.size() / 2);
  const bool forward_backwards = forward.attributes().boolean("go_backwards", false);
  const bool backward_backwards =
      given == nullptr ? !forward_backwards : backward.attributes().boolean("go_backwards", false);
  const bool sequences = forward.attributes().boolean("return_sequences", false);
  const auto zeroes = [&](const LayerContext& inner) {
    return forces_zeros(inner) ? sequences : zeroes_masked(inner);
  };
  const RecurrentResult ahead =
      run_recurrent(forward, x, {mask, {states.begin(), half}, forward_backwards, zeroes(forward)});
  const RecurrentResult behind = run_recurrent(
      backward, x, {mask, {half, states.end()}, backward_backwards, zeroes(backward)});
  const ValueId y1 = sequences ? ahead.sequence : ahead.last;
  const ValueId y2 = sequences ? reversed(b, behind.sequence, 1) : behind.last;

  const ValueId out_mask = sequences ? call.passed_mask() : kNoValue;
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
