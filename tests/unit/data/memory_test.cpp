#include <gtest/gtest.h>

#include <vector>

#include "hornet/sink.h"
#include "hornet/source.h"
#include "unit/base/expect_error.h"

namespace hornet {
namespace {

TEST(MemorySource, Rows_AreViewsOfTheArray) {
  const std::vector<float> array = {0, 1, 10, 11, 20, 21};
  const auto source = memory_source({array.data(), DType::kFloat32, {3, 2}}, "x");
  EXPECT_EQ(source->num_rows(), 3);
  EXPECT_EQ(source->row_shape(), (Shape{2}));
  EXPECT_EQ(source->dtype(), DType::kFloat32);
  EXPECT_EQ(source->name(), "x");
  std::vector<std::byte> scratch;
  const TensorView rows = source->rows(1, 3, scratch);
  EXPECT_EQ(rows.data, &array[2]);
  EXPECT_EQ(rows.shape, (Shape{2, 2}));
  EXPECT_EQ(rows.dtype, DType::kFloat32);
}

TEST(MemorySource, Rows_OutsideTheArray_AreRefused) {
  const std::vector<float> array(6);
  const auto source = memory_source({array.data(), DType::kFloat32, {3, 2}});
  std::vector<std::byte> scratch;
  EXPECT_ERROR(source->rows(2, 4, scratch), ErrorCode::kInvalidArgument, "array: rows 2 to 4");
  EXPECT_ERROR(source->rows(-1, 0, scratch), ErrorCode::kInvalidArgument, "it has 3");
}

TEST(MemorySource, NoRows_NeedNoMemory) {
  const auto source = memory_source({nullptr, DType::kFloat32, {0, 2}});
  std::vector<std::byte> scratch;
  EXPECT_EQ(source->num_rows(), 0);
  EXPECT_EQ(source->rows(0, 0, scratch).shape, (Shape{0, 2}));
}

TEST(MemorySource, ArraysThatAreNoRows_AreRefused) {
  const float number = 1;
  EXPECT_ERROR(memory_source({&number, DType::kFloat32, {}}), ErrorCode::kShapeMismatch,
               "has no dimensions");
  EXPECT_ERROR(memory_source({&number, DType::kFloat32, {kUnknownDim}}),
               ErrorCode::kInvalidArgument, "not fully known");
  EXPECT_ERROR(memory_source({nullptr, DType::kFloat32, {2, 2}}), ErrorCode::kInvalidArgument,
               "without data");
}

TEST(MemorySink, WriteAndDirect_PutRowsInTheirPlaces) {
  std::vector<int32_t> array(6, -1);
  const auto sink = memory_sink({array.data(), DType::kInt32, {3, 2}}, "y");
  EXPECT_EQ(sink->name(), "y");
  const std::vector<int32_t> row = {20, 21};
  sink->write(2, {row.data(), DType::kInt32, {1, 2}});
  void* const rows = sink->direct(0, 1);
  EXPECT_EQ(rows, array.data());
  static_cast<int32_t*>(rows)[1] = 1;
  sink->write(0, {rows, DType::kInt32, {1, 2}});
  sink->finish();
  EXPECT_EQ(array, (std::vector<int32_t>{-1, 1, -1, -1, 20, 21}));
}

TEST(MemorySink, RowsThatDoNotFit_AreRefused) {
  std::vector<float> array(6);
  const auto sink = memory_sink({array.data(), DType::kFloat32, {3, 2}});
  EXPECT_ERROR(sink->write(0, {array.data(), DType::kFloat32, {1, 3}}), ErrorCode::kShapeMismatch,
               "array: got float32 [1, 3]; expected float32 [None, 2]");
  EXPECT_ERROR(sink->write(3, {array.data(), DType::kFloat32, {1, 2}}), ErrorCode::kInvalidArgument,
               "it has 3");
  EXPECT_ERROR(sink->direct(0, 4), ErrorCode::kInvalidArgument, "it has 3");
}

}  // namespace
}  // namespace hornet
