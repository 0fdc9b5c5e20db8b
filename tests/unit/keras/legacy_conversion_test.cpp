#include "keras/legacy_conversion.h"

#include <numeric>

#include "unit/keras/fixtures.h"

namespace hornet::keras {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

// Numbers from `first` on.
Tensor counting(const Shape& shape, float first = 0) {
  Tensor tensor(DType::kFloat32, shape);
  std::iota(tensor.mutable_as<float>(), tensor.mutable_as<float>() + tensor.num_elements(), first);
  return tensor;
}

struct Cell {
  Cell(int64_t inputs, int64_t units, int64_t gates, Shape bias_shape)
      : kernel{"kernel", "cell/vars/0", {inputs, gates * units}, true, 0},
        recurrent{"recurrent_kernel", "cell/vars/1", {units, gates * units}, true, 1},
        bias{"bias", "cell/vars/2", std::move(bias_shape), true, 2} {}
  std::vector<const WeightSlot*> slots() const { return {&kernel, &recurrent, &bias}; }
  WeightSlot kernel, recurrent, bias;
};

TEST(Keras1Gates, LstmArrays_AreJoinedAsIFCO) {
  const Cell cell(1, 1, 4, {4});
  std::vector<Tensor> stored;
  for (float gate : {0, 10, 20, 30}) {  // i, c, f, o
    for (float array : {1, 2}) stored.push_back(counting({1, 1}, gate + array));
    stored.push_back(counting({1}, gate + 3));
  }
  const std::vector<Tensor> merged = merge_gates(stored, cell.slots());
  ASSERT_EQ(merged.size(), 3u);
  EXPECT_THAT(floats(merged[0]), ElementsAre(1, 21, 11, 31));
  EXPECT_THAT(floats(merged[1]), ElementsAre(2, 22, 12, 32));
  EXPECT_THAT(floats(merged[2]), ElementsAre(3, 23, 13, 33));
}

TEST(Keras1Gates, GruArraysKeepTheirOrder_OtherWeightsStay) {
  const Cell cell(2, 1, 3, {3});
  const WeightSlot dense{"kernel", "vars/0", {1, 1}, true, 3};
  std::vector<Tensor> stored;
  for (float gate : {0, 10, 20}) {
    stored.push_back(counting({2, 1}, gate));
    stored.push_back(counting({1, 1}, gate + 2));
    stored.push_back(counting({1}, gate + 3));
  }
  stored.push_back(counting({1, 1}, 99));
  auto slots = cell.slots();
  slots.push_back(&dense);
  const std::vector<Tensor> merged = merge_gates(stored, slots);
  ASSERT_EQ(merged.size(), 4u);
  EXPECT_THAT(merged[0].shape(), ElementsAre(2, 3));
  EXPECT_THAT(floats(merged[0]), ElementsAre(0, 10, 20, 1, 11, 21));
  EXPECT_THAT(floats(merged[3]), ElementsAre(99));
}

TEST(Keras1Gates, ArraysThatDoNotComeOutEven_StayAsTheyAre) {
  const Cell cell(1, 1, 4, {4});
  EXPECT_EQ(merge_gates(std::vector<Tensor>(11, counting({1})), cell.slots()).size(), 11u);
  EXPECT_EQ(merge_gates({}, cell.slots()).size(), 0u);
}

// Expected values by the formulas of Keras 2 in numpy.
TEST(Cudnn, LstmWeights_AreTransposedByGateAndBiasesAdded) {
  const Cell cell(3, 2, 4, {8});
  std::vector<Tensor> stored = {counting({3, 8}), counting({2, 8}), counting({16})};
  convert_cudnn(cell.slots(), stored);
  EXPECT_THAT(floats(stored[0]), ElementsAre(0, 9, 2, 11, 4, 13, 6, 15, 1, 16, 3, 18, 5, 20, 7, 22,
                                             8, 17, 10, 19, 12, 21, 14, 23));
  EXPECT_THAT(floats(stored[1]), ElementsAre(0, 8, 2, 10, 4, 12, 6, 14, 1, 9, 3, 11, 5, 13, 7, 15));
  EXPECT_THAT(floats(stored[2]), ElementsAre(8, 10, 12, 14, 16, 18, 20, 22));
}

TEST(Cudnn, GruKeepsItsTwoBiases) {
  const Cell cell(2, 1, 3, {2, 3});
  std::vector<Tensor> stored = {counting({2, 3}), counting({1, 3}), counting({6})};
  convert_cudnn(cell.slots(), stored);
  EXPECT_THAT(stored[2].shape(), ElementsAre(2, 3));
  EXPECT_THAT(floats(stored[2]), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(Cudnn, PlainWeights_StayAsTheyAre) {
  const Cell cell(3, 2, 4, {8});
  std::vector<Tensor> stored = {counting({3, 8}), counting({2, 8}), counting({8})};
  convert_cudnn(cell.slots(), stored);
  EXPECT_THAT(floats(stored[0]), ElementsAreArray(floats(counting({3, 8}))));
}

Tensor converted(const Tensor& stored, const Shape& shape, const std::string& class_name,
                 LegacyWriter writer, bool channels_first = false) {
  WeightSlot slot{"kernel", "vars/0", shape, true, 0};
  slot.class_name = class_name;
  slot.channels_first = channels_first;
  return convert_kernel(stored, slot, writer);
}

TEST(OldKernels, TheanoOrderOfKeras1_IsTransposed) {
  // (filters, inputs, rows, columns) to (rows, columns, inputs, filters).
  const Tensor kernel =
      converted(counting({2, 1, 1, 3}), {1, 3, 1, 2}, "Conv2D", {true, false}, true);
  EXPECT_THAT(kernel.shape(), ElementsAre(1, 3, 1, 2));
  EXPECT_THAT(floats(kernel), ElementsAre(0, 3, 1, 4, 2, 5));
}

TEST(OldKernels, OrderOfKeras1_IsThatOfTheDataFormatWhereAllSizesAreEqual) {
  const Shape shape = {2, 2, 2, 2};
  // Element (row, column, input, filter) is number (filter, input, row, column) of the file.
  EXPECT_THAT(floats(converted(counting(shape), shape, "Conv2D", {true, false}, true)),
              ElementsAre(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15));
  EXPECT_THAT(floats(converted(counting(shape), shape, "Conv2D", {true, false})),
              ElementsAreArray(floats(counting(shape))));
  EXPECT_THAT(floats(converted(counting(shape), shape, "Conv2DTranspose", {true, false}, true)),
              ElementsAre(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
}

TEST(OldKernels, TheanoKernels_AreTurnedAround) {
  EXPECT_THAT(floats(converted(counting({3, 1, 1, 2}), {3, 1, 1, 2}, "Conv2D", {false, true})),
              ElementsAre(4, 5, 2, 3, 0, 1));
  // Not those of dense layers, and of convolutions that Keras 2 does not name.
  EXPECT_THAT(
      floats(converted(counting({3, 1, 1}), {3, 1, 1}, "LocallyConnected1D", {false, true})),
      ElementsAre(0, 1, 2));
  EXPECT_THAT(floats(converted(counting({3, 1, 1, 1, 1}), {3, 1, 1, 1, 1}, "Conv3DTranspose",
                               {false, true})),
              ElementsAre(0, 1, 2));
  EXPECT_THAT(floats(converted(counting({2, 2}), {2, 2}, "Dense", {false, true})),
              ElementsAre(0, 1, 2, 3));
}

TEST(OldKernels, Conv1DOfKeras1_LosesItsWidth) {
  EXPECT_THAT(converted(counting({3, 1, 2, 4}), {3, 2, 4}, "Conv1D", {true, false}).shape(),
              ElementsAre(3, 2, 4));
  const Tensor oldest = converted(counting({2, 1, 3, 1}), {3, 1, 2}, "Conv1D", {true, false});
  EXPECT_THAT(floats(oldest), ElementsAre(0, 3, 1, 4, 2, 5));
}

TEST(OldKernels, TransposedConvolutionOfKeras1_SwapsItsChannelsEvenIfTheyAreAsMany) {
  EXPECT_THAT(
      floats(converted(counting({1, 1, 2, 2}), {1, 1, 2, 2}, "Conv2DTranspose", {true, false})),
      ElementsAre(0, 2, 1, 3));
  EXPECT_THAT(
      floats(converted(counting({1, 1, 2, 2}), {1, 1, 2, 2}, "Conv2DTranspose", {false, false})),
      ElementsAre(0, 1, 2, 3));
}

TEST(OldKernels, ShapesThatFitNoOrder_StayForTheShapeCheck) {
  EXPECT_THAT(converted(counting({5, 5, 5, 5}), {1, 2, 3, 4}, "Conv2D", {true, true}).shape(),
              ElementsAre(5, 5, 5, 5));
}

}  // namespace
}  // namespace hornet::keras
