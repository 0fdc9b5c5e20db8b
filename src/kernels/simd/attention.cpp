// Attention by two products a row and head, with the scores of some queries in between in the
// cache. A vector has neighbouring queries: so the softmax needs nothing across its lanes, and the
// scores lie as packed rows do, ready for the product with the values.
#include <algorithm>
#include <limits>

#include "base/check.h"
#include "graph/ops/contraction.h"
#include "kernels/simd/gemm.h"
#include "kernels/simd/kernels.h"
#include "kernels/simd/request.h"
#include "kernels/simd/scratch.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/attention.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/vector_math-inl.h"

#ifndef HORNET_SCORE_BLOCK
#define HORNET_SCORE_BLOCK
namespace hornet::kernels {
namespace {

// What a position may see, and what becomes of the scores of the others.
struct Visibility {
  bool causal;
  int64_t window;  // 0: none
  float hidden_score;
  bool zero_hidden;
};

// Products of `keys` keys with `queries` neighbouring queries, a row a key: to be made scores in
// place, all but a factor for each query, which goes to `shares`. `queries` is a multiple of the
// lanes of a vector.
struct ScoreBlock {
  float* products;
  float* shares;
  int64_t keys, queries;
  int64_t first;  // step of the first query
  float scale;
  const uint8_t* mask;  // of the first key, or null; 0 hides
  int64_t mask_key_stride;
  bool mask_of_queries;  // a byte a query; otherwise one for all
};

struct ScoreFunctions {
  void (*compute)(const Visibility&, const ScoreBlock&);
  // Row i of x times factors[i].
  void (*scale_rows)(const float* factors, float* x, int64_t ld, int64_t rows, int64_t columns);
};

}  // namespace
}  // namespace hornet::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace hornet::kernels::HWY_NAMESPACE {
namespace {

using Mask = hn::Mask<D>;

// Which queries, `from` and its neighbours, see key `key`. Positions are exact in floats: there are
// less than 2^24.
HWY_INLINE Mask visible(const Visibility& visibility, const ScoreBlock& b, int64_t key,
                        int64_t from) {
  const V t = hn::Iota(D(), static_cast<float>(b.first + from));
  const V s = constant(static_cast<float>(key));
  const V zero = hn::Zero(D());
  Mask result = hn::Ge(s, zero);
  if (visibility.causal) result = hn::And(result, hn::Le(s, t));
  if (visibility.window > 0) {
    const V distance = hn::Abs(hn::Sub(s, t));
    result = hn::And(result, hn::Lt(distance, constant(static_cast<float>(visibility.window))));
  }
  if (b.mask != nullptr) {
    const uint8_t* bytes = b.mask + key * b.mask_key_stride;
    V seen = constant(static_cast<float>(*bytes));
    if (b.mask_of_queries) {
      const hn::Rebind<uint8_t, D> d8;
      seen = hn::ConvertTo(D(), hn::PromoteTo(DI(), hn::LoadU(d8, bytes + from)));
    }
    result = hn::And(result, hn::Gt(seen, zero));
  }
  return result;
}

// A NaN is left out of the maximum: it makes the sum NaN, and so all scores of its query.
template <bool kHides>
void compute_scores(const Visibility& visibility, const ScoreBlock& b) {
  const D d;
  constexpr int kChains = 4;  // they hide the latency of a maximum
  const V scale = constant(b.scale), hidden = constant(visibility.hidden_score);
  for (int64_t from = 0; from < b.queries; from += static_cast<int64_t>(kLanes)) {
    float* const products = b.products + from;
    V largest[kChains];
    for (V& v : largest) v = constant(-std::numeric_limits<float>::infinity());
    const auto look_at = [&](int64_t key, V& maximum) HWY_ATTR {
      float* const x = products + key * b.queries;
      V v = hn::Mul(hn::Load(d, x), scale);
      if constexpr (kHides) {
        v = hn::IfThenElse(visible(visibility, b, key, from), v, hidden);
        hn::Store(v, d, x);
      }
      maximum = quick_maximum(v, maximum);
    };
    int64_t key = 0;
    for (; key + kChains <= b.keys; key += kChains) {
      for (int c = 0; c < kChains; ++c) look_at(key + c, largest[c]);
    }
    for (; key < b.keys; ++key) look_at(key, largest[0]);
    const V shift =
        quick_maximum(quick_maximum(largest[0], largest[1]), quick_maximum(largest[2], largest[3]));
    V sum = hn::Zero(d);
    for (key = 0; key < b.keys; ++key) {
      float* const x = products + key * b.queries;
      V v = hn::Load(d, x);
      if constexpr (!kHides) v = hn::Mul(v, scale);
      v = exp_flushed(hn::Sub(v, shift));
      sum = hn::Add(sum, v);
      if constexpr (kHides) {
        if (visibility.zero_hidden) {
          v = hn::IfThenElseZero(visible(visibility, b, key, from), v);
        }
      }
      hn::Store(v, d, x);
    }
    hn::Store(hn::Div(constant(1.0f), sum), d, b.shares + from);
  }
}

void scale_rows(const float* factors, float* x, int64_t ld, int64_t rows, int64_t columns) {
  for (int64_t row = 0; row < rows; ++row) {
    const V factor = constant(factors[row]);
    float* to = x + row * ld;
    for_each_vector(columns, [&](auto part, int64_t i) HWY_ATTR {
      part.store(hn::Mul(part.load(to + i), factor), to + i);
    });
  }
}

}  // namespace

