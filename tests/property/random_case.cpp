#include "property/random_case.h"

#include <algorithm>
#include <cmath>

#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "graph/ops/elementwise.h"
#include "graph/ops/image.h"
#include "graph/ops/normalization.h"
#include "graph/ops/pooling.h"
#include "graph/ops/recurrent.h"
#include "graph/ops/reduction.h"
#include "graph/ops/shape.h"

namespace hornet::property {

using graph::UnaryFunction;
using graph::UnaryKind;

Tensor Random::floats(Shape shape, float low, float high) {
  Tensor tensor(DType::kFloat32, std::move(shape));
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    tensor.mutable_as<float>()[i] = real(low, high);
  }
  return tensor;
}

Tensor Random::numbers(DType dtype, Shape shape) {
  if (dtype == DType::kFloat32) return floats(std::move(shape), -4, 4);
  Tensor whole_numbers(DType::kInt64, shape), tensor(dtype, shape);
  const bool is_signed = dtype == DType::kInt8 || dtype == DType::kInt16 ||
                         dtype == DType::kInt32 || dtype == DType::kInt64;
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    whole_numbers.mutable_as<int64_t>()[i] =
        dtype == DType::kBool ? whole(0, 1) : whole(is_signed ? -100 : 0, 100);
  }
  convert_elements(DType::kInt64, whole_numbers.data(), dtype, tensor.mutable_data(),
                   tensor.num_elements());
  return tensor;
}

