// Compares predictions of the handwritten digits with their labels and with Keras's predictions:
// digits_score FOLDER PREDICTIONS.npy, where FOLDER holds the files that come with this example.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "hornet/error.h"
#include "hornet/source.h"

namespace {

constexpr size_t kClasses = 10;
constexpr size_t kRowsShown = 5;

template <class T>
std::vector<T> read(const std::string& path, hornet::DType dtype) {
  const auto source = hornet::open_source(path);
  std::vector<std::byte> scratch;
  const hornet::TensorView rows = source->rows(0, source->num_rows(), scratch);
  std::vector<T> values(static_cast<size_t>(hornet::num_elements(rows.shape)));
  hornet::convert_elements(rows.dtype, rows.data, dtype, values.data(),
                           static_cast<int64_t>(values.size()));
  return values;
}

std::vector<float> read_floats(const std::string& path) {
  return read<float>(path, hornet::DType::kFloat32);
}
std::vector<int64_t> read_integers(const std::string& path) {
  return read<int64_t>(path, hornet::DType::kInt64);
}

int64_t most_likely(const std::vector<float>& predictions, size_t row) {
  const auto first = predictions.begin() + static_cast<ptrdiff_t>(row * kClasses);
  return std::max_element(first, first + kClasses) - first;
}

void print_first_rows(const std::vector<float>& predictions, const std::vector<int64_t>& labels) {
  std::printf("row  digit  predicted  probabilities of 0 to 9\n");
  for (size_t row = 0; row < kRowsShown; ++row) {
    std::printf("%3zu  %5lld  %9lld ", row, static_cast<long long>(labels[row]),
                static_cast<long long>(most_likely(predictions, row)));
    for (size_t i = 0; i < kClasses; ++i) std::printf(" %.3f", predictions[row * kClasses + i]);
    std::printf("\n");
  }
}

void score(const std::string& folder, const std::string& predictions_path) {
  const auto predictions = read_floats(predictions_path);
  const auto of_keras = read_floats(folder + "/keras_predictions.npy");
  const auto labels = read_integers(folder + "/labels.npy");
  const auto held_out = read_integers(folder + "/held_out_rows.npy");
  if (predictions.size() != of_keras.size() || labels.size() * kClasses != of_keras.size()) {
    throw hornet::Error(hornet::ErrorCode::kShapeMismatch,
                        predictions_path + " has not ten values for each of the digits");
  }
  print_first_rows(predictions, labels);

  const auto right = std::count_if(held_out.begin(), held_out.end(), [&](int64_t index) {
    const auto row = static_cast<size_t>(index);
    return most_likely(predictions, row) == labels.at(row);
  });
  std::printf("%td of the %zu held-out digits are right (%.1f %%)\n", right, held_out.size(),
              100.0 * static_cast<double>(right) / static_cast<double>(held_out.size()));

  float largest = 0;
  for (size_t i = 0; i < predictions.size(); ++i) {
    largest = std::max(largest, std::abs(predictions[i] - of_keras[i]));
  }
  std::printf("largest difference to the predictions of Keras: %.1e\n", largest);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: digits_score FOLDER PREDICTIONS.npy\n");
    return 2;
  }
  try {
    score(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "digits_score: %s\n", error.what());
    return 1;
  }
}
