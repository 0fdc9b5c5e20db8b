// Predicts a file of rows: embed MODEL INPUT.npy OUTPUT.npy
#include <hornet/predict.h>

#include <cstdio>

int main(int argc, char** argv) try {
  if (argc != 4) throw hornet::Error(hornet::ErrorCode::kInvalidArgument, "expected 3 files");
  const auto model = hornet::Model::load(argv[1]);
  const auto rows = hornet::open_source(argv[2]);
  const auto open_output = [&](size_t, hornet::DType dtype, const hornet::Shape& row_shape) {
    return hornet::open_sink(argv[3], dtype, row_shape, rows->num_rows());
  };
  hornet::PredictOptions options;
  options.workers = 2;
  const auto report = hornet::predict(model, {rows.get()}, open_output, options);
  std::printf("%lld rows in %.3f s\n", static_cast<long long>(report.rows), report.seconds);
} catch (const hornet::Error& error) {
  std::fprintf(stderr, "embed: %s\n", error.what());
  return 1;
}
