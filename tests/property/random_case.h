// Random operators with inputs that fit them.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <string_view>
#include <vector>

#include "graph/op.h"

namespace hornet::property {

class Random {
 public:
  explicit Random(uint64_t seed) : generator_(seed) {}
  // Whole number in [low, high].
  int64_t whole(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(generator_);
  }
  float real(float low, float high) {
    return std::uniform_real_distribution<float>(low, high)(generator_);
  }
  bool chance(double probability) { return std::bernoulli_distribution(probability)(generator_); }
  template <class T>
  T one_of(const std::vector<T>& choices) {
    return choices[static_cast<size_t>(whole(0, static_cast<int64_t>(choices.size()) - 1))];
  }
  Tensor floats(Shape shape, float low = -1, float high = 1);
  // Small numbers of any storage dtype.
  Tensor numbers(DType dtype, Shape shape);

 private:
  std::mt19937_64 generator_;
};

struct RandomCase {
  std::shared_ptr<const graph::Op> op;
  std::vector<std::optional<Tensor>> inputs;  // nothing: absent
  std::vector<bool> is_constant;
  // The inputs that are no constants, and all outputs, have rows as their first dimension, and an
  // output row depends on the same row of the inputs alone.
  bool by_rows = true;
};

struct Generator {
  std::string_view op;
  RandomCase (*make)(Random& random, int64_t num_rows);
  int num_cases = 60;
};
const std::vector<Generator>& generators();

}  // namespace hornet::property