ScoreFunctions score_functions(bool hides) {
  return {hides ? compute_scores<true> : compute_scores<false>, scale_rows};
}

}  // namespace hornet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hornet::kernels {
namespace {

class AttentionKernel final : public Kernel {
 public:
  AttentionKernel(const graph::Attention& op, const KernelRequest& request)
      : visibility_{op.causal, op.window, op.hidden_score, op.zero_hidden},
        scale_(op.scale),
        masked_(simd::present(request, 3)) {
    const Shape &q = request.inputs[0].shape, &k = request.inputs[1].shape;
    batch_ = q[0];
    steps_ = q[1];
    heads_ = q[2];
    depth_ = q[3];
    sources_ = k[1];
    groups_ = k[2];
    value_depth_ = request.inputs[2].shape[3];
    if (masked_) {
      const Shape& mask = request.inputs[3].shape;
      const int64_t sizes[] = {batch_, heads_, steps_, sources_};
      int64_t stride = 1;
      for (size_t i = 0; i < mask.size(); ++i) {
        const size_t axis = 3 - i;
        const int64_t size = mask[mask.size() - 1 - i];
        mask_strides_[axis] = size == 1 && sizes[axis] != 1 ? 0 : stride;
        stride *= size;
      }
    }
    score_functions_ = HORNET_DISPATCH(score_functions)(op.causal || op.window > 0 || masked_);
    // Two vectors of queries are a panel of the products with keys.
    block_ = std::min(2 * functions_.lanes, in_vectors(steps_));
    copies_mask_ = masked_ && mask_strides_[kStep] != 0;
  }

  std::string describe() const override {
    return fmt::format("simd {} gemm a head", functions_.name);
  }
  size_t scratch_bytes() const override {
    simd::ScratchArena arena;
    take(arena);
    return arena.bytes();
  }

  void run(const KernelArgs& args, KernelState*) const override {
    simd::ScratchArena arena(args.scratch);
    const Scratch scratch = take(arena);
    const int64_t heads_of_group = heads_ / groups_;
    for (int64_t row = 0; row < batch_; ++row) {
      for (int64_t head = 0; head < heads_; ++head) {
        if (copies_mask_ && is_new_mask(row, head)) {
          copy_mask(mask_of(args, row, head), scratch.mask);
        }
        if (head % heads_of_group == 0) pack_group(args, scratch, row, head / heads_of_group);
        for (int64_t first = 0; first < steps_; first += block_) {
          run_block(args, scratch, row, head, first);
        }
      }
    }
  }

 private:
  enum MaskAxis { kRow, kHead, kStep, kSource };

  struct Scratch {
    float *keys, *values, *queries;  // packed
    float *products, *shares;        // of a block
    uint8_t* mask;                   // block by block, a line a key
  };
  int64_t in_vectors(int64_t count) const {
    return (count + functions_.lanes - 1) / functions_.lanes * functions_.lanes;
  }
  Scratch take(simd::ScratchArena& arena) const {
    const auto floats = [&](size_t count) { return arena.take(static_cast<int64_t>(count)); };
    Scratch scratch = {};
    scratch.keys = floats(functions_.packed_rows_floats(depth_, sources_));
    scratch.values = floats(functions_.panels_floats(sources_, value_depth_));
    scratch.queries = floats(functions_.panels_floats(depth_, block_));
    scratch.products = arena.take(sources_ * block_);
    scratch.shares = arena.take(block_);
    if (copies_mask_) {
      const int64_t blocks = (steps_ + block_ - 1) / std::max<int64_t>(block_, 1);
      scratch.mask = arena.take<uint8_t>(blocks * mask_block_bytes());
    }
    return scratch;
  }

