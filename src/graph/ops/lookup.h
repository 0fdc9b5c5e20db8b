// Operators that map integers to others: by a table, by a hash.
#pragma once

#include <array>
#include <optional>

#include "graph/op.h"

namespace hornet::graph {

// y = values[i] where x = keys[i]; for the x that are no key: `absent` + x modulo `num_absent`, in
// Python's sense. Inputs: x, integers of any shape; keys [n] and values [n], int64 constants, keys
// ascending. Result: int64.
struct Lookup final : Op {
  int64_t absent = 0;
  int64_t num_absent = 1;
  std::string_view name() const override { return "lookup"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// A hash of the decimal digits of each integer, modulo num_bins: FarmHash's Fingerprint64 or, with
// a key, SipHash-2-4. Result: int64.
struct HashIntegers final : Op {
  explicit HashIntegers(int64_t bins) : num_bins(bins) {}
  int64_t num_bins;
  std::optional<std::array<uint64_t, 2>> key;
  std::string_view name() const override { return "hash_integers"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

}  // namespace hornet::graph