namespace {

const std::vector<DType> kIntegers = {DType::kInt8,  DType::kUInt8,  DType::kInt16, DType::kUInt16,
                                      DType::kInt32, DType::kUInt32, DType::kInt64, DType::kUInt64};
const std::vector<DType> kAll = {DType::kBool,  DType::kInt8,   DType::kInt16,
                                 DType::kInt32, DType::kInt64,  DType::kFloat32,
                                 DType::kUInt8, DType::kUInt16, DType::kFloat32};

// Sizes around the lengths of vectors more often than others.
int64_t channels(Random& random) {
  return random.chance(0.5) ? random.one_of<int64_t>({1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64})
                            : random.whole(1, 70);
}

DType number_type(Random& random) {
  return random.chance(0.6) ? DType::kFloat32 : random.one_of(kIntegers);
}

UnaryFunction activation(Random& random) {
  return random.one_of<UnaryFunction>({{},
                                       {},
                                       {UnaryKind::relu},
                                       {UnaryKind::relu6},
                                       {UnaryKind::leaky_relu, 0.2f},
                                       {UnaryKind::relu_general, 0.1f, 2, 0.5f},
                                       {UnaryKind::elu, 1},
                                       {UnaryKind::selu},
                                       {UnaryKind::sigmoid},
                                       {UnaryKind::tanh},
                                       {UnaryKind::silu},
                                       {UnaryKind::gelu},
                                       {UnaryKind::gelu_tanh},
                                       {UnaryKind::hard_silu},
                                       {UnaryKind::hard_sigmoid, 1.0f / 6, 0.5f},
                                       {UnaryKind::softplus},
                                       {UnaryKind::mish}});
}

Shape rows_of_any_rank(Random& random, int64_t num_rows, int64_t most_dims = 3) {
  Shape shape = {num_rows};
  const int64_t dims = random.whole(0, most_dims);
  for (int64_t i = 0; i < dims; ++i) shape.push_back(random.whole(1, 9));
  return shape;
}

// Some of the axes behind the first, at least one where there is one.
std::vector<int64_t> inner_axes(Random& random, const Shape& shape) {
  const auto rank = static_cast<int64_t>(shape.size());
  std::vector<int64_t> axes;
  for (int64_t axis = 1; axis < rank; ++axis) {
    if (random.chance(0.5)) axes.push_back(axis);
  }
  if (axes.empty() && rank > 1) axes.push_back(rank - 1);
  return axes;
}

// A shape that broadcasts to `shape`, its rows kept.
Shape broadcast_source(Random& random, const Shape& shape) {
  Shape source = shape;
  for (size_t i = 1; i < source.size(); ++i) {
    if (random.chance(0.3)) source[i] = 1;
  }
  return source;
}

// Weights whose sums are about as large as what they are given: rounding then is as small beside
// them, whatever number of products they add.
Tensor weights(Random& random, const Shape& shape, int64_t sums) {
  const float most = std::sqrt(3.0f / static_cast<float>(sums));
  return random.floats(shape, -most, most);
}

std::optional<Tensor> maybe(Random& random, double probability, Tensor tensor) {
  if (!random.chance(probability)) return std::nullopt;
  return tensor;
}

RandomCase unary(Random& random, int64_t num_rows) {
  constexpr int kNumKinds = static_cast<int>(UnaryKind::signbit) + 1;
  UnaryFunction function{static_cast<UnaryKind>(random.whole(0, kNumKinds - 1)),
                         random.real(0.1f, 1), random.real(1, 3), random.real(-1, 1)};
  const DType dtype = function.kind == UnaryKind::bitwise_not ? DType::kInt32 : number_type(random);
  const Shape shape = rows_of_any_rank(random, num_rows);
  return {std::make_shared<graph::Unary>(function), {random.numbers(dtype, shape)}, {false}};
}

RandomCase binary(Random& random, int64_t num_rows) {
  constexpr int kNumKinds = static_cast<int>(graph::BinaryKind::right_shift) + 1;
  const auto kind = static_cast<graph::BinaryKind>(random.whole(0, kNumKinds - 1));
  const DType dtype = number_type(random);
  const bool arithmetic = kind < graph::BinaryKind::equal && dtype == DType::kFloat32;
  const Shape shape = rows_of_any_rank(random, num_rows);
  Shape other = broadcast_source(random, shape);
  const bool constant = random.chance(0.3);
  if (constant) other[0] = 1;
  Tensor x = random.numbers(dtype, shape), y = random.numbers(dtype, other);
  const bool swapped = random.chance(0.5);
  if (swapped) std::swap(x, y);
  return {std::make_shared<graph::Binary>(kind, arithmetic ? activation(random) : UnaryFunction{}),
          {x, y},
          {constant && swapped, constant && !swapped}};
}

RandomCase select(Random& random, int64_t num_rows) {
  const DType dtype = random.one_of(kAll);
  const Shape shape = rows_of_any_rank(random, num_rows);
  return {std::make_shared<graph::Select>(),
          {random.numbers(DType::kBool, broadcast_source(random, shape)),
           random.numbers(dtype, shape), random.numbers(dtype, broadcast_source(random, shape))},
          {false, false, false}};
}

RandomCase cast(Random& random, int64_t num_rows) {
  const DType to = random.one_of(kAll);
  DType from = random.one_of(kAll);
  // A negative float as an unsigned number has no defined value.
  if (from == DType::kFloat32 && to != DType::kFloat32) from = DType::kInt32;
  return {std::make_shared<graph::Cast>(to),
          {random.numbers(from, rows_of_any_rank(random, num_rows))},
          {false}};
}

RandomCase contraction(Random& random, int64_t num_rows) {
  Shape x = rows_of_any_rank(random, num_rows, 2);
  const int64_t inner = random.chance(0.1) ? random.whole(200, 700) : channels(random);
  const int64_t outer = channels(random);
  Shape y = x;
  x.push_back(inner);
  y.push_back(outer);
  return {std::make_shared<graph::Contraction>(graph::Epilogue{activation(random)}),
          {random.floats(x), random.floats({inner, outer}),
           maybe(random, 0.7, random.floats({outer})), maybe(random, 0.3, random.floats(y))},
          {false, true, true, false}};
}

RandomCase matmul(Random& random, int64_t num_rows) {
  const bool ta = random.chance(0.5), tb = random.chance(0.5);
  const int64_t m = random.whole(1, 20), n = random.whole(1, 20), k = channels(random);
  Shape a = rows_of_any_rank(random, num_rows, 2);
  Shape b = broadcast_source(random, a);
  const bool constant = random.chance(0.3);
  if (constant) b.erase(b.begin());  // shared by all rows
  a.push_back(ta ? k : m);
  a.push_back(ta ? m : k);
  b.push_back(tb ? n : k);
  b.push_back(tb ? k : n);
  return {std::make_shared<graph::MatMul>(ta, tb),
          {random.floats(a), random.floats(b)},
          {false, constant}};
}

RandomCase attention(Random& random, int64_t num_rows) {
  graph::Attention op;
  op.scale = random.real(0.1f, 1);
  op.causal = random.chance(0.3);
  op.window = random.chance(0.2) ? random.whole(1, 6) : 0;
  op.hidden_score = random.chance(0.5) ? -3e38f : -1e9f;
  op.zero_hidden = random.chance(0.3);
  const int64_t t = random.whole(1, 40), s = random.chance(0.5) ? t : random.whole(1, 40);
  const int64_t groups = random.whole(1, 3), heads = groups * random.whole(1, 2);
  const int64_t d = channels(random), e = random.chance(0.5) ? d : channels(random);
  Shape mask = {num_rows, heads, t, s};
  for (size_t i = 1; i < 4; ++i) {
    if (random.chance(0.4)) mask[i] = 1;
  }
  return {std::make_shared<graph::Attention>(op),
          {random.floats({num_rows, t, heads, d}), random.floats({num_rows, s, groups, d}),
           random.floats({num_rows, s, groups, e}),
           maybe(random, 0.5, random.numbers(DType::kBool, mask))},
          {false, false, false, false}};
}

// A window over `spatial` dimensions that fits in the cells that are put into `shape`.
graph::Window window(Random& random, size_t spatial, bool dilated, Shape& shape) {
  graph::Window result;
  result.padding = random.one_of<graph::Padding>(
      {graph::Padding::kValid, graph::Padding::kSame, graph::Padding::kExplicit});
  const bool strided = random.chance(0.5);
  const bool is_dilated = dilated && random.chance(0.3);
  for (size_t i = 0; i < spatial; ++i) {
    result.size.push_back(random.one_of<int64_t>({1, 2, 3, 3, 5}));
    result.strides.push_back(strided ? random.whole(1, 3) : 1);
    result.dilations.push_back(is_dilated ? random.whole(1, 3) : 1);
    const int64_t extent = (result.size.back() - 1) * result.dilations.back() + 1;
    shape.push_back(extent + random.whole(0, spatial == 3 ? 4 : 12));
    if (result.padding == graph::Padding::kExplicit) {
      // Now and then more than the window has cells: an output cell that sees padding alone.
      const int64_t most = dilated && random.chance(0.2) ? extent + 1 : extent - 1;
      result.pads_begin.push_back(random.whole(0, most));
      result.pads_end.push_back(random.whole(0, most));
    }
  }
  return result;
}

RandomCase conv(Random& random, int64_t num_rows) {
  graph::Conv op;
  const auto spatial = static_cast<size_t>(random.whole(1, 3));
  Shape x = {num_rows};
  op.window = window(random, spatial, true, x);
  if (spatial == 1 && random.chance(0.3)) op.window.padding = graph::Padding::kCausal;
  if (random.chance(0.2)) {  // one cell: a contraction
    op.window.size.assign(spatial, 1);
    op.window.dilations.assign(spatial, 1);
  }
  const int64_t most = spatial == 3 ? 20 : 70;  // the reference is slow
  int64_t in = std::min(channels(random), most), out = std::min(channels(random), most);
  if (random.chance(0.25)) {  // depthwise
    op.groups = in;
    out = in * random.whole(1, 2);
  } else if (random.chance(0.25)) {
    op.groups = random.whole(2, 4);
    in = op.groups * random.whole(1, 16);
    out = op.groups * random.whole(1, 16);
  }
  op.epilogue.activation = activation(random);
  x.push_back(in);
  Shape w = op.window.size;
  w.push_back(in / op.groups);
  w.push_back(out);
  const std::vector<graph::TensorType> types = {{DType::kFloat32, x}, {DType::kFloat32, w}};
  const Shape y = op.infer(types)[0].shape;
  return {std::make_shared<graph::Conv>(op),
          {random.floats(x), weights(random, w, num_elements(w) / out),
           maybe(random, 0.7, random.floats({out})), maybe(random, 0.3, random.floats(y))},
          {false, true, true, false}};
}

RandomCase conv_transpose(Random& random, int64_t num_rows) {
  graph::ConvTranspose op;
  const auto spatial = static_cast<size_t>(random.whole(1, 3));
  Shape x = {num_rows};
  op.window = window(random, spatial, true, x);
  op.window.padding = random.chance(0.5) ? graph::Padding::kValid : graph::Padding::kSame;
  op.window.pads_begin.clear();
  op.window.pads_end.clear();
  if (random.chance(0.3)) {
    for (size_t i = 0; i < spatial; ++i) {
      op.output_padding.push_back(random.whole(0, op.window.strides[i] - 1));
    }
  }
  op.epilogue.activation = activation(random);
  const int64_t most = spatial == 3 ? 10 : 70;  // the reference is slow
  const int64_t in = std::min(channels(random), most), out = std::min(channels(random), most);
  x.push_back(in);
  Shape w = op.window.size;
  w.push_back(out);
  w.push_back(in);
  const std::vector<graph::TensorType> types = {{DType::kFloat32, x}, {DType::kFloat32, w}};
  const Shape y = op.infer(types)[0].shape;
  return {std::make_shared<graph::ConvTranspose>(op),
          {random.floats(x), random.floats(w), maybe(random, 0.7, random.floats({out})),
           maybe(random, 0.3, random.floats(y))},
          {false, true, true, false}};
}

RandomCase pool(Random& random, int64_t num_rows) {
  graph::Pool op;
  op.kind = random.chance(0.5) ? graph::PoolKind::kMax : graph::PoolKind::kAverage;
  Shape x = {num_rows};
  op.window = window(random, static_cast<size_t>(random.whole(1, 3)), false, x);
  x.push_back(channels(random));
  return {std::make_shared<graph::Pool>(op), {random.floats(x, -3, -1)}, {false}};
}

RandomCase reduce(Random& random, int64_t num_rows) {
  using graph::ReduceKind;
  const auto kind = static_cast<ReduceKind>(random.whole(0, 7));
  DType dtype = number_type(random);
  if (kind == ReduceKind::all || kind == ReduceKind::any) dtype = DType::kBool;
  if (kind == ReduceKind::mean || kind == ReduceKind::logsumexp) dtype = DType::kFloat32;
  const Shape shape = rows_of_any_rank(random, num_rows, 4);
  return {std::make_shared<graph::Reduce>(kind, inner_axes(random, shape), random.chance(0.5)),
          {random.numbers(dtype, shape)},
          {false}};
}

RandomCase softmax(Random& random, int64_t num_rows) {
  Shape shape = rows_of_any_rank(random, num_rows);
  shape.push_back(channels(random));
  return {std::make_shared<graph::Softmax>(inner_axes(random, shape), random.chance(0.3)),
          {random.floats(shape, -9, 9)},
          {false}};
}

RandomCase layer_norm(Random& random, int64_t num_rows) {
  Shape shape = rows_of_any_rank(random, num_rows);
  shape.push_back(channels(random));
  graph::LayerNorm op;
  op.axes = inner_axes(random, shape);
  op.rms = random.chance(0.3);
  Shape scale(shape.size(), 1);
  for (const int64_t axis : op.axes) {
    scale[static_cast<size_t>(axis)] = shape[static_cast<size_t>(axis)];
  }
  return {std::make_shared<graph::LayerNorm>(op),
          {random.floats(shape), maybe(random, 0.7, random.floats(scale)),
           maybe(random, 0.7, random.floats(scale))},
          {false, true, true}};
}

struct RecurrentSizes {
  int64_t steps, units;
};

template <class OpType>
OpType recurrent_op(Random& random) {
  OpType op;
  op.options.go_backwards = random.chance(0.3);
  op.options.zero_output_for_mask = random.chance(0.3);
  if (random.chance(0.3)) op.options.activation = {UnaryKind::relu};
  if (random.chance(0.2)) op.options.recurrent_activation = {UnaryKind::hard_sigmoid, 0.2f, 0.5f};
  return op;
}

Tensor recurrent_kernel(Random& random, int64_t units, int64_t gates) {
  const float limit = 1 / std::sqrt(static_cast<float>(units));
  return random.floats({units, gates * units}, -limit, limit);
}

// Puts a projection of the input before a case with projected input, sometimes.
RandomCase with_projection(Random& random, RandomCase c) {
  if (random.chance(0.5)) return c;
  const Shape projected = c.inputs[0]->shape();
  const int64_t features = random.whole(1, 20);
  c.inputs[0] = random.floats({projected[0], projected[1], features});
  c.inputs.resize(graph::kProjectionInput);
  c.is_constant.resize(graph::kProjectionInput);
  c.inputs.push_back(random.floats({features, projected[2]}, -0.3f, 0.3f));
  c.inputs.push_back(maybe(random, 0.7, random.floats({projected[2]})));
  c.is_constant.insert(c.is_constant.end(), {true, true});
  return c;
}

RecurrentSizes recurrent_sizes(Random& random) {
  return {random.whole(1, 12), std::min<int64_t>(channels(random), 40)};
}

RandomCase lstm(Random& random, int64_t num_rows) {
  const RecurrentSizes s = recurrent_sizes(random);
  return with_projection(
      random,
      {std::make_shared<graph::Lstm>(recurrent_op<graph::Lstm>(random)),
       {random.floats({num_rows, s.steps, 4 * s.units}), recurrent_kernel(random, s.units, 4),
        maybe(random, 0.3, random.floats({num_rows, s.units})),
        maybe(random, 0.3, random.floats({num_rows, s.units})),
        maybe(random, 0.4, random.numbers(DType::kBool, {num_rows, s.steps}))},
       {false, true, false, false, false}});
}

RandomCase gru(Random& random, int64_t num_rows) {
  const RecurrentSizes s = recurrent_sizes(random);
  auto op = recurrent_op<graph::Gru>(random);
  op.reset_after = random.chance(0.5);
  return with_projection(
      random,
      {std::make_shared<graph::Gru>(op),
       {random.floats({num_rows, s.steps, 3 * s.units}), recurrent_kernel(random, s.units, 3),
        maybe(random, 0.3, random.floats({num_rows, s.units})),
        maybe(random, 0.4, random.numbers(DType::kBool, {num_rows, s.steps})),
        maybe(random, op.reset_after ? 0.7 : 0, random.floats({3 * s.units}))},
       {false, true, false, false, true}});
}

RandomCase simple_rnn(Random& random, int64_t num_rows) {
  const RecurrentSizes s = recurrent_sizes(random);
  return with_projection(
      random, {std::make_shared<graph::SimpleRnn>(recurrent_op<graph::SimpleRnn>(random)),
               {random.floats({num_rows, s.steps, s.units}), recurrent_kernel(random, s.units, 1),
                maybe(random, 0.3, random.floats({num_rows, s.units})),
                maybe(random, 0.4, random.numbers(DType::kBool, {num_rows, s.steps}))},
               {false, true, false, false}});
}

RandomCase conv_lstm(Random& random, int64_t num_rows) {
  const auto spatial = static_cast<size_t>(random.whole(1, 3));
  const int64_t steps = random.whole(1, 4), filters = random.whole(1, spatial == 3 ? 4 : 20);
  Shape state = {num_rows}, x = {num_rows, steps}, kernel;
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t size = random.whole(1, spatial == 3 ? 5 : 18);
    state.push_back(size);
    x.push_back(size);
    kernel.push_back(random.whole(1, 4));
  }
  state.push_back(filters);
  x.push_back(4 * filters);
  const float limit = 1 / std::sqrt(static_cast<float>(num_elements(kernel) * filters));
  kernel.insert(kernel.end(), {filters, 4 * filters});
  return {std::make_shared<graph::ConvLstm>(recurrent_op<graph::ConvLstm>(random)),
          {random.floats(x), random.floats(kernel, -limit, limit),
           maybe(random, 0.3, random.floats(state)), maybe(random, 0.3, random.floats(state)),
           maybe(random, 0.4, random.numbers(DType::kBool, {num_rows, steps}))},
          {false, true, false, false, false}};
}

