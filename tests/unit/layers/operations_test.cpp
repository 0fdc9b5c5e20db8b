// Operations where their meaning is easily missed: promotion, axes, empty rows, subscripts.
#include <gmock/gmock.h>

#include <limits>

#include "unit/base/expect_error.h"
#include "unit/layers/operation_model.h"

namespace hornet::layers {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// The type of the result of a binary operation with x1 (int32 or float32) and a constant.
DType result_type(const std::string& class_name, const Given& x, const std::string& constant) {
  return run_operation(class_name, "", input(0) + ", " + constant, {x}).types[0].dtype;
}

TEST(OperationTypes, PythonScalars_TakeTheTypeOfTheTensor) {
  const Given integers = given_integers({1, 2}, {5, 7}), floats = given({1, 2}, {5, 7});
  EXPECT_EQ(result_type("Add", integers, "2"), DType::kInt32);
  EXPECT_EQ(result_type("Add", integers, "2.5"), DType::kFloat32);
  EXPECT_EQ(result_type("Multiply", floats, "2"), DType::kFloat32);
  EXPECT_EQ(result_type("Divide", integers, "2"), DType::kFloat32);
  EXPECT_EQ(result_type("FloorDivide", integers, "2"), DType::kInt32);
  EXPECT_EQ(result_type("Greater", integers, "2.5"), DType::kBool);
  const Given bytes = given<uint8_t>({1, 1}, {250}, DType::kUInt8);
  EXPECT_EQ(result_type("Add", bytes, "2"), DType::kUInt8);
}

TEST(OperationTypes, Arrays_KeepTheirOwn) {
  const std::string doubles =
      R"({"class_name": "__numpy__", "config": {"value": [1.0, 2.0], "dtype": "float64"}})";
  const std::string longs =
      R"({"class_name": "__numpy__", "config": {"value": [1, 2], "dtype": "int64"}})";
  EXPECT_EQ(result_type("Add", given({1, 2}, {5, 7}), doubles), DType::kFloat32);
  EXPECT_EQ(result_type("Add", given_integers({1, 2}, {5, 7}), longs), DType::kInt64);
  EXPECT_EQ(result_type("Add", given_integers({1, 2}, {5, 7}), "[1, 2]"), DType::kInt32);
}

TEST(OperationTypes, FloatScalarWithIntegers_ComparesAsFloat) {
  const Result y =
      run_operation("Greater", "", input(0) + ", 1.5", {given_integers({3}, {1, 2, 3})});
  EXPECT_THAT(values<bool>(y.outputs[0]), ElementsAre(false, true, true));
}

TEST(OperationTypes, Functions_MakeFloatsOfIntegers) {
  const Given x = given_integers({2}, {4, 9});
  EXPECT_EQ(run_operation("Sqrt", "", input(0), {x}).types[0].dtype, DType::kFloat32);
  EXPECT_EQ(run_operation("Square", "", input(0), {x}).types[0].dtype, DType::kInt32);
  EXPECT_EQ(run_operation("Mean", R"("axis": null)", input(0), {x}).types[0].dtype,
            DType::kFloat32);
}

TEST(OperationTypes, SumOfBool_IsInt32) {
  const Given x = given<bool>({1, 3}, {true, false, true}, DType::kBool);
  const Result y = run_operation("Sum", R"("axis": [1], "keepdims": false)", input(0), {x});
  EXPECT_EQ(y.types[0].dtype, DType::kInt32);
  EXPECT_THAT(values<int32_t>(y.outputs[0]), ElementsAre(2));
}

TEST(OperationDivision, Signs_FollowPython) {
  const Given x = given_integers({4}, {7, -7, 7, -7}), y = given_integers({4}, {2, 2, -2, -2});
  const std::string both = input(0) + ", " + input(1);
  EXPECT_THAT(values<int32_t>(run_operation("FloorDivide", "", both, {x, y}).outputs[0]),
              ElementsAre(3, -4, -4, 3));
  EXPECT_THAT(values<int32_t>(run_operation("Mod", "", both, {x, y}).outputs[0]),
              ElementsAre(1, 1, -1, -1));
}

TEST(OperationReduction, NegativeAxes_CountFromTheEnd) {
  const Given x = given({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Result y = run_operation("Sum", R"("axis": [-1, 0], "keepdims": true)", input(0), {x});
  EXPECT_EQ(y.outputs[0].shape(), (Shape{1, 2, 1}));
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(14, 22));
}

TEST(OperationReduction, NoAxis_IsEverythingWithTheBatch) {
  const Given x = given({2, 2}, {1, 5, 3, 5});
  EXPECT_THAT(values(run_operation("Max", R"("axis": null)", input(0), {x}).outputs[0]),
              ElementsAre(5));
  const Result place = run_operation("Argmax", R"("axis": null, "keepdims": true)", input(0), {x});
  EXPECT_EQ(place.outputs[0].shape(), (Shape{1, 1}));
  EXPECT_THAT(values<int32_t>(place.outputs[0]), ElementsAre(1));
  const Result middle = run_operation("Median", R"("axis": null)", input(0), {x});
  EXPECT_EQ(middle.outputs[0].shape(), Shape{});
  EXPECT_THAT(values(middle.outputs[0]), ElementsAre(4));
}

TEST(OperationReduction, Nan_IsLeftOut) {
  const Given x = given({2, 3}, {1, kNan, 3, kNan, kNan, kNan});
  const std::string axis = R"("axis": [1], "keepdims": false)";
  EXPECT_THAT(values(run_operation("Nansum", axis, input(0), {x}).outputs[0]), ElementsAre(4, 0));
  const auto largest = values(run_operation("Nanmax", axis, input(0), {x}).outputs[0]);
  EXPECT_FLOAT_EQ(largest[0], 3);
  EXPECT_TRUE(std::isnan(largest[1]));
  const auto average = values(run_operation("Nanmean", axis, input(0), {x}).outputs[0]);
  EXPECT_FLOAT_EQ(average[0], 2);
  EXPECT_TRUE(std::isnan(average[1]));
}

TEST(OperationReduction, QuantilesOfSeveralShares_ComeFirst) {
  const Given x = given({1, 3}, {3, 1, 2});
  const Result y = run_operation("Quantile", R"("axis": [-1], "keepdims": true)",
                                 input(0) + ", [0.0, 0.5, 1.0]", {x});
  EXPECT_EQ(y.outputs[0].shape(), (Shape{3, 1, 1}));
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(1, 2, 3));
}

TEST(OperationReduction, MatrixNorms_UseBothAxes) {
  const Given x = given({1, 2, 2}, {1, -2, 3, 4});
  const auto norm = [&](const std::string& order) {
    return values(
        run_operation("Norm", R"("axis": [1, 2], "ord": )" + order, input(0), {x}).outputs[0]);
  };
  EXPECT_THAT(norm("1"), ElementsAre(6));
  EXPECT_THAT(norm("-1"), ElementsAre(4));
  EXPECT_THAT(norm("Infinity"), ElementsAre(7));
  EXPECT_THAT(norm("-Infinity"), ElementsAre(3));
  EXPECT_THAT(norm("2"), Pointwise(FloatNear(1e-5f), std::vector<float>{5.1166730f}));
  EXPECT_THAT(norm("\"nuc\""), Pointwise(FloatNear(1e-5f), std::vector<float>{7.0710678f}));
  EXPECT_THAT(norm("\"fro\""), Pointwise(FloatNear(1e-5f), std::vector<float>{5.4772256f}));
}

// x is [2, 3, 2]; `key` as JSON.
Result subscripted(const std::string& key) {
  return run_operation("GetItem", "", input(0) + ", " + key,
                       {given({2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})});
}

std::string range(const std::string& start, const std::string& stop, const std::string& step) {
  return fmt::format(
      R"({{"class_name": "__slice__", "config": {{"start": {}, "stop": {}, "step": {}}}}})", start,
      stop, step);
}

const std::string kAll = range("null", "null", "null");
const std::string kEllipsis = R"({"class_name": "__ellipsis__", "config": {}})";

TEST(OperationGetItem, Integers_DropDimensions) {
  EXPECT_THAT(values(subscripted(fmt::format("[{}, 0, -1]", kAll)).outputs[0]), ElementsAre(1, 7));
  EXPECT_THAT(values(subscripted("1").outputs[0]), ElementsAre(6, 7, 8, 9, 10, 11));
  EXPECT_THAT(values(subscripted("[-1, -2]").outputs[0]), ElementsAre(8, 9));
}

TEST(OperationGetItem, Slices_FollowPython) {
  EXPECT_THAT(
      values(subscripted(fmt::format("[0, {}, 0]", range("null", "null", "-1"))).outputs[0]),
      ElementsAre(4, 2, 0));
  EXPECT_THAT(values(subscripted(fmt::format("[0, {}, 0]", range("-2", "9", "null"))).outputs[0]),
              ElementsAre(2, 4));
  EXPECT_EQ(subscripted(fmt::format("[{}, {}]", kAll, range("2", "1", "null"))).outputs[0].shape(),
            (Shape{2, 0, 2}));
}

TEST(OperationGetItem, EllipsisAndNewAxis_KeepTheirPlaces) {
  const Result y = subscripted(fmt::format("[{}, null, 1]", kEllipsis));
  EXPECT_EQ(y.outputs[0].shape(), (Shape{2, 3, 1}));
  EXPECT_EQ(y.types[0].shape, (Shape{kUnknownDim, 3, 1}));
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(1, 3, 5, 7, 9, 11));
  EXPECT_EQ(subscripted("null").outputs[0].shape(), (Shape{1, 2, 3, 2}));
  EXPECT_EQ(subscripted(kEllipsis).outputs[0].shape(), (Shape{2, 3, 2}));
}

