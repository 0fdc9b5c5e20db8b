// The benchmark models, where the folder with them is beside the project: Keras's numbers, and the
// same bytes for any batch.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "hornet/model.h"
#include "paths.h"
#include "unit/api/npy_rows.h"

namespace hornet {
namespace {

class BenchModelTest : public ::testing::TestWithParam<const char*> {};

TEST_P(BenchModelTest, PredictsWhatKerasPredicts) {
  const std::string stem =
      std::string(HORNET_SOURCE_DIR) + "/../shared/bench/" + std::string(GetParam());
  if (!std::filesystem::exists(stem + ".keras")) {
    GTEST_SKIP() << "no ../shared/bench beside the project: " << GetParam() << " is not checked";
  }
  const Model model = Model::load(stem + ".keras");
  const Tensor rows = read_npy(stem + ".x.npy"), expected = read_npy(stem + ".y.npy");
  const Tensor got = model.predict({rows})[0];
  ASSERT_EQ(got.shape(), expected.shape());
  for (int64_t i = 0; i < got.num_elements(); ++i) {
    const float want = expected.as<float>()[i];
    ASSERT_NEAR(got.as<float>()[i], want, 1e-5f + 1e-3f * std::fabs(want)) << "element " << i;
  }
  const Tensor first_row = first_rows(rows, 1);
  const Tensor alone = model.predict({first_row})[0];
  EXPECT_EQ(std::memcmp(alone.data(), got.data(), alone.num_bytes()), 0);
  // No step of these models is left to a reference kernel.
  EXPECT_EQ(model.plan_text(1).find("reference"), std::string::npos) << model.plan_text(1);
}

INSTANTIATE_TEST_SUITE_P(Models, BenchModelTest,
                         ::testing::Values("resnet50", "mobilenet_v2", "efficientnet_b0", "unet",
                                           "bilstm", "gru", "transformer", "tabular_mlp"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace hornet
