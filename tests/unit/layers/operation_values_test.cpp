// Operations that no golden case holds: a few numbers each, worked out from their definitions.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "unit/layers/operation_model.h"

namespace hornet::layers {
namespace {

constexpr float kFloatInf = std::numeric_limits<float>::infinity();
constexpr double kPi = std::numbers::pi;

struct Expected {
  std::string class_name;
  std::string config;  // members of the config
  std::string args;
  std::vector<Given> inputs;
  std::vector<double> values;     // of output 0
  std::vector<double> more = {};  // of output 1, where there is one
};

std::vector<double> numbers(const Tensor& tensor) {
  std::vector<double> values(static_cast<size_t>(tensor.num_elements()));
  convert_elements(tensor.dtype(), tensor.data(), DType::kFloat64, values.data(),
                   tensor.num_elements());
  return values;
}

void check(const std::vector<Expected>& table) {
  for (const Expected& line : table) {
    SCOPED_TRACE(line.class_name);
    const Result y = run_operation(line.class_name, line.config, line.args, line.inputs,
                                   line.more.empty() ? 1 : 2);
    EXPECT_THAT(numbers(y.outputs[0]),
                testing::Pointwise(testing::NanSensitiveDoubleNear(2e-6), line.values));
    if (line.more.empty()) continue;
    EXPECT_THAT(numbers(y.outputs[1]),
                testing::Pointwise(testing::NanSensitiveDoubleNear(2e-6), line.more));
  }
}

// A constant as a file holds it.
std::string array(const std::string& values, const std::string& dtype = "float32") {
  return R"({"class_name": "__numpy__", "config": {"value": )" + values + R"(, "dtype": ")" +
         dtype + "\"}}";
}

const std::string kBoth = input(0) + ", " + input(1);
const std::string kComplex = "[" + input(0) + ", " + input(1) + "]";

TEST(OperationValues, Elementwise) {
  const Given x = given({1, 3}, {1, -2, 3}), y = given({1, 3}, {-1, 1, -0.0f});
  const Given integers = given_integers({1, 2}, {1, 3}), counts = given_integers({1, 2}, {2, 1});
  const Given infinite = given({1, 3}, {kFloatInf, -kFloatInf, 0});
  check({
      {"Abs", "", input(0), {x}, {1, 2, 3}},
      {"Angle", "", input(0), {given({1, 3}, {1, -1, 0})}, {0, kPi, 0}},
      {"BitwiseInvert", "", input(0), {integers}, {-2, -4}},
      {"BitwiseNot", "", input(0), {integers}, {-2, -4}},
      {"BitwiseLeftShift", "", kBoth, {integers, counts}, {4, 6}},
      {"BitwiseRightShift", "", input(0) + ", 1", {given_integers({1, 2}, {8, -8})}, {4, -4}},
      {"Conj", "", input(0), {x}, {1, -2, 3}},
      {"Copysign", "", kBoth, {x, y}, {-1, 2, -3}},
      {"Fabs", "", input(0), {x}, {1, 2, 3}},
      {"Imag", "", input(0), {x}, {0, 0, 0}},
      {"EmptyLike", R"("dtype": null)", input(0), {x}, {0, 0, 0}},
      {"Isclose",
       R"("rtol": 1e-5, "atol": 1e-8, "equal_nan": false)",
       input(0) + ", " + array("[1.0, -2.1, 3.00001]"),
       {x},
       {1, 0, 1}},
      {"Allclose",
       R"("rtol": 1e-5, "atol": 1e-8, "equal_nan": false)",
       input(0) + ", " + array("[1.0, -2.1, 3.0]"),
       {x},
       {0}},
      {"Isneginf", "", input(0), {infinite}, {0, 1, 0}},
      {"Isposinf", "", input(0), {infinite}, {1, 0, 0}},
      {"Isreal", "", input(0), {x}, {1, 1, 1}},
      {"Isin",
       R"("assume_unique": false, "invert": false)",
       input(0) + ", " + array("[3.0, 1.0]"),
       {x},
       {1, 0, 1}},
      {"Isin",
       R"("assume_unique": false, "invert": true)",
       input(0) + ", " + array("[3.0, 1.0]"),
       {x},
       {0, 1, 0}},
      {"Ldexp", "", input(0) + ", " + array("[2, 3, -1]", "int32"), {x}, {4, -16, 1.5}},
      {"SaturateCast", R"("dtype": "uint8")", input(0), {given({1, 3}, {-5, 300, 7})}, {0, 255, 7}},
      {"Select",
       "",
       "[" + input(0) + "], [" + input(1) + "], 9.0",
       {given<bool>({1, 2}, {true, false}, DType::kBool), given({1, 2}, {1, 2})},
       {1, 9}},
  });
}

TEST(OperationValues, Losses) {
  const Given target = given({1, 2}, {1, 0}), output = given({1, 2}, {0.9f, 0.2f});
  check({
      {"BinaryCrossentropy",
       R"("from_logits": false)",
       kBoth,
       {target, output},
       {-std::log(0.9), -std::log(0.8)}},
      {"BinaryCrossentropy",
       R"("from_logits": true)",
       kBoth,
       {target, output},
       {std::log(1 + std::exp(-0.9)), std::log(1 + std::exp(0.2))}},
      {"CategoricalCrossentropy",
       R"("from_logits": false, "axis": -1)",
       kBoth,
       {given({1, 2}, {0, 1}), given({1, 2}, {0.25f, 0.75f})},
       {-std::log(0.75)}},
      {"SparseCategoricalCrossentropy",
       R"("from_logits": true, "axis": -1)",
       kBoth,
       {given_integers({1}, {0}), given({1, 2}, {1, 3})},
       {std::log(1 + std::exp(2))}},
      // 20 log10(2) - 10 log10(0.01)
      {"PSNR",
       R"("max_val": 2.0)",
       kBoth,
       {given({1, 2}, {0, 0}), given({1, 2}, {0.1f, -0.1f})},
       {20 * std::log10(2) + 20}},
  });
}

TEST(OperationValues, Reductions) {
  const Given holes = given({1, 3}, {std::numeric_limits<float>::quiet_NaN(), 1, 3}),
              x = given({1, 3}, {1, 2, 4});
  check({
      {"CountNonzero", R"("axis": [1])", input(0), {given({2, 2}, {0, 1, 2, 3})}, {1, 2}},
      {"Nanargmax", R"("axis": 1, "keepdims": false)", input(0), {holes}, {2}},
      {"Nanargmin", R"("axis": 1, "keepdims": false)", input(0), {holes}, {1}},
      {"Nancumsum", R"("axis": 1, "dtype": null)", input(0), {holes}, {0, 1, 4}},
      {"Nancumprod", R"("axis": 1, "dtype": null)", input(0), {holes}, {1, 1, 3}},
      {"Nanmedian", R"("axis": [1], "keepdims": false)", input(0), {holes}, {2}},
      {"Nanmin", R"("axis": [1], "keepdims": false)", input(0), {holes}, {1}},
      {"Nanprod", R"("axis": [1], "keepdims": true, "dtype": null)", input(0), {holes}, {3}},
      {"Nanstd", R"("axis": [1], "keepdims": false)", input(0), {holes}, {1}},
      {"Nanvar", R"("axis": [1], "keepdims": false)", input(0), {holes}, {1}},
      {"Nanquantile",
       R"("axis": [1], "method": "linear", "keepdims": false)",
       input(0) + ", 0.25",
       {holes},
       {1.5}},
      {"Nanpercentile",
       R"("axis": [1], "method": "linear", "keepdims": false)",
       input(0) + ", 25",
       {holes},
       {1.5}},
      {"Percentile",
       R"("axis": [1], "method": "linear", "keepdims": false)",
       input(0) + ", 75",
       {x},
       {3}},
      {"Ndim", "", input(0), {x}, {2}},
      {"Size", "", input(0), {x}, {3}},
      {"Trapezoid", R"("x": null, "dx": 2.0, "axis": -1)", input(0), {x}, {9}},
      {"Corrcoef", "", input(0), {given({2, 3}, {1, 2, 3, 3, 2, 1})}, {1, -1, -1, 1}},
      {"Histogram",
       R"("bins": 2, "range": null)",
       input(0),
       {given({1, 4}, {1, 2, 3, 4})},
       {2, 2},
       {1, 2.5, 4}},
      {"SegmentMax",
       R"("num_segments": 2, "sorted": false)",
       kBoth,
       {given({3}, {1, 5, 3}), given_integers({3}, {0, 0, 1})},
       {5, 3}},
  });
}

TEST(OperationValues, Shapes) {
  const Given x = given({1, 2}, {1, 2}), y = given({1, 2}, {3, 4});
  const std::string list = "[" + kBoth + "]";
  check({
      {"Append", R"("axis": 1)", kBoth, {x, y}, {1, 2, 3, 4}},
      {"Append", R"("axis": null)", kBoth, {x, y}, {1, 2, 3, 4}},
      {"Dstack", "", list, {x, y}, {1, 3, 2, 4}},
      {"Hsplit", R"("indices_or_sections": 2)", input(0), {x}, {1}, {2}},
      {"Dsplit",
       R"("indices_or_sections": [1])",
       input(0),
       {given({1, 1, 3}, {1, 2, 3})},
       {1},
       {2, 3}},
      {"Vsplit", R"("indices_or_sections": 2)", array("[[1.0], [2.0]]"), {x}, {1}, {2}},
      {"Fliplr", "", input(0), {x}, {2, 1}},
      {"Flipud", "", input(0), {given({2, 2}, {1, 2, 3, 4})}, {3, 4, 1, 2}},
      {"Diagflat", R"("k": 0)", input(0), {x}, {1, 0, 0, 2}},
      {"Vander",
       R"("N": null, "increasing": false)",
       array("[1.0, 2.0, 3.0]"),
       {x},
       {1, 1, 1, 4, 2, 1, 9, 3, 1}},
      {"UnravelIndex",
       R"("shape": [2, 3])",
       input(0),
       {given_integers({2}, {4, 2})},
       {1, 0},
       {1, 2}},
      {"Linspace",
       R"("num": 3, "endpoint": true, "retstep": false, "dtype": null, "axis": 0)",
       kBoth,
       {given({1}, {0}), given({1}, {1})},
       {0, 0.5, 1}},
      {"Logspace",
       R"("num": 3, "endpoint": true, "base": 10, "dtype": null, "axis": 0)",
       kBoth,
       {given({1}, {0}), given({1}, {2})},
       {1, 10, 100}},
      {"Geomspace",
       R"("num": 3, "endpoint": false, "dtype": null, "axis": 0)",
       kBoth,
       {given({1}, {1}), given({1}, {8})},
       {1, 2, 4}},
      {"SliceUpdate",
       "",
       input(0) + ", [0, 1], " + input(1),
       {given({1, 4}, {1, 2, 3, 4}), given({1, 2}, {8, 9})},
       {1, 8, 9, 4}},
      {"Scatter",
       R"("shape": [4])",
       kBoth,
       {given_integers({3, 1}, {1, 3, 3}), given({3}, {9, 10, 1})},
       {0, 9, 0, 11}},
      {"ScatterUpdate",
       R"("reduction": null)",
       input(0) + ", " + array("[[0, 1], [0, 0]]", "int32") + ", " + array("[7.0, 8.0]"),
       {x},
       {8, 7}},
      {"ScatterUpdate",
       R"("reduction": "max")",
       input(0) + ", " + array("[[0, 1], [0, 0]]", "int32") + ", " + array("[1.5, 8.0]"),
       {x},
       {8, 2}},
      {"ExtractSequences",
       R"("sequence_length": 2, "sequence_stride": 1)",
       input(0),
       {given({1, 3}, {1, 2, 3})},
       {1, 2, 2, 3}},
      {"ExtractPatches3D",
       R"("size": [1, 1, 2], "strides": null, "dilation_rate": 1, "padding": "valid")",
       input(0),
       {given({1, 1, 1, 4, 1}, {1, 2, 3, 4})},
       {1, 2, 3, 4}},
  });
}

TEST(OperationValues, Products) {
  const Given x = given({1, 2}, {1, 2}), y = given({1, 2}, {3, 4});
  check({
      {"Inner", "", kBoth, {x, y}, {11}},
      {"Vdot", "", kBoth, {x, y}, {11}},
      {"Kron", "", kBoth, {x, given({1, 2}, {1, 10})}, {1, 10, 2, 20}},
      {"ConvTranspose",
       R"("strides": 1, "padding": "valid", "output_padding": null,
          "data_format": "channels_last", "dilation_rate": 1)",
       input(0) + ", " + array("[[[1.0]], [[10.0]]]"),
       {given({1, 2, 1}, {1, 2})},
       {1, 12, 20}},
      {"AdaptiveAveragePool",
       R"("output_size": [2], "data_format": "channels_last")",
       input(0),
       {given({1, 3, 1}, {1, 2, 4})},
       {1.5, 3}},
      {"AdaptiveMaxPool",
       R"("output_size": [2], "data_format": "channels_last")",
       input(0),
       {given({1, 3, 1}, {1, 2, 4})},
       {2, 4}},
  });
}