TEST(OperationGetItem, ArraysSideBySide_PickElements) {
  const Result y = subscripted(fmt::format("[{}, [0, -1, 1], [1, 0, -1]]", kAll));
  EXPECT_EQ(y.outputs[0].shape(), (Shape{2, 3}));
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(1, 4, 3, 7, 10, 9));
  EXPECT_ERROR(subscripted(fmt::format("[[0], {}, [1]]", kAll)), ErrorCode::kUnsupported,
               "not side by side");
}

TEST(OperationGetItem, ConstantMask_KeepsWhereItIsTrue) {
  const Result y = subscripted(fmt::format("[{}, [true, false, true]]", kAll));
  EXPECT_EQ(y.outputs[0].shape(), (Shape{2, 2, 2}));
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(0, 1, 4, 5, 6, 7, 10, 11));
}

TEST(OperationGetItem, SubscriptOutside_IsAnError) {
  EXPECT_ERROR(subscripted(fmt::format("[{}, 3]", kAll)), ErrorCode::kInvalidModel, "subscript 3");
  EXPECT_ERROR(subscripted(fmt::format("[{0}, {0}, {0}, {0}]", kAll)), ErrorCode::kInvalidModel,
               "4 subscripts");
}

TEST(OperationShape, ReshapeMayMoveTheBatch) {
  const Given x = given({2, 3}, {0, 1, 2, 3, 4, 5});
  const Result y = run_operation("Reshape", R"("newshape": [-1, 2])", input(0), {x});
  EXPECT_EQ(y.outputs[0].shape(), (Shape{3, 2}));
  EXPECT_EQ(y.types[0].shape, (Shape{kUnknownDim, 2}));
}

