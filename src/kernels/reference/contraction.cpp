#include "graph/ops/contraction.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reference/call.h"
#include "kernels/reference/functions.h"
#include "kernels/reference/kernels.h"
#include "kernels/reference/types.h"

namespace hornet::kernels::reference {
namespace {

void compute_contraction(const Call<graph::Contraction>& call) {
  const Shape& weights_shape = call.input_shape(1);
  const int64_t inner = weights_shape[0], columns = weights_shape[1];
  const Shape& out = call.output_shape(0);
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < out.size(); ++i) rows *= out[i];
  const float* x = call.input(0);
  const float* w = call.input(1);
  const float* bias = call.input(2);
  const float* residual = call.input(3);
  float* y = call.output(0);
  for (int64_t m = 0; m < rows; ++m) {
    for (int64_t n = 0; n < columns; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < inner; ++k) {
        sum += static_cast<double>(x[m * inner + k]) * static_cast<double>(w[k * columns + n]);
      }
      if (bias != nullptr) sum += static_cast<double>(bias[n]);
      if (residual != nullptr) sum += static_cast<double>(residual[m * columns + n]);
      y[m * columns + n] = static_cast<float>(apply(call.op.epilogue.activation, sum));
    }
  }
}

// Strides of a matrix operand over [leading dimensions of the result..., rows, columns].
Dims operand_strides(const Shape& shape, size_t out_rank) {
  const Dims dense = row_major_strides(Dims(shape));
  Dims strides;
  strides.rank = out_rank;
  const size_t missing = out_rank - shape.size();
  for (size_t i = 0; i + 2 < shape.size(); ++i) {
    strides[missing + i] = shape[i] == 1 ? 0 : dense[i];
  }
  return strides;
}

void compute_matmul(const Call<graph::MatMul>& call) {
  const Shape& a_shape = call.input_shape(0);
  const Shape& b_shape = call.input_shape(1);
  const Shape& out = call.output_shape(0);
  const bool transpose_a = call.op.transpose_a, transpose_b = call.op.transpose_b;
  // Axes of the operands: the one summed over and the one that becomes rows or columns.
  const size_t a_last = a_shape.size() - 1, b_last = b_shape.size() - 1;
  const size_t a_inner = transpose_a ? a_last - 1 : a_last, a_rows = 2 * a_last - 1 - a_inner;
  const size_t b_inner = transpose_b ? b_last : b_last - 1, b_columns = 2 * b_last - 1 - b_inner;
  const Dims a_dense = row_major_strides(Dims(a_shape)), b_dense = row_major_strides(Dims(b_shape));
  const int64_t inner = a_shape[a_inner];
  const int64_t a_step = a_dense[a_inner], b_step = b_dense[b_inner];
  const Dims sizes(out);
  std::array<Dims, 3> strides = {operand_strides(a_shape, out.size()),
                                 operand_strides(b_shape, out.size()), row_major_strides(sizes)};
  strides[0][out.size() - 2] = a_dense[a_rows];
  strides[1][out.size() - 1] = b_dense[b_columns];
  with_type(call.output_types[0].dtype, [&]<class T>(TypeTag<T>) {
    const T* a = call.template input<T>(0);
    const T* b = call.template input<T>(1);
    T* c = call.template output<T>(0);
    for_each_index<3>(sizes, strides, [&](const auto& at) {
      Accumulator<T> sum = 0;
      for (int64_t k = 0; k < inner; ++k) {
        sum += static_cast<Accumulator<T>>(a[at[0] + k * a_step]) *
               static_cast<Accumulator<T>>(b[at[1] + k * b_step]);
      }
      c[at[2]] = static_cast<T>(sum);
    });
  });
}

// One row and head of Attention.
class AttentionHead {
 public:
  AttentionHead(const Call<graph::Attention>& call, int64_t row, int64_t head)
      : op_(call.op), row_(row), head_(head), mask_(call.input<bool>(3)) {
    const Shape& q = call.input_shape(0);
    const Shape& k = call.input_shape(1);
    steps_ = q[1];
    sources_ = k[1];
    depth_ = q[3];
    value_depth_ = call.input_shape(2)[3];
    heads_ = q[2];
    groups_ = k[2];
    const int64_t group = head / (heads_ / groups_);
    q_ = call.input(0) + (row * steps_ * heads_ + head) * depth_;
    k_ = call.input(1) + (row * sources_ * groups_ + group) * depth_;
    v_ = call.input(2) + (row * sources_ * groups_ + group) * value_depth_;
    if (mask_ != nullptr) {
      mask_strides_ = broadcast_strides(call.input_shape(3), {q[0], heads_, steps_, sources_});
    }
  }