  const uint8_t* mask_of(const KernelArgs& args, int64_t row, int64_t head) const {
    return static_cast<const uint8_t*>(args.inputs[3]) + row * mask_strides_[kRow] +
           head * mask_strides_[kHead];
  }
  bool is_new_mask(int64_t row, int64_t head) const {
    if (row == 0 && head == 0) return true;
    return mask_strides_[kHead] != 0 || (head == 0 && mask_strides_[kRow] != 0);
  }
  int64_t mask_lines() const { return mask_strides_[kSource] == 0 ? 1 : sources_; }
  int64_t mask_block_bytes() const { return mask_lines() * block_; }
  // Queries beside each other, as scores are computed; those beyond the last see all.
  void copy_mask(const uint8_t* from, uint8_t* to) const {
    for (int64_t first = 0; first < steps_; first += block_) {
      const int64_t count = std::min(block_, steps_ - first);
      for (int64_t line = 0; line < mask_lines(); ++line, to += block_) {
        const uint8_t* bytes = from + first * mask_strides_[kStep] + line * mask_strides_[kSource];
        for (int64_t i = 0; i < count; ++i) to[i] = bytes[i * mask_strides_[kStep]];
        std::fill(to + count, to + block_, uint8_t{1});
      }
    }
  }

  void pack_group(const KernelArgs& args, const Scratch& scratch, int64_t row,
                  int64_t group) const {
    const int64_t at = row * sources_ * groups_ + group;
    const float* const keys = simd::input(args, 1) + at * depth_;
    functions_.pack_rows({&keys, 1, depth_, groups_ * depth_}, sources_, scratch.keys);
    functions_.pack_panels(simd::input(args, 2) + at * value_depth_, groups_ * value_depth_, 1,
                           sources_, value_depth_, scratch.values);
  }

  // Queries of one head from step `first` on.
  void run_block(const KernelArgs& args, const Scratch& scratch, int64_t row, int64_t head,
                 int64_t first) const {
    const int64_t count = std::min(block_, steps_ - first), width = in_vectors(count);
    const int64_t at = (row * steps_ + first) * heads_ + head;
    functions_.pack_panels(simd::input(args, 0) + at * depth_, 1, heads_ * depth_, depth_, count,
                           scratch.queries);
    const PackedRows keys = functions_.packed_rows(scratch.keys, depth_);
    functions_.run_packed({&functions_, depth_, width, scratch.queries}, keys, sources_,
                          scratch.products, width, {});

    ScoreBlock b = {scratch.products, scratch.shares, sources_, width,       first,
                    scale_,           nullptr,        0,        copies_mask_};
    if (copies_mask_) {
      b.mask = scratch.mask + first / block_ * mask_block_bytes();
      b.mask_key_stride = mask_strides_[kSource] == 0 ? 0 : block_;
    } else if (masked_) {
      b.mask = mask_of(args, row, head);
      b.mask_key_stride = mask_strides_[kSource];
    }
    score_functions_.compute(visibility_, b);

    if (float* const y = simd::output(args, 0); y != nullptr) {
      const PackedRows scores = {scratch.products, width, 0};
      float* const to = y + at * value_depth_;
      functions_.run_packed({&functions_, sources_, value_depth_, scratch.values}, scores, count,
                            to, heads_ * value_depth_, {});
      score_functions_.scale_rows(scratch.shares, to, heads_ * value_depth_, count, value_depth_);
    }
    if (float* const scores = simd::output(args, 1); scores != nullptr) {
      float* const to = scores + ((row * heads_ + head) * steps_ + first) * sources_;
      for (int64_t i = 0; i < count; ++i) {
        for (int64_t key = 0; key < sources_; ++key) {
          to[i * sources_ + key] = scratch.products[key * width + i] * scratch.shares[i];
        }
      }
    }
  }

  const GemmFunctions& functions_ = gemm_functions();
  const Visibility visibility_;
  const float scale_;
  ScoreFunctions score_functions_;
  int64_t batch_, steps_, heads_, depth_, sources_, groups_, value_depth_;
  int64_t block_;  // queries at once
  const bool masked_;
  int64_t mask_strides_[4] = {};  // by MaskAxis; 0: the same for all
  bool copies_mask_;              // for queries beside each other
};

}  // namespace

KernelOffer simd_attention(const KernelRequest& request) {
  using namespace simd;
  const auto& op = static_cast<const graph::Attention&>(request.op);
  for (size_t i = 0; i < 3; ++i) {
    if (!is_float(request, i)) return refuse("operands of other types than float32");
  }
  if (present(request, 3) && request.inputs[3].dtype != DType::kBool) {
    return refuse("a mask that is not bool");
  }
  constexpr int64_t kMaxPositions = 1 << 24;
  if (request.inputs[0].shape[1] >= kMaxPositions || request.inputs[1].shape[1] >= kMaxPositions) {
    return refuse("sequences of 2^24 steps or more");
  }
  if (request.inputs[1].shape[1] == 0) return refuse("no keys");
  return {std::make_unique<AttentionKernel>(op, request), ""};
}

}  // namespace hornet::kernels
#endif