TEST(OperationShape, NoRows_KeepTheOtherSizes) {
  const Given x = given({0, 3}, {});
  EXPECT_EQ(run_operation("Tile", R"("repeats": [1, 2])", input(0), {x}).outputs[0].shape(),
            (Shape{0, 6}));
  EXPECT_EQ(run_operation("Repeat", R"("repeats": 2, "axis": 1)", input(0), {x}).outputs[0].shape(),
            (Shape{0, 6}));
  EXPECT_EQ(run_operation("Cumsum", R"("axis": 1)", input(0), {x}).outputs[0].shape(),
            (Shape{0, 3}));
  EXPECT_EQ(run_operation("Sort", R"("axis": -1)", input(0), {x}).outputs[0].shape(),
            (Shape{0, 3}));
  EXPECT_EQ(run_operation("Median", R"("axis": [1])", input(0), {x}).outputs[0].shape(), Shape{0});
}

TEST(OperationShape, TileOverTheBatch_RepeatsRows) {
  const Given x = given({2, 1}, {1, 2});
  const Result y = run_operation("Tile", R"("repeats": [2, 1, 2])", input(0), {x});
  EXPECT_EQ(y.outputs[0].shape(), (Shape{2, 2, 2}));
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(1, 1, 2, 2, 1, 1, 2, 2));
}

