#include "cli/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace hornet::cli {
namespace {

constexpr int64_t kBlockElements = 4096;

// "[3, 1]", where element `offset` of a row-major array is.
std::string index_text(int64_t offset, const Shape& shape) {
  Shape index(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    index[i] = offset % shape[i];
    offset /= shape[i];
  }
  return to_string(index);
}

const std::byte* element(const TensorView& array, int64_t offset) {
  return static_cast<const std::byte*>(array.data) +
         static_cast<size_t>(offset) * size_of(array.dtype);
}

double absolute_difference(double got, double expected) {
  if (got == expected || (std::isnan(got) && std::isnan(expected))) return 0;
  const double difference = std::abs(got - expected);
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

double relative_difference(double difference, double expected) {
  if (expected == 0 || difference == 0) return 0;
  const double relative = difference / std::abs(expected);
  return std::isnan(relative) ? std::numeric_limits<double>::infinity() : relative;
}

// Largest differences as offsets; text is made once, at the end.
class Differences {
 public:
  Differences(const TensorView& got, const TensorView& expected, const Tolerance& tolerance)
      : got_(got), expected_(expected), tolerance_(tolerance) {
    if (!is_floating(got.dtype) || !is_floating(expected.dtype)) tolerance_ = {0, 0};
    const int64_t count = num_elements(expected.shape);
    for (int64_t begin = 0; begin < count; begin += kBlockElements) {
      add_block(begin, std::min(kBlockElements, count - begin));
    }
  }

  Comparison result(const std::string& name) const {
    Comparison comparison;
    const auto place = [&](int64_t offset) {
      return fmt::format("{} {}", name, index_text(offset, expected_.shape));
    };
    if (absolute_ > 0) comparison.absolute = {absolute_, place(absolute_at_)};
    if (relative_ > 0) comparison.relative = {relative_, place(relative_at_)};
    if (num_outside_ > 0) {
      comparison.failure = fmt::format(
          "{} of {} values differ, the first at {}: got {:.9g}, expected {:.9g}", num_outside_,
          num_elements(expected_.shape), place(outside_at_), first_got_, first_expected_);
    }
    return comparison;
  }

 private:
  void add_block(int64_t begin, int64_t count) {
    std::array<double, kBlockElements> got, expected;
    convert_elements(got_.dtype, element(got_, begin), DType::kFloat64, got.data(), count);
    convert_elements(expected_.dtype, element(expected_, begin), DType::kFloat64, expected.data(),
                     count);
    for (int64_t i = 0; i < count; ++i) {
      add(begin + i, got[static_cast<size_t>(i)], expected[static_cast<size_t>(i)]);
    }
  }

  void add(int64_t offset, double got, double expected) {
    const double difference = absolute_difference(got, expected);
    const double relative = relative_difference(difference, expected);
    if (difference > absolute_) {
      absolute_ = difference;
      absolute_at_ = offset;
    }
    if (relative > relative_) {
      relative_ = relative;
      relative_at_ = offset;
    }
    if (is_within(offset, difference, expected)) return;
    if (num_outside_++ > 0) return;
    outside_at_ = offset;
    first_got_ = got;
    first_expected_ = expected;
  }

  bool is_within(int64_t offset, double difference, double expected) const {
    // Long integers may differ by less than a double can tell.
    if (got_.dtype == expected_.dtype && !is_floating(got_.dtype)) {
      return std::memcmp(element(got_, offset), element(expected_, offset), size_of(got_.dtype)) ==
             0;
    }
    if (difference == 0) return true;
    return std::isfinite(difference) &&
           difference <= tolerance_.absolute + tolerance_.relative * std::abs(expected);
  }

  const TensorView& got_;
  const TensorView& expected_;
  Tolerance tolerance_;
  double absolute_ = 0, relative_ = 0;
  int64_t absolute_at_ = 0, relative_at_ = 0;
  int64_t num_outside_ = 0, outside_at_ = 0;
  double first_got_ = 0, first_expected_ = 0;
};

void keep_larger(Difference& difference, const Difference& other) {
  if (other.value > difference.value) difference = other;
}

}  // namespace

void Comparison::merge(const Comparison& other) {
  keep_larger(absolute, other.absolute);
  keep_larger(relative, other.relative);
  if (failure.empty()) failure = other.failure;
}

std::string Comparison::text() const {
  if (absolute.at.empty()) return "no difference";
  std::string text = fmt::format("largest difference {:.2e} at {}", absolute.value, absolute.at);
  if (!relative.at.empty()) {
    text += fmt::format(", relative {:.2e} at {}", relative.value, relative.at);
  }
  return text;
}

Comparison compare(const std::string& name, const TensorView& got, const TensorView& expected,
                   const Tolerance& tolerance) {
  if (got.shape != expected.shape) {
    Comparison comparison;
    comparison.failure = fmt::format("{} has the shape {}; the model gives {}", name,
                                     to_string(expected.shape), to_string(got.shape));
    return comparison;
  }
  return Differences(got, expected, tolerance).result(name);
}

}  // namespace hornet::cli
