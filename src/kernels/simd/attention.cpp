// Attention by two products a row and head, with the scores of some steps in between in the cache.
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

#ifndef HORNET_SCORE_ROWS
#define HORNET_SCORE_ROWS
namespace hornet::kernels {
namespace {

// What a position may see, and what becomes of the scores of the others.
struct Visibility {
  bool causal;
  int64_t window;  // 0: none
  float hidden_score;
  bool zero_hidden;
};

// Rows of products q k^T, from step `first` on, to be made scores in place: all but a factor for
// each row, which goes to `shares`.
struct ScoreRows {
  float* scores;
  float* shares;
  int64_t ld, rows, columns, first;
  float scale;
  const uint8_t* mask;                          // of the first row, or null; 0 hides
  int64_t mask_row_stride, mask_column_stride;  // the latter 0 or 1
};

struct ScoreFunctions {
  void (*compute)(const Visibility&, const ScoreRows&);
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

HWY_INLINE V mask_bytes(const uint8_t* bytes, WholeVector) {
  const hn::Rebind<uint8_t, D> d8;
  return hn::ConvertTo(D(), hn::PromoteTo(DI(), hn::LoadU(d8, bytes)));
}
HWY_INLINE V mask_bytes(const uint8_t* bytes, PartOfVector part) {
  HWY_ALIGN uint8_t buffer[kLanes < 16 ? 16 : kLanes] = {};
  std::memcpy(buffer, bytes, part.count);
  return mask_bytes(buffer, WholeVector{});
}

// Where row `row` sees columns from i on.
template <class Part>
HWY_INLINE Mask visible(const Visibility& visibility, const ScoreRows& r, int64_t row, int64_t i,
                        Part part) {
  // Positions are exact in floats: there are less than 2^24.
  const V t = constant(static_cast<float>(r.first + row));
  const V s = hn::Iota(D(), static_cast<float>(i));
  const V zero = hn::Zero(D());
  Mask result = hn::Ge(s, zero);
  if (visibility.causal) result = hn::And(result, hn::Le(s, t));
  if (visibility.window > 0) {
    const V distance = hn::Abs(hn::Sub(s, t));
    result = hn::And(result, hn::Lt(distance, constant(static_cast<float>(visibility.window))));
  }
  if (r.mask != nullptr) {
    const uint8_t* bytes = r.mask + row * r.mask_row_stride;
    const V seen = r.mask_column_stride == 0 ? constant(static_cast<float>(*bytes))
                                             : mask_bytes(bytes + i, part);
    result = hn::And(result, hn::Gt(seen, zero));
  }
  return result;
}

// A NaN is left out of the maximum: it makes the sum NaN, and so the whole row.
template <bool kHides>
void compute_scores(const Visibility& visibility, const ScoreRows& r) {
  const float infinity = std::numeric_limits<float>::infinity();
  const V scale = constant(r.scale), hidden = constant(visibility.hidden_score);
  for (int64_t row = 0; row < r.rows; ++row) {
    float* x = r.scores + row * r.ld;
    V largest = constant(-infinity);
    for_each_vector(r.columns, [&](auto part, int64_t i) HWY_ATTR {
      V v = hn::Mul(part.load(x + i), scale);
      if constexpr (kHides) {
        v = hn::IfThenElse(visible(visibility, r, row, i, part), v, hidden);
        part.store(v, x + i);
      }
      largest = quick_maximum(part.value_or(v, -infinity), largest);
    });
    const V shift = constant(quick_maximum_of_lanes(largest));
    V sum = hn::Zero(D());
    for_each_vector(r.columns, [&](auto part, int64_t i) HWY_ATTR {
      V v = part.load(x + i);
      if constexpr (!kHides) v = hn::Mul(v, scale);
      v = exp_flushed(hn::Sub(v, shift));
      sum = hn::Add(sum, part.value_or(v, 0));
      if constexpr (kHides) {
        if (visibility.zero_hidden) {
          v = hn::IfThenElseZero(visible(visibility, r, row, i, part), v);
        }
      }
      part.store(v, x + i);
    });
    r.shares[row] = 1.0f / sum_of_lanes(sum);
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
      : visibility_{op.causal, op.window, op.hidden_score, op.zero_hidden}, scale_(op.scale) {
    const Shape &q = request.inputs[0].shape, &k = request.inputs[1].shape;
    batch_ = q[0];
    steps_ = q[1];
    heads_ = q[2];
    depth_ = q[3];
    sources_ = k[1];
    groups_ = k[2];
    value_depth_ = request.inputs[2].shape[3];
    const bool masked = simd::present(request, 3);
    if (masked) {
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
    score_functions_ = HORNET_DISPATCH(score_functions)(op.causal || op.window > 0 || masked);
    // Scores of a block stay in the first cache level. Blocks are all alike.
    constexpr int64_t kBlockFloats = 5632, kFewestRows = 28;
    const int64_t most = std::max(kBlockFloats / std::max<int64_t>(sources_, 1), kFewestRows);
    const int64_t blocks = (std::max<int64_t>(steps_, 1) + most - 1) / most;
    block_ = (steps_ + blocks - 1) / blocks;
    // Rows whose distance is a power of two would fall on the same lines of the cache.
    ld_ = sources_ % 64 == 0 ? sources_ + 16 : sources_;
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
    for (int64_t row = 0; row < batch_; ++row) {
      for (int64_t group = 0; group < groups_; ++group) run_group(args, scratch, row, group);
    }
  }

 private:
  struct Scratch {
    float *keys, *values;  // packed
    float *scores, *shares;
    void* product;
  };
  Scratch take(simd::ScratchArena& arena) const {
    const PackedB keys = {&functions_, depth_, sources_, nullptr};
    const PackedB values = {&functions_, sources_, value_depth_, nullptr};
    Scratch scratch = {};
    scratch.keys = arena.take(static_cast<int64_t>(functions_.packed_floats(keys.k, keys.n)));
    scratch.values = arena.take(static_cast<int64_t>(functions_.packed_floats(values.k, values.n)));
    scratch.scores = arena.take(block_ * ld_);
    scratch.shares = arena.take(block_);
    scratch.product = arena.take_for({keys, values}, block_);
    return scratch;
  }

  void run_group(const KernelArgs& args, const Scratch& scratch, int64_t row, int64_t group) const {
    const int64_t first = row * sources_ * groups_ + group;
    functions_.pack(simd::input(args, 1) + first * depth_, 1, groups_ * depth_, depth_, sources_,
                    scratch.keys);
    functions_.pack(simd::input(args, 2) + first * value_depth_, groups_ * value_depth_, 1,
                    sources_, value_depth_, scratch.values);
    const PackedB keys = {&functions_, depth_, sources_, scratch.keys};
    const PackedB values = {&functions_, sources_, value_depth_, scratch.values};
    const auto* mask =
        args.inputs.size() > 3 ? static_cast<const uint8_t*>(args.inputs[3]) : nullptr;
    float* const y = simd::output(args, 0);
    float* const scores = simd::output(args, 1);
    const int64_t heads = heads_ / groups_;
    for (int64_t head = group * heads; head < (group + 1) * heads; ++head) {
      for (int64_t t = 0; t < steps_; t += block_) {
        const int64_t rows = std::min(block_, steps_ - t);
        const int64_t at = (row * steps_ + t) * heads_ + head;
        const bool wanted = scores != nullptr;
        ScoreRows r = {scratch.scores,   scratch.shares,  ld_, rows, sources_, t, scale_, nullptr,
                       mask_strides_[2], mask_strides_[3]};
        if (wanted) {
          r.scores = scores + ((row * heads_ + head) * steps_ + t) * sources_;
          r.ld = sources_;
        }
        if (mask != nullptr) {
          r.mask = mask + row * mask_strides_[0] + head * mask_strides_[1] + t * mask_strides_[2];
        }
        gemm(keys, simd::input(args, 0) + at * depth_, heads_ * depth_, rows, r.scores, r.ld, {},
             scratch.product);
        score_functions_.compute(visibility_, r);
        if (y != nullptr) {
          float* to = y + at * value_depth_;
          gemm(values, r.scores, r.ld, rows, to, heads_ * value_depth_, {}, scratch.product);
          score_functions_.scale_rows(scratch.shares, to, heads_ * value_depth_, rows,
                                      value_depth_);
        }
        if (wanted) score_functions_.scale_rows(scratch.shares, r.scores, r.ld, rows, sources_);
      }
    }
  }

  const GemmFunctions& functions_ = gemm_functions();
  const Visibility visibility_;
  const float scale_;
  ScoreFunctions score_functions_;
  int64_t batch_, steps_, heads_, depth_, sources_, groups_, value_depth_, block_, ld_;
  int64_t mask_strides_[4] = {};  // of row, head, step, source
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