TEST(OperationShape, RepeatWithCounts_IsPerElement) {
  const Given x = given({1, 3}, {1, 2, 3});
  const Result y = run_operation("Repeat", R"("repeats": [2, 0, 1], "axis": -1)", input(0), {x});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(1, 1, 3));
}

TEST(OperationShape, SplitAtIndices_GivesTheRestToTheLast) {
  const Given x = given({1, 5}, {0, 1, 2, 3, 4});
  const Result y =
      run_operation("Split", R"("indices_or_sections": [1, 3], "axis": 1)", input(0), {x}, 3);
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(0));
  EXPECT_THAT(values(y.outputs[1]), ElementsAre(1, 2));
  EXPECT_THAT(values(y.outputs[2]), ElementsAre(3, 4));
  EXPECT_ERROR(run_operation("Split", R"("indices_or_sections": 2, "axis": 1)", input(0), {x}, 2),
               ErrorCode::kInvalidModel, "divisor of 5");
}

TEST(OperationShape, RotationsAndFlips_TurnAgainstTheClock) {
  const Given x = given({1, 2, 2}, {1, 2, 3, 4});
  const auto turned = [&](int k) {
    return values(
        run_operation("Rot90", fmt::format(R"("k": {}, "axes": [1, 2])", k), input(0), {x})
            .outputs[0]);
  };
  EXPECT_THAT(turned(1), ElementsAre(2, 4, 1, 3));
  EXPECT_THAT(turned(2), ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(turned(-1), ElementsAre(3, 1, 4, 2));
}

TEST(OperationShape, RollWithoutAxis_IsFlat) {
  const Given x = given({2, 2}, {1, 2, 3, 4});
  EXPECT_THAT(
      values(run_operation("Roll", R"("shift": 1, "axis": null)", input(0), {x}).outputs[0]),
      ElementsAre(4, 1, 2, 3));
}

TEST(OperationShape, Triangles_TakeAnOffset) {
  const Given x = given({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(values(run_operation("Tril", R"("k": -1)", input(0), {x}).outputs[0]),
              ElementsAre(0, 0, 0, 4, 0, 0));
  EXPECT_THAT(values(run_operation("Triu", R"("k": 1)", input(0), {x}).outputs[0]),
              ElementsAre(0, 2, 3, 0, 0, 6));
  const Given v = given({2}, {1, 2});
  EXPECT_THAT(values(run_operation("Diag", R"("k": -1)", input(0), {v}).outputs[0]),
              ElementsAre(0, 0, 0, 1, 0, 0, 0, 2, 0));
}

TEST(OperationIndex, TakeAlongAxis_CountsNegativeIndicesFromTheEnd) {
  const Given x = given({2, 3}, {0, 1, 2, 3, 4, 5});
  const Given places = given_integers({2, 1}, {-1, 0});
  const Result y =
      run_operation("TakeAlongAxis", R"("axis": 1)", input(0) + ", " + input(1), {x, places});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(2, 3));
}

TEST(OperationIndex, OneHot_LeavesOutUnknownClasses) {
  const Given x = given_integers({1, 3}, {1, -1, 5});
  const Result y =
      run_operation("OneHot", R"("num_classes": 2, "axis": 1, "dtype": "int32")", input(0), {x});
  EXPECT_EQ(y.outputs[0].shape(), (Shape{1, 2, 3}));
  EXPECT_THAT(values<int32_t>(y.outputs[0]), ElementsAre(0, 0, 0, 1, 0, 0));
}

TEST(OperationIndex, SearchSorted_HasTwoSides) {
  const Given x = given({4}, {0, 1, 2, kNan});
  const auto places = [&](const std::string& side) {
    return values<int32_t>(
        run_operation("SearchSorted", fmt::format(R"("side": "{}")", side),
                      R"({"class_name": "__numpy__", "config": {"value": [0.0, 1.0, 1.0],
                          "dtype": "float32"}}, )" +
                          input(0),
                      {x})
            .outputs[0]);
  };
  EXPECT_THAT(places("left"), ElementsAre(0, 1, 3, 3));
  EXPECT_THAT(places("right"), ElementsAre(1, 3, 3, 3));
}

