#include "keras/calls.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "keras/model_parser.h"

namespace hornet::keras {
namespace {

// Stands in Keras 2's call lists for a layer's name where the argument is a constant.
constexpr std::string_view kConstantMark = "_CONSTANT_VALUE";

// `["layer", call, output]`, with the keyword arguments as a fourth item in Keras 2's call lists.
bool is_history(const Value& value) {
  const List* list = value.get_if<List>();
  return list != nullptr && (list->size() == 3 || list->size() == 4) &&
         (*list)[0].get_if<std::string>() != nullptr;
}

TensorRef ref_of(const List& history) {
  const auto call = history[1].integer(), output = history[2].integer();
  require(call && output, ErrorCode::kInvalidModel,
          "{} is no tensor; expected [layer name, call number, output number]",
          Value(history).to_string());
  return {*history[0].get_if<std::string>(), *call, *output};
}

// A tensor is told from a list of settings (["relu", 1, 2]) by the layer's name.
Value with_refs(const Value& value, const std::unordered_set<std::string>& layer_names) {
  if (const List* list = value.get_if<List>()) {
    if (is_history(value) && layer_names.count(*(*list)[0].get_if<std::string>()) > 0 &&
        (*list)[1].get_if<int64_t>() && (*list)[2].get_if<int64_t>()) {
      return Value(ref_of(*list));
    }
    List mapped;
    for (const Value& item : *list) mapped.push_back(with_refs(item, layer_names));
    return Value(std::move(mapped));
  }
  if (const Dict* dict = value.get_if<Dict>()) {
    std::vector<Dict::Item> mapped;
    for (const auto& [key, item] : *dict) mapped.emplace_back(key, with_refs(item, layer_names));
    return Value(Dict(std::move(mapped)));
  }
  return value;
}

void add_kwargs(const Dict& from, CallConfig& call) {
  std::vector<Dict::Item> items(call.kwargs.begin(), call.kwargs.end());
  for (const auto& [key, value] : from) {
    if (!value.is_null()) items.emplace_back(key, value);
  }
  call.kwargs = Dict(std::move(items));
}

// --- Keras 3

CallConfig keras3_call(const Dict& node, const LayerConfig& layer) {
  CallConfig call;
  const Value* args = node.find("args");
  if (args != nullptr && !args->is_null()) {
    const List* list = args->get_if<List>();
    require(list != nullptr, ErrorCode::kInvalidModel,
            "{}: the args of a call are {}; expected a list", layer.label(), args->to_string());
    call.args = *list;
  }
  const Value* kwargs = node.find("kwargs");
  if (kwargs != nullptr && !kwargs->is_null()) {
    const Dict* dict = kwargs->get_if<Dict>();
    require(dict != nullptr, ErrorCode::kInvalidModel,
            "{}: the kwargs of a call are {}; expected an object", layer.label(),
            kwargs->to_string());
    add_kwargs(*dict, call);
  }
  return call;
}

// --- Keras 1 and 2: the first argument as nested lists of histories, each with all other arguments

class Keras2Call {
 public:
  Keras2Call(const std::unordered_set<std::string>& layer_names, const LayerConfig& layer)
      : layer_names_(layer_names), layer_(layer) {}

  CallConfig parse(const Value& node) {
    Value first = argument(node);
    if (const List* list = first.get_if<List>(); list != nullptr && list->size() == 1) {
      first = Value((*list)[0]);
    }
    CallConfig call;
    call.args.push_back(std::move(first));
    if (kwargs_ != nullptr)
      add_kwargs(*with_refs(Value(*kwargs_), layer_names_).get_if<Dict>(), call);
    return call;
  }

 private:
  Value argument(const Value& node) {
    if (is_history(node)) return leaf(*node.get_if<List>());
    if (const List* list = node.get_if<List>()) {
      List mapped;
      for (const Value& item : *list) mapped.push_back(argument(item));
      return Value(std::move(mapped));
    }
    const Dict* dict = node.get_if<Dict>();
    require(dict != nullptr, ErrorCode::kInvalidModel,
            "{}: a call is {}; expected lists of [layer name, call number, output number]",
            layer_.label(), node.to_string());
    std::vector<Dict::Item> mapped;
    for (const auto& [key, item] : *dict) mapped.emplace_back(key, argument(item));
    return Value(Dict(std::move(mapped)));
  }