TEST(OperationValues, Matrices) {
  const Given diagonal = given({1, 2, 2}, {2, 0, 0, 3});
  check({
      {"Eigh", "", input(0), {diagonal}, {2, 3}},
      {"SVD", R"("full_matrices": true, "compute_uv": false)", input(0), {diagonal}, {3, 2}},
      {"Logdet", "", input(0), {diagonal}, {std::log(6)}},
      {"Slogdet", "", input(0), {given({1, 2, 2}, {0, 2, 3, 0})}, {-1}, {std::log(6)}},
      // The inverse of L L^T = [[4, 2], [2, 2]].
      {"CholeskyInverse",
       R"("upper": false)",
       input(0),
       {given({1, 2, 2}, {2, 0, 1, 1})},
       {0.5, -0.5, -0.5, 1}},
      {"LuFactor", "", input(0), {given({1, 2, 2}, {2, 1, 4, 3})}, {4, 3, 0.5, -0.5}, {1, 1}},
      {"SolveTriangular",
       R"("lower": true)",
       kBoth,
       {given({1, 2, 2}, {2, 0, 1, 1}), given({1, 2, 1}, {2, 3})},
       {1, 2}},
      {"Lstsq",
       R"("rcond": null)",
       kBoth,
       {Given{given({3, 2}, {1, 0, 0, 2, 0, 0}).data, "[3, 2]"},
        Given{given({3}, {2, 4, 5}).data, "[3]"}},
       {2, 2}},
  });
  // Q R is the matrix again, R is triangular.
  const Given x = given({1, 2, 2}, {3, 1, 4, 2});
  const Result y = run_operation("Qr", R"("mode": "reduced")", input(0), {x}, 2);
  const std::vector<double> q = numbers(y.outputs[0]), r = numbers(y.outputs[1]);
  EXPECT_NEAR(r[2], 0, 1e-6);
  EXPECT_THAT((std::vector<double>{q[0] * r[0], q[0] * r[1] + q[1] * r[3], q[2] * r[0],
                                   q[2] * r[1] + q[3] * r[3]}),
              testing::Pointwise(testing::DoubleNear(1e-5), {3.0, 1.0, 4.0, 2.0}));
}

