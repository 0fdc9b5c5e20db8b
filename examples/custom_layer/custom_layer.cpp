// Predicts with a model that holds classes of its owner's, and compares:
// custom_layer MODEL.keras ROWS.npy EXPECTED.npy
#include <hornet/model.h>
#include <hornet/source.h>

#include <cmath>
#include <cstdio>

#include "layers.h"

int main(int argc, char** argv) try {
  if (argc != 4) throw hornet::Error(hornet::ErrorCode::kInvalidArgument, "expected 3 files");
  hornet::LoadOptions options;
  options.custom_layers = my_layers();
  const auto model = hornet::Model::load(argv[1], options);
  const hornet::Tensor rows = hornet::read_npy(argv[2]);
  const hornet::Tensor expected = hornet::read_npy(argv[3]);
  const hornet::Tensor got = model.predict({rows.view()})[0];
  if (got.shape() != expected.shape()) {
    throw hornet::Error(hornet::ErrorCode::kShapeMismatch, "predictions of another shape");
  }
  float difference = 0;
  for (int64_t i = 0; i < got.num_elements(); ++i) {
    difference = std::max(difference, std::abs(got.as<float>()[i] - expected.as<float>()[i]));
  }
  std::printf("%lld rows, largest difference %.1e\n", static_cast<long long>(rows.shape()[0]),
              static_cast<double>(difference));
  return difference < 1e-5F ? 0 : 1;
} catch (const hornet::Error& error) {
  std::fprintf(stderr, "custom_layer: %s\n", error.what());
  return 1;
}