TEST(OperationIndex, TopK_KeepsTheOrderOfTies) {
  const Given x = given({1, 4}, {2, 3, 3, 1});
  const Result y = run_operation("TopK", R"("k": 3, "sorted": true)", input(0), {x}, 2);
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(3, 3, 2));
  EXPECT_THAT(values<int32_t>(y.outputs[1]), ElementsAre(1, 2, 0));
}

TEST(OperationProducts, Einsum_UnderstandsEllipsesAndManyOperands) {
  const Given x = given({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), y = given({2, 2}, {1, 0, 0, 2});
  const Result product = run_operation("Einsum", R"("subscripts": "...ij,...j->...i")",
                                       input(0) + ", " + input(1), {x, y});
  EXPECT_THAT(values(product.outputs[0]), ElementsAre(1, 3, 12, 16));
  const Result chain =
      run_operation("Einsum", R"("subscripts": "bij,bj,bi->b")",
                    fmt::format("{}, {}, {}", input(0), input(1), input(1)), {x, y});
  EXPECT_THAT(values(chain.outputs[0]), ElementsAre(1, 32));
  const Result implicit =
      run_operation("Einsum", R"("subscripts": "ij,ij")", input(0) + ", " + input(0), {y});
  EXPECT_THAT(values(implicit.outputs[0]), ElementsAre(5));
}

TEST(OperationProducts, Matmul_TakesVectors) {
  const Given x = given({2, 2}, {1, 2, 3, 4}), v = given({2}, {1, 10});
  EXPECT_THAT(values(run_operation("Matmul", "", input(0) + ", [1.0, 10.0]", {x}).outputs[0]),
              ElementsAre(21, 43));
  EXPECT_THAT(values(run_operation("Matmul", "", input(1) + ", " + input(0), {x, v}).outputs[0]),
              ElementsAre(31, 42));
}

TEST(OperationImages, IntegersAreRoundedAndBounded) {
  const Given x = given<uint8_t>({1, 1, 2, 1}, {0, 255}, DType::kUInt8);
  const Result y =
      run_operation("Resize", R"("size": [1, 4], "interpolation": "bicubic", "data_format": null)",
                    input(0), {x});
  EXPECT_EQ(y.types[0].dtype, DType::kUInt8);
  EXPECT_EQ(values<uint8_t>(y.outputs[0])[0], 0);
  EXPECT_EQ(values<uint8_t>(y.outputs[0])[3], 255);
}

TEST(OperationImages, AffineTransform_Moves) {
  const Given x = given({1, 1, 3, 1}, {1, 2, 3});
  const Result y = run_operation("AffineTransform", R"("fill_mode": "nearest")",
                                 input(0) + ", [1, 0, 1, 0, 1, 0, 0, 0]", {x});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(2, 3, 3));
}

