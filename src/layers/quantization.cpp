#include "layers/quantization.h"

#include <charconv>
#include <cmath>

#include "base/check.h"

namespace hornet::layers {
namespace {

using Mode = Quantization::Mode;

const keras::Dict* dict_of(const keras::Dict& object, std::string_view key) {
  const keras::Value* value = object.find(key);
  return value == nullptr ? nullptr : value->get_if<keras::Dict>();
}

std::string text_of(const keras::Dict& object, std::string_view key) {
  const keras::Value* value = object.find(key);
  const auto* text = value == nullptr ? nullptr : value->get_if<std::string>();
  return text == nullptr ? "" : *text;
}

// "int4/128" -> {"int4", "128"}
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('/', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::optional<int64_t> number_in(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void read_input_quantizer(const LayerContext& layer, Quantization& how) {
  const keras::Dict* object = dict_of(layer.config().config, "quantization_config");
  const keras::Dict* config = object == nullptr ? nullptr : dict_of(*object, "config");
  if (config == nullptr) return;
  const keras::Dict* quantizer = dict_of(*config, "activation_quantizer");
  how.quantizes_input = quantizer != nullptr;
  if (quantizer == nullptr) return;
  const keras::Dict* settings = dict_of(*quantizer, "config");
  if (text_of(*quantizer, "class_name") != "AbsMaxQuantizer" || settings == nullptr) {
    layer.fail_unsupported("its activation_quantizer is not an AbsMaxQuantizer");
  }
  const Attributes attributes(*settings, layer.label());
  how.epsilon = attributes.number("epsilon", how.epsilon);
  if (!attributes.has("value_range")) return;
  const std::vector<double> range = attributes.numbers("value_range");
  if (range.size() != 2) attributes.fail_key("value_range", "two numbers");
  how.low = range[0];
  how.high = range[1];
}

}  // namespace

const keras::Dict* policy_of_part(const LayerContext& layer, std::string_view part) {
  const keras::Dict* policy = dict_of(layer.config().config, "dtype_policy");
  if (policy == nullptr || text_of(*policy, "class_name") != "DTypePolicyMap") return policy;
  const keras::Dict* map = dict_of(*policy, "policy_map");
  if (map == nullptr) return nullptr;
  for (const auto& [path, value] : *map) {
    const auto* object = value.get_if<keras::Dict>();
    const bool matches = path == part || path.ends_with("/" + std::string(part));
    const keras::Dict* config = object == nullptr ? nullptr : dict_of(*object, "config");
    if (matches && config != nullptr && config->find("mode") != nullptr) return config;
  }
  return nullptr;
}

Quantization quantization_of(const LayerContext& layer) {
  Quantization how;
  const keras::Dict* policy = dict_of(layer.config().config, "dtype_policy");
  if (policy == nullptr || policy->find("mode") == nullptr) return how;
  const std::string text = text_of(*policy, "mode");
  const std::vector<std::string> mode = split(text);
  const auto number = [&](size_t index) {
    const auto value = index < mode.size() ? number_in(mode[index]) : std::nullopt;
    return value.value_or(-1);
  };
  if (mode[0] == "int8") {
    how.mode = Mode::kInt8;
    how.quantizes_input = true;
  } else if (mode[0] == "int4") {
    how.mode = Mode::kInt4;
    how.bits = 4;
    how.group_size = number(1);
    how.packed_by_input = mode.size() == 1;
    how.quantizes_input = how.packed_by_input;
  } else if (mode[0] == "float8") {
    how.mode = Mode::kFloat8;
    how.history_length =
        Attributes(*policy, layer.label()).integer("amax_history_length", how.history_length);
  } else if (mode[0] == "gptq" || mode[0] == "awq") {
    how.mode = mode[0] == "gptq" ? Mode::kGptq : Mode::kAwq;
    how.bits = number(1);
    how.group_size = number(2);
    if (how.bits != 4 && how.bits != 8) {
      layer.fail_unsupported(fmt::format("{} of {} bits", mode[0], how.bits));
    }
  } else {
    layer.fail_unsupported(fmt::format(
        "quantisation \"{}\" is not supported; supported: int8, int4, float8, gptq, awq", text));
  }
  if (how.mode == Mode::kInt8 || how.mode == Mode::kInt4) read_input_quantizer(layer, how);
  return how;
}

QuantizedInput quantize_input(const Builder& b, ValueId x, std::vector<int64_t> axes,
                              const Quantization& how) {
  const ValueId largest =
      b.reduce(graph::ReduceKind::max, b.unary(UnaryKind::abs, x), std::move(axes), true);
  const ValueId scale = b.binary(BinaryKind::divide, b.scalar(how.high),
                                 b.binary(BinaryKind::add, largest, b.scalar(how.epsilon)));
  const ValueId rounded = b.unary(UnaryKind::round, b.binary(BinaryKind::multiply, x, scale));
  return {b.unary(UnaryKind::clip, rounded, how.low, how.high), scale};
}

ValueId unpack_int4(const Builder& b, ValueId packed, int64_t axis, int64_t length) {
  const DType dtype = b.type(packed).dtype;
  const ValueId four = b.scalar(4, dtype);
  const ValueId high = b.binary(BinaryKind::right_shift, packed, four);
  const ValueId low =
      dtype == DType::kUInt8
          ? b.binary(BinaryKind::bitwise_and, packed, b.scalar(15, dtype))
          : b.binary(BinaryKind::right_shift, b.binary(BinaryKind::left_shift, packed, four), four);
  const ValueId pairs =
      b.concat({b.expand_dims(low, axis + 1), b.expand_dims(high, axis + 1)}, axis + 1);
  Shape shape = b.shape(packed);
  shape[static_cast<size_t>(axis)] *= 2;
  const ValueId joined = b.slice(b.reshape_keeping(pairs, 0, shape), axis, 0, length);
  return b.cast(joined, DType::kFloat32);
}

ValueId dequantize_groups(const Builder& b, ValueId values, ValueId scale, ValueId zero,
                          ValueId group_index, int64_t axis) {
  const ValueId groups = b.cast(group_index, DType::kInt32);
  const ValueId scales = b.op<graph::Gather>({scale, groups}, axis);
  const ValueId zeros = b.op<graph::Gather>({b.cast(zero, DType::kFloat32), groups}, axis);
  return b.binary(BinaryKind::multiply, b.binary(BinaryKind::subtract, values, zeros), scales);
}

ValueId quantized_matrix(LayerContext& layer, const Quantization& how, int64_t rows,
                         int64_t columns, const std::function<void()>& ask_bias) {
  const Builder& b = layer.build();
  const int64_t groups = how.num_groups(rows), packed_columns = (columns + 1) / 2;
  if (how.mode == Mode::kInt4) {
    const Shape shape =
        how.packed_by_input ? Shape{(rows + 1) / 2, columns} : Shape{rows, packed_columns};
    const ValueId packed = layer.weight("kernel", shape, false, DType::kInt8);
    ask_bias();
    const ValueId values =
        how.packed_by_input ? unpack_int4(b, packed, 0, rows) : unpack_int4(b, packed, 1, columns);
    if (!how.is_grouped()) {
      const ValueId scale = layer.weight("kernel_scale", {columns}, false);
      return b.binary(BinaryKind::divide, values, scale);
    }
    const ValueId scale = layer.weight("kernel_scale", {groups, columns}, false);
    const ValueId zero = layer.weight("kernel_zero", {groups, columns}, false, DType::kInt8);
    return dequantize_groups(b, values, scale, zero, layer.weight("g_idx", {rows}, false), 0);
  }
  HORNET_CHECK(how.mode == Mode::kGptq || how.mode == Mode::kAwq);
  ask_bias();
  const Shape shape = {how.bits == 4 ? packed_columns : columns, rows};
  const ValueId packed = layer.weight("quantized_kernel", shape, false, DType::kUInt8);
  const ValueId scale = layer.weight("kernel_scale", {columns, groups}, false);
  const ValueId zero = layer.weight("kernel_zero", {columns, groups}, false, DType::kUInt8);
  const ValueId protection =
      how.mode == Mode::kAwq ? layer.weight("awq_scales", {rows}, false) : kNoValue;
  const ValueId group_index = layer.weight("g_idx", {rows}, false);
  const ValueId values =
      how.bits == 4 ? unpack_int4(b, packed, 0, columns) : b.cast(packed, DType::kFloat32);
  const ValueId matrix =
      b.transpose(dequantize_groups(b, values, scale, zero, group_index, 1), {1, 0});
  if (protection == kNoValue) return matrix;
  return b.binary(BinaryKind::divide, matrix, b.expand_dims(protection, 1));
}

ValueId round_mantissa(const Builder& b, ValueId x, int bits, double least) {
  const ValueId size =
      b.binary(BinaryKind::maximum, b.unary(UnaryKind::abs, x), b.scalar(std::exp2(least)));
  const ValueId exponent = b.unary(UnaryKind::floor, b.unary(UnaryKind::log2, size));
  const ValueId step =
      b.unary(UnaryKind::exp2, b.binary(BinaryKind::subtract, exponent, b.scalar(bits)));
  return b.binary(BinaryKind::multiply,
                  b.unary(UnaryKind::round, b.binary(BinaryKind::divide, x, step)), step);
}

ValueId through_float8(const Builder& b, ValueId x, ValueId scale) {
  constexpr double kLargest = 448;  // of e4m3
  const ValueId scaled =
      b.unary(UnaryKind::clip, b.binary(BinaryKind::divide, x, scale), -kLargest, kLargest);
  return b.binary(BinaryKind::multiply, round_mantissa(b, scaled, 3, -6), scale);
}

}  // namespace hornet::layers
