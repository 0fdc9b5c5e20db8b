// What the tests of Hornet's own kernels share: a run with each instruction set of this machine,
// comparison with the reference kernels, and the promise that a row's bits do not depend on its
// batch.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/evaluate.h"
#include "kernels/simd/targets.h"

namespace hornet::kernels {

inline std::string name_of(InstructionSet set) {
  constexpr const char* kNames[] = {"Plain", "SSE4", "AVX2", "AVX512"};
  return kNames[static_cast<size_t>(set)];
}

class SimdTest : public testing::TestWithParam<InstructionSet> {
 protected:
  void SetUp() override {
    if (!has_instruction_set(GetParam())) {
      GTEST_SKIP() << "this machine has no " << name_of(GetParam());
    }
    limit_instruction_set(GetParam());
  }
  void TearDown() override { limit_instruction_set(InstructionSet::kAvx512); }
};

#define HORNET_SIMD_TESTS(Fixture)                      \
  INSTANTIATE_TEST_SUITE_P(                             \
      , Fixture, testing::ValuesIn(instruction_sets()), \
      [](const testing::TestParamInfo<InstructionSet>& set) { return name_of(set.param); })

// Numbers in [low, high).
inline Tensor random_floats(Shape shape, uint32_t seed, float low = -1, float high = 1) {
  Tensor tensor(DType::kFloat32, std::move(shape));
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(low, high);
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    tensor.mutable_as<float>()[i] = distribution(generator);
  }
  return tensor;
}

inline Tensor random_bools(Shape shape, uint32_t seed, double share_of_true) {
  Tensor tensor(DType::kBool, std::move(shape));
  std::mt19937 generator(seed);
  std::bernoulli_distribution distribution(share_of_true);
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    tensor.mutable_as<bool>()[i] = distribution(generator);
  }
  return tensor;
}

// An operator with its inputs (null: absent) and which of them are constants.
struct SimdCase {
  const graph::Op& op;
  std::vector<const Tensor*> inputs;
  std::vector<bool> is_constant;
};

inline std::vector<Tensor> run_simd(KernelFactory factory, const SimdCase& c) {
  PackedWeights packed;
  const KernelRequest request = make_request(c.op, c.inputs, packed, c.is_constant);
  const KernelOffer offer = factory(request);
  EXPECT_EQ(offer.refusal, "");
  if (offer.kernel == nullptr) return {};
  return run_kernel(*offer.kernel, request, c.inputs);
}

inline std::string refusal_of(KernelFactory factory, const SimdCase& c) {
  PackedWeights packed;
  return factory(make_request(c.op, c.inputs, packed, c.is_constant)).refusal;
}

// |got - expected| <= tolerance (1 + |expected|); NaN and infinities are equal.
inline void expect_near(const Tensor& got, const Tensor& expected, double tolerance) {
  ASSERT_EQ(got.shape(), expected.shape());
  for (int64_t i = 0; i < got.num_elements(); ++i) {
    const double g = static_cast<double>(got.as<float>()[i]);
    const double e = static_cast<double>(expected.as<float>()[i]);
    if (std::isnan(e) || std::isinf(e)) {
      ASSERT_TRUE(std::isnan(e) ? std::isnan(g) : g == e) << "element " << i << ": " << g;
    } else {
      ASSERT_LE(std::abs(g - e), tolerance * (1 + std::abs(e)))
          << "element " << i << " of " << to_string(got.shape()) << ": got " << g << ", expected "
          << e;
    }
  }
}

// The same bits where an output takes the place of an input, as the kernel says it may. Returns how
// many do.
inline int expect_same_bits_overlapping(KernelFactory factory, const SimdCase& c,
                                        const std::vector<Tensor>& expected) {
  PackedWeights packed;
  const KernelRequest request = make_request(c.op, c.inputs, packed, c.is_constant);
  const KernelOffer offer = factory(request);
  if (offer.kernel == nullptr) return 0;
  packed.complete();
  int overlaps = 0;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    const Kernel::Overlap overlap = offer.kernel->overlapping_output(i);
    if (overlap.output < 0 || c.inputs[i] == nullptr) continue;
    ++overlaps;
    EXPECT_EQ(overlap.lead % 64, 0u);
    const auto output = static_cast<size_t>(overlap.output);
    const size_t x_bytes = c.inputs[i]->num_bytes(), y_bytes = expected[output].num_bytes();
    Tensor both(DType::kUInt8,
                {static_cast<int64_t>(std::max(overlap.lead + x_bytes, y_bytes) + 64)});
    auto* const memory = static_cast<std::byte*>(both.mutable_data());
    std::memcpy(memory + overlap.lead, c.inputs[i]->data(), x_bytes);
    std::vector<const void*> sources;
    std::vector<void*> destinations;
    std::vector<Tensor> results;
    for (const Tensor* input : c.inputs) {
      sources.push_back(input == nullptr ? nullptr : input->data());
    }
    for (const Tensor& tensor : expected) {
      results.emplace_back(tensor.dtype(), tensor.shape());
      destinations.push_back(results.back().mutable_data());
    }
    sources[i] = memory + overlap.lead;
    destinations[output] = memory;
    Tensor scratch(DType::kUInt8, {static_cast<int64_t>(offer.kernel->scratch_bytes())});
    const std::unique_ptr<KernelState> state = offer.kernel->make_state();
    offer.kernel->run({sources, destinations, scratch.mutable_data()}, state.get());
    EXPECT_EQ(std::memcmp(memory, expected[output].data(), y_bytes), 0)
        << "output " << output << " in the place of input " << i;
  }
  return overlaps;
}