TEST(OperationImages, DepthToSpace_OrdersChannelsByDataFormat) {
  const Given last = given({1, 1, 1, 8}, {0, 1, 2, 3, 4, 5, 6, 7});
  EXPECT_THAT(
      values(run_operation("DepthToSpace", R"("block_size": 2, "data_format": "channels_last")",
                           input(0), {last})
                 .outputs[0]),
      ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  const Given first = given({1, 8, 1, 1}, {0, 1, 2, 3, 4, 5, 6, 7});
  const std::string config = R"("block_size": 2, "data_format": "channels_first")";
  const Result y = run_operation("DepthToSpace", config, input(0), {first});
  EXPECT_EQ(y.outputs[0].shape(), (Shape{1, 2, 2, 2}));
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  const Given wide = given({1, 2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  EXPECT_THAT(values(run_operation("SpaceToDepth", config, input(0), {wide}).outputs[0]),
              ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST(OperationImages, FoldOfUnfold_CountsTheWindows) {
  const Given x = given({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Result y =
      run_operation("Unfold", R"("kernel_size": 2, "padding": 1, "stride": 2)", input(0), {x});
  EXPECT_EQ(y.outputs[0].shape(), (Shape{1, 4, 4}));
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(0, 0, 0, 5, 0, 0, 4, 6, 0, 2, 0, 8, 1, 3, 7, 9));
  const Given windows{y.outputs[0], "[null, 4, 4]"};
  const Result back =
      run_operation("Fold", R"("output_size": 3, "kernel_size": 2, "padding": 1, "stride": 2)",
                    input(0), {windows});
  EXPECT_EQ(back.outputs[0].shape(), (Shape{1, 1, 3, 3}));
  EXPECT_THAT(values(back.outputs[0]), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9));
}

TEST(OperationImages, Patches_HaveTheCellsOfAWindowInOrder) {
  const Given x = given({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const auto patches = [&](const std::string& config) {
    return values(run_operation("ExtractPatches", config, input(0), {x}).outputs[0]);
  };
  EXPECT_THAT(patches(R"("size": [2, 2], "strides": [1, 1], "padding": "valid")"),
              ElementsAre(1, 2, 4, 5, 2, 3, 5, 6, 4, 5, 7, 8, 5, 6, 8, 9));
  EXPECT_THAT(patches(R"("size": 2, "strides": null, "padding": "same")"),
              ElementsAre(1, 2, 4, 5, 3, 0, 6, 0, 7, 8, 0, 0, 9, 0, 0, 0));
}

TEST(OperationSignal, InverseOfTheShortTimeTransform_GivesTheRowBack) {
  const Given x = given({1, 16}, {1, 4, 2, 8, 5, 7, 1, 4, 2, 8, 5, 7, 3, 1, 4, 1});
  const std::string sizes =
      R"("sequence_length": 8, "sequence_stride": 4, "fft_length": 8, "window": "hann")";
  const Result y = run_operation("STFT", sizes, input(0), {x}, 2);
  EXPECT_EQ(y.outputs[0].shape(), (Shape{1, 5, 5}));
  const Given real{y.outputs[0], "[null, 5, 5]"}, imaginary{y.outputs[1], "[null, 5, 5]"};
  const Result back =
      run_operation("ISTFT", sizes, fmt::format("[{}, {}]", input(0), input(1)), {real, imaginary});
  EXPECT_EQ(back.outputs[0].shape(), (Shape{1, 16}));
  // Half a frame at each end, which lacks a neighbour, is cut away.
  EXPECT_THAT(values(back.outputs[0]), Pointwise(FloatNear(1e-4f), values(x.data)));
}

// --- patterns

std::vector<float> rearranged(const Given& x, const std::string& pattern,
                              const std::string& lengths = "") {
  return values(run_operation("Rearrange", "", input(0) + ", \"" + pattern + "\"", {x}, 1, lengths)
                    .outputs[0]);
}

TEST(OperationRearrange, Groups_AreSplitMovedAndJoined) {
  const Given x = given({1, 4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_THAT(rearranged(x, "b t c -> b c t"), ElementsAre(1, 3, 5, 7, 2, 4, 6, 8));
  EXPECT_THAT(rearranged(x, "b (t p) c -> b t (c p)", R"("p": 2)"),
              ElementsAre(1, 3, 2, 4, 5, 7, 6, 8));
  const Result y = run_operation("Rearrange", "", input(0) + ", \"b (t p) c -> b t (p c)\"", {x}, 1,
                                 R"("t": 2)");
  EXPECT_EQ(y.outputs[0].shape(), (Shape{1, 2, 4}));
  EXPECT_EQ(y.types[0].shape, (Shape{kUnknownDim, 2, 4}));
}

TEST(OperationRearrange, PatternThatDoesNotFit_IsRefused) {
  const Given x = given({1, 4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  for (const char* pattern :
       {"b t -> t b", "b t c -> b t", "b t c -> b t d", "b (t c -> b t c", "b t c",
        "b t t -> b t t", "b t c -> b t c ()", "b t ... -> ... b t"}) {
    EXPECT_ERROR(rearranged(x, pattern), ErrorCode::kInvalidModel, "pattern");
  }
  EXPECT_ERROR(rearranged(x, "b (t p) c -> b t p c", R"("p": 3)"), ErrorCode::kInvalidModel,
               "4 elements is no (t p)");
}

// --- sizes that the file claims

TEST(OperationClaims, MoreThanMemoryHolds_IsRefusedBeforeItIsTaken) {
  const Given x = given({1, 2}, {1, 2}), ids = given_integers({1, 2}, {0, 1});
  EXPECT_ERROR(run_operation("OneHot", R"("num_classes": 1000000000)", input(0), {ids}),
               ErrorCode::kInvalidModel, "num_classes is 1000000000; expected 0 to 4194304");
  EXPECT_ERROR(run_operation("Linspace", R"("num": 1000000000)", input(0) + ", 1.0", {x}),
               ErrorCode::kInvalidModel, "num is 1000000000");
  EXPECT_ERROR(run_operation("Histogram", R"("bins": 1000000000)", input(0), {x}),
               ErrorCode::kInvalidModel, "bins is 1000000000");
  EXPECT_ERROR(
      run_operation("ArraySplit", R"("indices_or_sections": 1000000000, "axis": 1)", input(0), {x}),
      ErrorCode::kInvalidModel, "at most 10000 parts");
  EXPECT_ERROR(run_operation("Unstack", R"("num": 1000000000, "axis": 1)", input(0), {x}),
               ErrorCode::kInvalidModel, "num is 1000000000; expected 2");
  EXPECT_ERROR(run_operation("Diff", R"("n": 1000000000, "axis": 1)", input(0), {x}),
               ErrorCode::kInvalidModel, "n is 1000000000");
  EXPECT_ERROR(run_operation("Tile", R"("repeats": [1, 1000000000000])", input(0), {x}),
               ErrorCode::kShapeMismatch, "beyond all memory");
}

TEST(OperationClaims, WindowsOfImages_AreBounded) {
  const Given x = given({1, 1, 1, 1}, {1});
  EXPECT_ERROR(run_operation("GaussianBlur", R"("kernel_size": [1000000000, 1])", input(0), {x}),
               ErrorCode::kInvalidModel, "kernel_size");
  EXPECT_ERROR(
      run_operation("ExtractPatches", R"("size": 100000, "padding": "same")", input(0), {x}),
      ErrorCode::kUnsupported, "windows of 10000000000 cells");
}

TEST(OperationClaims, Dimensions_AreBounded) {
  std::string axes = "1";
  for (int i = 2; i < 100; ++i) axes += fmt::format(", {}", i);
  EXPECT_ERROR(
      run_operation("ExpandDims", R"("axis": [)" + axes + "]", input(0), {given({1, 1}, {1})}),
      ErrorCode::kInvalidModel, "at most 64 dimensions");
}

TEST(Operations, UnknownName_IsRefusedByName) {
  EXPECT_ERROR(run_operation("Nonzero", "", input(0), {given({1, 1}, {1})}),
               ErrorCode::kUnsupported, "Nonzero");
}

TEST(Operations, ConditionAlone_IsRefused) {
  EXPECT_ERROR(run_operation("Where", "", input(0), {given({1, 1}, {1})}), ErrorCode::kUnsupported,
               "depends on values");
}

}  // namespace
}  // namespace hornet::layers