RandomCase resize_image(Random& random, int64_t num_rows) {
  using graph::Interpolation;
  graph::ResizeImage op;
  op.interpolation = random.one_of<Interpolation>(
      {Interpolation::kNearest, Interpolation::kBilinear, Interpolation::kBicubic,
       Interpolation::kLanczos3, Interpolation::kLanczos5, Interpolation::kGaussian,
       Interpolation::kMitchellCubic, Interpolation::kArea});
  op.antialias = random.chance(0.3);
  op.height = random.whole(1, 20);
  op.width = random.whole(1, 20);
  using Fit = graph::ResizeImage::Fit;
  op.fit = random.one_of<Fit>({Fit::kStretch, Fit::kStretch, Fit::kCrop, Fit::kPad});
  op.fill_value = 0.5f;
  return {std::make_shared<graph::ResizeImage>(op),
          {random.floats({num_rows, random.whole(1, 20), random.whole(1, 20), channels(random)})},
          {false}};
}

RandomCase reshape(Random& random, int64_t num_rows) {
  using graph::TargetDim;
  const int64_t a = random.whole(1, 6), b = random.whole(1, 6);
  return {std::make_shared<graph::Reshape>(std::vector<TargetDim>{
              TargetDim::copied(0), TargetDim::fixed(b), TargetDim::inferred()}),
          {random.numbers(random.one_of(kAll), {num_rows, a, b})},
          {false}};
}