  Value leaf(const List& history) {
    if (history.size() == 4 && kwargs_ == nullptr) kwargs_ = history[3].get_if<Dict>();
    if (*history[0].get_if<std::string>() == kConstantMark) return history[2];
    return Value(ref_of(history));
  }

  const std::unordered_set<std::string>& layer_names_;
  const LayerConfig& layer_;
  const Dict* kwargs_ = nullptr;
};

constexpr std::string_view kRecurrentClasses[] = {
    "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "RNN", "SimpleRNN"};

// Keras 2 passes initial states in one list with the sequence.
void split_initial_state(const LayerConfig& layer, CallConfig& call) {
  const bool recurrent = std::find(std::begin(kRecurrentClasses), std::end(kRecurrentClasses),
                                   layer.class_name) != std::end(kRecurrentClasses);
  const List* tensors = recurrent ? call.args[0].get_if<List>() : nullptr;
  if (tensors == nullptr || tensors->size() < 2) return;
  List states(tensors->begin() + 1, tensors->end());
  Value sequence = tensors->front();
  call.args[0] = std::move(sequence);
  call.kwargs.set("initial_state", Value(std::move(states)));
}

// An attention layer was causal by its config before Keras 3 made that an argument of the call.
void move_causal(LayerConfig& layer) {
  const bool* causal = member<bool>(layer.config, "causal");
  if (causal == nullptr) return;
  if (*causal) {
    for (CallConfig& call : layer.calls) call.kwargs.set("use_causal_mask", Value(true));
  }
  layer.config.erase("causal");
}

void for_each_ref_in(Dict& dict, const std::function<void(TensorRef&)>& visit) {
  std::vector<Dict::Item> items(dict.begin(), dict.end());
  for (auto& [key, value] : items) for_each_ref(value, visit);
  dict = Dict(std::move(items));
}

}  // namespace

CallDialect parse_calls(const Value& inbound_nodes,
                        const std::unordered_set<std::string>& layer_names, LayerConfig& layer) {
  const List* nodes = inbound_nodes.get_if<List>();
  require(nodes != nullptr, ErrorCode::kInvalidModel, "{}: inbound_nodes is {}; expected a list",
          layer.label(), inbound_nodes.to_string());
  CallDialect dialect = CallDialect::kNone;
  for (const Value& node : *nodes) {
    if (const Dict* keras3 = node.get_if<Dict>(); keras3 && keras3->find("args")) {
      layer.calls.push_back(keras3_call(*keras3, layer));
      dialect = CallDialect::kKeras3;
    } else {
      CallConfig call = Keras2Call(layer_names, layer).parse(node);
      split_initial_state(layer, call);
      layer.calls.push_back(std::move(call));
      dialect = CallDialect::kKeras2;
    }
  }
  if (layer.class_name == "Attention" || layer.class_name == "AdditiveAttention")
    move_causal(layer);
  return dialect;
}

Value parse_model_tensors(const Value& nested) {
  if (is_history(nested)) return Value(ref_of(*nested.get_if<List>()));
  if (const List* list = nested.get_if<List>()) {
    List mapped;
    for (const Value& item : *list) mapped.push_back(parse_model_tensors(item));
    return Value(std::move(mapped));
  }
  const Dict* dict = nested.get_if<Dict>();
  require(
      dict != nullptr, ErrorCode::kInvalidModel,
      "an input or output of the model is {}; expected [layer name, call number, output number]",
      nested.to_string());
  std::vector<Dict::Item> mapped;
  for (const auto& [key, item] : *dict) mapped.emplace_back(key, parse_model_tensors(item));
  return Value(Dict(std::move(mapped)));
}

void for_each_ref(Value& nested, const std::function<void(TensorRef&)>& visit) {
  if (auto* ref = nested.get_if<TensorRef>()) visit(*ref);
  if (auto* list = nested.get_if<List>()) {
    for (Value& item : *list) for_each_ref(item, visit);
  }
  if (auto* dict = nested.get_if<Dict>()) for_each_ref_in(*dict, visit);
}

void for_each_ref(LayerConfig& layer, const std::function<void(TensorRef&)>& visit) {
  for (CallConfig& call : layer.calls) {
    for (Value& arg : call.args) for_each_ref(arg, visit);
    for_each_ref_in(call.kwargs, visit);
  }
}

}  // namespace hornet::keras