inline void expect_like_reference(KernelFactory factory, const SimdCase& c, double tolerance) {
  const std::vector<Tensor> got = run_simd(factory, c);
  const std::vector<Tensor> expected = evaluate(c.op, c.inputs, true);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    SCOPED_TRACE("output " + std::to_string(i));
    expect_near(got[i], expected[i], tolerance);
  }
  expect_same_bits_overlapping(factory, c, got);
}

// Rows [first, first + count) of a tensor.
inline Tensor rows_of(const Tensor& tensor, int64_t first, int64_t count) {
  Shape shape = tensor.shape();
  const size_t row_bytes = shape[0] == 0 ? 0 : tensor.num_bytes() / static_cast<size_t>(shape[0]);
  shape[0] = count;
  Tensor part(tensor.dtype(), shape);
  std::memcpy(part.mutable_data(),
              static_cast<const char*>(tensor.data()) + static_cast<size_t>(first) * row_bytes,
              static_cast<size_t>(count) * row_bytes);
  return part;
}

// Runs all rows at once, then every `count` neighbours on their own, and compares bytes. Inputs
// that are not constants and have the first dimension of input 0 are cut.
inline void expect_same_bits_in_any_batch(KernelFactory factory, const SimdCase& c) {
  const std::vector<Tensor> all = run_simd(factory, c);
  const int64_t num_rows = c.inputs[0]->shape()[0];
  for (int64_t count = 1; count < num_rows; count += count < 4 ? 1 : 5) {
    for (int64_t first = 0; first + count <= num_rows; first += count) {
      std::vector<Tensor> parts(c.inputs.size());
      SimdCase part = c;
      for (size_t i = 0; i < c.inputs.size(); ++i) {
        if (c.inputs[i] == nullptr || c.is_constant[i] || c.inputs[i]->shape()[0] != num_rows) {
          continue;
        }
        parts[i] = rows_of(*c.inputs[i], first, count);
        part.inputs[i] = &parts[i];
      }
      const std::vector<Tensor> got = run_simd(factory, part);
      ASSERT_EQ(got.size(), all.size());
      for (size_t i = 0; i < got.size(); ++i) {
        const Tensor expected = rows_of(all[i], first, count);
        ASSERT_EQ(std::memcmp(got[i].data(), expected.data(), expected.num_bytes()), 0)
            << "output " << i << ", rows from " << first << ", " << count << " at once";
      }
    }
  }
}

// A NaN in one row of input 0 leaves all others as they are.
inline void expect_nan_stays_in_its_row(KernelFactory factory, const SimdCase& c) {
  const int64_t num_rows = c.inputs[0]->shape()[0], bad = num_rows / 2;
  const std::vector<Tensor> good = run_simd(factory, c);
  Tensor with_nan = rows_of(*c.inputs[0], 0, num_rows);
  const int64_t row_floats = with_nan.num_elements() / num_rows;
  for (int64_t i = 0; i < row_floats; ++i) {
    with_nan.mutable_as<float>()[bad * row_floats + i] = std::nanf("");
  }
  SimdCase changed = c;
  changed.inputs[0] = &with_nan;
  const std::vector<Tensor> got = run_simd(factory, changed);
  for (size_t i = 0; i < got.size(); ++i) {
    const int64_t floats = got[i].num_elements() / num_rows;
    for (int64_t j = 0; j < floats; ++j) {
      ASSERT_TRUE(std::isnan(got[i].as<float>()[bad * floats + j])) << "output " << i;
    }
    for (const int64_t first : {int64_t{0}, bad + 1}) {
      const int64_t count = first == 0 ? bad : num_rows - first;
      const Tensor a = rows_of(got[i], first, count), b = rows_of(good[i], first, count);
      ASSERT_EQ(std::memcmp(a.data(), b.data(), a.num_bytes()), 0) << "output " << i;
    }
  }
}

}  // namespace hornet::kernels