RandomCase transpose(Random& random, int64_t num_rows) {
  const Shape shape = rows_of_any_rank(random, num_rows, 4);
  std::vector<int64_t> order(shape.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  for (size_t i = order.size() - 1; i > 1; --i) {
    std::swap(order[i], order[static_cast<size_t>(random.whole(1, static_cast<int64_t>(i)))]);
  }
  return {std::make_shared<graph::Transpose>(order),
          {random.numbers(random.one_of(kAll), shape)},
          {false}};
}

RandomCase concat(Random& random, int64_t num_rows) {
  Shape shape = rows_of_any_rank(random, num_rows, 2);
  shape.push_back(1);
  const int64_t axis = random.whole(1, static_cast<int64_t>(shape.size()) - 1);
  const DType dtype = random.one_of(kAll);
  RandomCase result;
  result.op = std::make_shared<graph::Concat>(axis);
  const int64_t count = random.whole(1, 4);
  for (int64_t i = 0; i < count; ++i) {
    shape[static_cast<size_t>(axis)] = random.whole(0, 5);
    result.inputs.push_back(random.numbers(dtype, shape));
    result.is_constant.push_back(false);
  }
  return result;
}

RandomCase slice(Random& random, int64_t num_rows) {
  const Shape shape = rows_of_any_rank(random, num_rows);
  std::vector<graph::Slice::Range> ranges = {{}};
  for (size_t i = 1; i < shape.size(); ++i) {
    graph::Slice::Range range;
    if (random.chance(0.6)) range.start = random.whole(-12, 12);
    if (random.chance(0.6)) range.stop = random.whole(-12, 12);
    range.step = random.one_of<int64_t>({1, 1, 2, 3, -1, -2});
    ranges.push_back(range);
  }
  return {std::make_shared<graph::Slice>(ranges),
          {random.numbers(random.one_of(kAll), shape)},
          {false}};
}

RandomCase pad(Random& random, int64_t num_rows) {
  const Shape shape = rows_of_any_rank(random, num_rows);
  graph::Pad op;
  op.mode = static_cast<graph::PadMode>(random.whole(0, 3));
  op.value = 3;
  op.before = op.after = {0};
  for (size_t i = 1; i < shape.size(); ++i) {
    op.before.push_back(random.whole(0, 4));
    op.after.push_back(random.whole(0, 4));
  }
  return {std::make_shared<graph::Pad>(op), {random.numbers(random.one_of(kAll), shape)}, {false}};
}

RandomCase gather(Random& random, int64_t num_rows) {
  const int64_t size = random.whole(1, 9), width = random.whole(0, 5);
  Tensor indices(DType::kInt32, {num_rows, random.whole(1, 7)});
  for (int64_t i = 0; i < indices.num_elements(); ++i) {
    indices.mutable_as<int32_t>()[i] = static_cast<int32_t>(random.whole(-size, size - 1));
  }
  // A table of rows and the indices computed: an embedding.
  return {std::make_shared<graph::Gather>(0),
          {random.numbers(random.one_of(kAll), {size, width}), indices},
          {true, false}};
}

RandomCase broadcast_to(Random& random, int64_t num_rows) {
  Shape shape = rows_of_any_rank(random, num_rows);
  const Shape source = broadcast_source(random, shape);
  shape[0] = kUnknownDim;
  return {std::make_shared<graph::BroadcastTo>(shape),
          {random.numbers(random.one_of(kAll), source)},
          {false}};
}

}  // namespace

const std::vector<Generator>& generators() {
  static const std::vector<Generator> all = {
      {"unary", unary, 400},
      {"binary", binary, 400},
      {"select", select, 200},
      {"cast", cast, 200},
      {"contraction", contraction, 120},
      {"matmul", matmul},
      {"attention", attention},
      {"conv", conv, 100},
      {"conv_transpose", conv_transpose},
      {"pool", pool},
      {"reduce", reduce, 300},
      {"softmax", softmax},
      {"layer_norm", layer_norm},
      {"lstm", lstm, 100},
      {"gru", gru, 100},
      {"simple_rnn", simple_rnn, 100},
      {"conv_lstm", conv_lstm, 60},
      {"resize_image", resize_image, 200},
      {"reshape", reshape, 100},
      {"transpose", transpose, 200},
      {"concat", concat, 200},
      {"slice", slice, 200},
      {"pad", pad, 200},
      {"gather", gather, 100},
      {"broadcast_to", broadcast_to, 100},
  };
  return all;
}

}  // namespace hornet::property