TEST(OperationValues, FourierTransforms) {
  const Given zeros = given({1, 4}, {0, 0, 0, 0}), square = given({1, 2, 2}, {0, 0, 0, 0});
  check({
      {"FFT", "", kComplex, {given({1, 4}, {1, 2, 3, 4}), zeros}, {10, -2, -2, -2}, {0, 2, 0, -2}},
      {"IRFFT",
       R"("fft_length": null)",
       kComplex,
       {given({1, 3}, {10, -2, -2}), given({1, 3}, {0, 2, 0})},
       {1, 2, 3, 4}},
      {"FFT2",
       "",
       kComplex,
       {given({1, 2, 2}, {1, 2, 3, 4}), square},
       {10, -2, -4, 0},
       {0, 0, 0, 0}},
      {"IFFT2",
       "",
       kComplex,
       {given({1, 2, 2}, {10, -2, -4, 0}), square},
       {1, 2, 3, 4},
       {0, 0, 0, 0}},
  });
}

TEST(OperationValues, Images) {
  const Given point = given({1, 3, 3, 1}, {0, 0, 0, 0, 1, 0, 0, 0, 0});
  const double side = std::exp(-0.5) / (1 + 2 * std::exp(-0.5)), middle = 1 - 2 * side;
  const Given image = given({1, 2, 2, 1}, {1, 2, 3, 4});
  const std::string corners = array("[[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]]");
  const std::string turned = array("[[[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 1.0]]]");
  check({
      {"GaussianBlur",
       R"("kernel_size": [3, 3], "sigma": [1.0, 1.0], "data_format": "channels_last")",
       input(0),
       {point},
       {side * side, side * middle, side * side, side * middle, middle * middle, side * middle,
        side * side, side * middle, side * side}},
      {"MapCoordinates",
       R"("order": 1, "fill_mode": "constant", "fill_value": 0)",
       input(0) + ", " + array("[[0.5, 0.0], [0.5, 1.0]]"),
       {given({2, 2}, {1, 2, 3, 4})},
       {2.5, 2}},
      {"PerspectiveTransform",
       R"("interpolation": "bilinear", "fill_value": 0, "data_format": "channels_last")",
       input(0) + ", " + corners + ", " + turned,
       {image},
       {2, 1, 4, 3}},
  });
}

}  // namespace
}  // namespace hornet::layers