  // `weights`: room for one number a source.
  void run(double* weights, float* y, float* scores) const {
    for (int64_t t = 0; t < steps_; ++t) {
      compute_weights(t, weights);
      if (scores != nullptr) {
        float* out = scores + ((row_ * heads_ + head_) * steps_ + t) * sources_;
        for (int64_t s = 0; s < sources_; ++s) out[s] = static_cast<float>(weights[s]);
      }
      if (y != nullptr) {
        float* out = y + ((row_ * steps_ + t) * heads_ + head_) * value_depth_;
        for (int64_t e = 0; e < value_depth_; ++e) {
          double sum = 0;
          for (int64_t s = 0; s < sources_; ++s) {
            sum += weights[s] * static_cast<double>(v_[s * groups_ * value_depth_ + e]);
          }
          out[e] = static_cast<float>(sum);
        }
      }
    }
  }

 private:
  bool hidden(int64_t t, int64_t s) const {
    if (op_.causal && s > t) return true;
    if (op_.window > 0 && std::abs(t - s) >= op_.window) return true;
    if (mask_ == nullptr) return false;
    return !mask_[row_ * mask_strides_[0] + head_ * mask_strides_[1] + t * mask_strides_[2] +
                  s * mask_strides_[3]];
  }

  double score(int64_t t, int64_t s) const {
    if (hidden(t, s)) return static_cast<double>(op_.hidden_score);
    double sum = 0;
    for (int64_t d = 0; d < depth_; ++d) {
      sum += static_cast<double>(q_[t * heads_ * depth_ + d]) *
             static_cast<double>(k_[s * groups_ * depth_ + d]);
    }
    return sum * static_cast<double>(op_.scale);
  }

  void compute_weights(int64_t t, double* weights) const {
    double largest = -std::numeric_limits<double>::infinity();
    for (int64_t s = 0; s < sources_; ++s) {
      weights[s] = score(t, s);
      largest = std::max(largest, weights[s]);
    }
    double total = 0;
    for (int64_t s = 0; s < sources_; ++s) {
      weights[s] = std::exp(weights[s] - largest);
      total += weights[s];
    }
    for (int64_t s = 0; s < sources_; ++s) {
      weights[s] = op_.zero_hidden && hidden(t, s) ? 0 : weights[s] / total;
    }
  }

  const graph::Attention& op_;
  const int64_t row_, head_;
  const bool* const mask_;
  int64_t steps_, sources_, depth_, value_depth_, heads_, groups_;
  const float *q_, *k_, *v_;
  Dims mask_strides_;
};

void compute_attention(const Call<graph::Attention>& call) {
  const Shape& q = call.input_shape(0);
  for (int64_t row = 0; row < q[0]; ++row) {
    for (int64_t head = 0; head < q[2]; ++head) {
      AttentionHead(call, row, head)
          .run(static_cast<double*>(call.scratch), call.output(0), call.output(1));
    }
  }
}

}  // namespace

KernelOffer contraction(const KernelRequest& request) {
  if (const auto* type = other_than_float(request, 4)) {
    return refuse("contraction of " + graph::to_string(*type));
  }
  return offer<graph::Contraction>(request, compute_contraction);
}

KernelOffer matmul(const KernelRequest& request) {
  if (request.inputs[0].dtype == DType::kBool) return refuse("matrix product of bool");
  return offer<graph::MatMul>(request, compute_matmul);
}

KernelOffer attention(const KernelRequest& request) {
  if (const auto* type = other_than_float(request, 3)) {
    return refuse("attention over " + graph::to_string(*type));
  }
  const auto sources = static_cast<size_t>(request.inputs[1].shape[1]);
  return offer<graph::Attention>(request, compute_attention, {}, sources * sizeof(double));
}

}  // namespace hornet::kernels::reference
