#include "graph/constant.h"

#include <algorithm>
#include <mutex>

#include "base/check.h"
#include "base/parallel.h"

namespace hornet::graph {

struct Constant::Content {
  Tensor unscaled;
  std::vector<float> line;
  mutable std::once_flag multiplied;
  mutable Tensor products;

  Content(Tensor data, std::vector<float> factors)
      : unscaled(std::move(data)), line(std::move(factors)) {}
};

namespace {

// On all cores, some lines at a time.
Tensor products_of(const Tensor& data, const std::vector<float>& line) {
  Tensor products(DType::kFloat32, data.shape());
  const float* const from = data.as<float>();
  float* const to = products.mutable_as<float>();
  const size_t width = line.size(), num_lines = static_cast<size_t>(data.num_elements()) / width;
  constexpr size_t kFloatsATime = 128 << 10;
  const size_t lines_a_time = std::max<size_t>(kFloatsATime / width, 1);
  parallel_for((num_lines + lines_a_time - 1) / lines_a_time, [&](size_t piece) {
    const size_t first = piece * lines_a_time, end = std::min(first + lines_a_time, num_lines);
    for (size_t i = first * width; i < end * width; i += width) {
      for (size_t j = 0; j < width; ++j) to[i + j] = from[i + j] * line[j];
    }
  });
  return products;
}

}  // namespace

Constant::Constant(Tensor data) : Constant(std::move(data), {}) {}

Constant::Constant(Tensor data, std::vector<float> line)
    : content_(std::make_shared<const Content>(std::move(data), std::move(line))) {
  const std::vector<float>& factors = content_->line;
  HORNET_CHECK(factors.empty() || (dtype() == DType::kFloat32 &&
                                   num_elements() % static_cast<int64_t>(factors.size()) == 0));
}

const Tensor& Constant::unscaled() const { return content_->unscaled; }
const std::vector<float>& Constant::line() const { return content_->line; }

const Tensor& Constant::tensor() const {
  if (line().empty()) return unscaled();
  std::call_once(content_->multiplied,
                 [&] { content_->products = products_of(unscaled(), line()); });
  return content_->products;
}

Tensor Constant::computed() const {
  return line().empty() ? unscaled() : products_of(unscaled(), line());
}

ScaledColumns Constant::columns() const {
  const bool is_of_columns =
      !shape().empty() && shape().back() == static_cast<int64_t>(line().size());
  if (line().empty() || !is_of_columns) return {as<float>(), nullptr};
  return {unscaled().as<float>(), line().data()};
}

}  // namespace hornet::graph
