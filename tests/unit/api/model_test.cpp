#include "hornet/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "hornet/error.h"
#include "paths.h"
#include "unit/api/npy_rows.h"
#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"

namespace hornet {
namespace {

void expect_close(const Tensor& got, const Tensor& expected) {
  ASSERT_EQ(got.dtype(), expected.dtype());
  ASSERT_EQ(got.shape(), expected.shape());
  for (int64_t i = 0; i < got.num_elements(); ++i) {
    const float want = expected.as<float>()[i];
    ASSERT_NEAR(got.as<float>()[i], want, 1e-5f + 1e-4f * std::fabs(want)) << "element " << i;
  }
}

const std::string kDigits = std::string(HORNET_SOURCE_DIR) + "/examples/digits/";

TEST(Model, TrainedDigits_PredictsWhatKerasPredicts) {
  const Tensor images = read_npy(kDigits + "images.npy");
  const Tensor expected = read_npy(kDigits + "keras_predictions.npy");
  for (const char* file : {"digits.keras", "digits.h5"}) {
    const Model model = Model::load(kDigits + file);
    expect_close(model.predict({images})[0], expected);
  }
}

TEST(Model, SeveralInputsAndOutputs_AreInTheOrderOfTheModel) {
  const std::string folder = test_data("api/io_00_multi/");
  const Model model = Model::load(folder + "model.keras");
  ASSERT_EQ(model.inputs().size(), 3u);
  ASSERT_EQ(model.outputs().size(), 3u);
  EXPECT_EQ(model.inputs()[0].name, "img");
  EXPECT_EQ(model.inputs()[0].shape, (Shape{kUnknownDim, 7, 6, 2}));
  EXPECT_EQ(model.inputs()[2].dtype, DType::kInt32);
  std::vector<Tensor> inputs;
  std::vector<TensorView> views;
  for (int i = 0; i < 3; ++i) {
    inputs.push_back(read_npy(folder + "input_" + std::to_string(i) + ".npy"));
  }
  for (const Tensor& input : inputs) views.push_back(input);
  const std::vector<Tensor> outputs = model.predict(views);
  for (size_t i = 0; i < 3; ++i) {
    expect_close(outputs[i], read_npy(folder + "output_" + std::to_string(i) + ".npy"));
  }
}

TEST(Model, NoRows_GiveNoPredictions) {
  const Model model = Model::load(kDigits + "digits.keras");
  const Tensor none(DType::kFloat32, {0, 8, 8, 1});
  EXPECT_EQ(model.predict({none})[0].shape(), (Shape{0, 10}));
}

TEST(Model, MissingLastDimensionOfOne_IsAdded) {
  const Model model = Model::load(kDigits + "digits.keras");
  const Tensor images = read_npy(kDigits + "images.npy");
  const TensorView flat{images.data(), images.dtype(), {images.shape()[0], 8, 8}};
  const Tensor expected = model.predict({images})[0];
  const Tensor got = model.predict({flat})[0];
  EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.num_bytes()), 0);
}

TEST(Model, OtherElementTypes_AreConvertedAsKerasDoes) {
  const Model model = Model::load(kDigits + "digits.keras");
  Tensor bytes(DType::kUInt8, {3, 8, 8, 1}), doubles(DType::kFloat64, {3, 8, 8, 1}),
      floats(DType::kFloat32, {3, 8, 8, 1});
  for (int64_t i = 0; i < bytes.num_elements(); ++i) {
    bytes.mutable_as<uint8_t>()[i] = static_cast<uint8_t>(i % 17);
    doubles.mutable_as<double>()[i] = static_cast<double>(i % 17);
    floats.mutable_as<float>()[i] = static_cast<float>(i % 17);
  }
  const Tensor expected = model.predict({floats})[0];
  for (const Tensor& other : {bytes, doubles}) {
    const Tensor got = model.predict({other.view()})[0];
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.num_bytes()), 0);
  }
}

TEST(Model, RowsOfAnotherShape_AreRefusedWithBothShapes) {
  const Model model = Model::load(kDigits + "digits.keras");
  const Tensor rows(DType::kFloat32, {2, 9, 8, 1});
  try {
    model.predict({rows});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kShapeMismatch);
    EXPECT_NE(error.message().find("[9, 8, 1]"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("[8, 8, 1]"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("image"), std::string::npos) << error.message();
  }
}

TEST(Model, NanInOneRow_StaysInThatRow) {
  const Model model = Model::load(kDigits + "digits.keras");
  Tensor images = first_rows(read_npy(kDigits + "images.npy"), 5);
  const Tensor clean = model.predict({images})[0];
  images.mutable_as<float>()[2 * 64 + 3] = std::nanf("");
  const Tensor got = model.predict({images})[0];
  for (int64_t row = 0; row < 5; ++row) {
    const bool same = std::memcmp(got.as<float>() + 10 * row, clean.as<float>() + 10 * row,
                                  10 * sizeof(float)) == 0;
    EXPECT_EQ(same, row != 2);
  }
}

TEST(Model, SeveralThreads_GetTheSameBytes) {
  const Model model = Model::load(kDigits + "digits.keras");
  const Tensor images = first_rows(read_npy(kDigits + "images.npy"), 40);
  const Tensor expected = model.predict({images})[0];
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 5; ++k) {
        const Tensor got = model.predict({images})[0];
        EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.num_bytes()), 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Model, PlanText_ShowsFusedStepsOnly) {
  const Model model = Model::load(kDigits + "digits.keras");
  const std::string text = model.plan_text(1);
  // Batch normalisation, dropout and ReLU are parts of the convolutions before them.
  EXPECT_EQ(text.find("(BatchNormalization)"), std::string::npos) << text;
  EXPECT_EQ(text.find("unary"), std::string::npos) << text;
  EXPECT_EQ(text.find("reference"), std::string::npos) << text;
}

TEST(Model, Summary_CountsWhatKerasCounts) {
  const ModelSummary summary = summarize(kDigits + "digits.keras");
  EXPECT_EQ(summary.num_parameters, 17706);
  EXPECT_EQ(summary.outputs[0].shape, (Shape{kUnknownDim, 10}));
  EXPECT_GT(summary.flops_per_row, 1e5);
  for (const LayerSummary& layer : summary.layers) EXPECT_EQ(layer.unsupported, "");
}

TEST(Model, DamagedWeights_AreAnErrorOfLoadAndSummary) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("damaged.keras");
  std::string bytes = read_file(std::string(HORNET_TEST_DATA) + "/keras/wide.keras");
  bytes[bytes.size() / 2] ^= 0x55;  // in the middle of the weights
  write_file(path, bytes);
  const std::string expected = path + ": the zip entry \"model.weights.h5\" is damaged";
  EXPECT_ERROR(Model::load(path), ErrorCode::kInvalidModel, expected);
  EXPECT_ERROR(summarize(path), ErrorCode::kInvalidModel, expected);
}

TEST(Model, MissingFile_IsNamed) {
  try {
    Model::load("/nowhere/model.keras");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_NE(error.message().find("/nowhere/model.keras"), std::string::npos);
  }
}

}  // namespace
}  // namespace hornet
