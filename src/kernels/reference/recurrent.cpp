#include "graph/ops/recurrent.h"

#include <algorithm>
#include <vector>

#include "kernels/reference/call.h"
#include "kernels/reference/functions.h"
#include "kernels/reference/kernels.h"

namespace hornet::kernels::reference {
namespace {

// row [inner] . column of w [inner, width].
double product(const float* row, const float* w, int64_t inner, int64_t width, int64_t column) {
  double sum = 0;
  for (int64_t k = 0; k < inner; ++k) {
    sum += static_cast<double>(row[k]) * static_cast<double>(w[k * width + column]);
  }
  return sum;
}

// The loop over time that the three have in common: projection, states, masks and outputs.
class Recurrence {
 public:
  template <class RecurrentOp>
  explicit Recurrence(const Call<RecurrentOp>& call)
      : options_(call.op.options),
        projection_(call.input(graph::kProjectionInput)),
        bias_(call.input(graph::kProjectionInput + 1)),
        rows_(call.input_shape(0)[0]),
        steps_(call.input_shape(0)[1]),
        features_(call.input_shape(0)[2]),
        units_(call.input_shape(1)[0]),
        width_(call.input_shape(1)[1]) {
    h_ = static_cast<float*>(call.scratch);
    c_ = h_ + units_;
    new_h_ = c_ + units_;
    new_c_ = new_h_ + units_;
    output_ = new_c_ + units_;
    more_ = output_ + units_;
    projected_ = more_ + units_;
  }

  static size_t scratch_bytes(const KernelRequest& request) {
    const Shape& kernel = request.inputs[1].shape;
    return static_cast<size_t>(6 * kernel[0] + kernel[1]) * sizeof(float);
  }

  // [units], for what a step needs besides.
  float* more() const { return more_; }

  // Null where absent.
  struct Inputs {
    const float *x, *h, *c;
    const bool* mask;
  };
  struct Outputs {
    float *sequence, *last, *h, *c;
  };

  // step(x_t, h, c, new_h, new_c) computes one step of one row. The output of a step is new_h.
  template <class Step>
  void run(const Inputs& inputs, const Outputs& outputs, Step&& step) const {
    for (int64_t row = 0; row < rows_; ++row) {
      load(inputs.h, row, h_);
      load(inputs.c, row, c_);
      std::fill_n(output_, units_, 0.0f);
      for (int64_t i = 0; i < steps_; ++i) {
        const int64_t t = options_.go_backwards ? steps_ - 1 - i : i;
        const bool kept = inputs.mask == nullptr || inputs.mask[row * steps_ + t];
        if (kept) {
          step(projected(inputs.x + (row * steps_ + t) * features_), h_, c_, new_h_, new_c_);
          std::copy_n(new_h_, units_, h_);
          std::copy_n(new_c_, units_, c_);
          std::copy_n(new_h_, units_, output_);
        } else if (options_.zero_output_for_mask) {
          std::fill_n(output_, units_, 0.0f);
        }
        if (outputs.sequence != nullptr) {
          std::copy_n(output_, units_, outputs.sequence + (row * steps_ + i) * units_);
        }
      }
      store(output_, row, outputs.last);
      store(h_, row, outputs.h);
      store(c_, row, outputs.c);
    }
  }

 private:
  const float* projected(const float* x) const {
    if (projection_ == nullptr) return x;
    for (int64_t j = 0; j < width_; ++j) {
      const double bias = bias_ == nullptr ? 0 : static_cast<double>(bias_[j]);
      projected_[j] = static_cast<float>(product(x, projection_, features_, width_, j) + bias);
    }
    return projected_;
  }
  void load(const float* initial, int64_t row, float* state) const {
    if (initial == nullptr) {
      std::fill_n(state, units_, 0.0f);
    } else {
      std::copy_n(initial + row * units_, units_, state);
    }
  }
  void store(const float* state, int64_t row, float* final) const {
    if (final != nullptr) std::copy_n(state, units_, final + row * units_);
  }

  const graph::RecurrentOptions& options_;
  const float *projection_, *bias_;
  const int64_t rows_, steps_, features_, units_, width_;
  float *h_, *c_, *new_h_, *new_c_, *output_, *more_, *projected_;
};

void compute_lstm(const Call<graph::Lstm>& call) {
  const int64_t u = call.input_shape(1)[0];
  const float* kernel = call.input(1);
  const graph::RecurrentOptions& options = call.op.options;
  const Recurrence recurrence(call);
  recurrence.run({call.input(0), call.input(2), call.input(3), call.input<bool>(4)},
                 {call.output(0), call.output(1), call.output(2), call.output(3)},
                 [&](const float* x, const float* h, const float* c, float* new_h, float* new_c) {
                   for (int64_t j = 0; j < u; ++j) {
                     const auto gate = [&](int64_t g) {
                       return static_cast<double>(x[g * u + j]) +
                              product(h, kernel, u, 4 * u, g * u + j);
                     };
                     const double i = apply(options.recurrent_activation, gate(0));
                     const double f = apply(options.recurrent_activation, gate(1));
                     const double candidate = apply(options.activation, gate(2));
                     const double o = apply(options.recurrent_activation, gate(3));
                     const double cell = f * static_cast<double>(c[j]) + i * candidate;
                     new_c[j] = static_cast<float>(cell);
                     new_h[j] = static_cast<float>(o * apply(options.activation, cell));
                   }
                 });
}

void compute_gru(const Call<graph::Gru>& call) {
  const int64_t u = call.input_shape(1)[0];
  const float* kernel = call.input(1);
  const float* bias = call.input(4);
  const graph::RecurrentOptions& options = call.op.options;
  const Recurrence recurrence(call);
  float* reset_h = recurrence.more();
  recurrence.run({call.input(0), call.input(2), nullptr, call.input<bool>(3)},
                 {call.output(0), call.output(1), call.output(2), nullptr},
                 [&](const float* x, const float* h, const float*, float* new_h, float*) {
                   const auto recurrent = [&](const float* state, int64_t column) {
                     return product(state, kernel, u, 3 * u, column) +
                            (bias == nullptr ? 0 : static_cast<double>(bias[column]));
                   };
                   const auto gate = [&](int64_t g, int64_t j) {
                     const int64_t column = g * u + j;
                     return apply(options.recurrent_activation,
                                  static_cast<double>(x[column]) + recurrent(h, column));
                   };
                   if (!call.op.reset_after) {
                     for (int64_t j = 0; j < u; ++j) {
                       reset_h[j] = static_cast<float>(gate(1, j) * static_cast<double>(h[j]));
                     }
                   }
                   for (int64_t j = 0; j < u; ++j) {
                     const double z = gate(0, j);
                     const int64_t column = 2 * u + j;
                     const double inner = call.op.reset_after ? gate(1, j) * recurrent(h, column)
                                                              : recurrent(reset_h, column);
                     const double candidate =
                         apply(options.activation, static_cast<double>(x[column]) + inner);
                     new_h[j] =
                         static_cast<float>(z * static_cast<double>(h[j]) + (1 - z) * candidate);
                   }
                 });
}

void compute_simple_rnn(const Call<graph::SimpleRnn>& call) {
  const int64_t u = call.input_shape(1)[0];
  const float* kernel = call.input(1);
  const graph::RecurrentOptions& options = call.op.options;
  const Recurrence recurrence(call);
  recurrence.run({call.input(0), call.input(2), nullptr, call.input<bool>(3)},
                 {call.output(0), call.output(1), call.output(2), nullptr},
                 [&](const float* x, const float* h, const float*, float* new_h, float*) {
                   for (int64_t j = 0; j < u; ++j) {
                     const double sum = static_cast<double>(x[j]) + product(h, kernel, u, u, j);
                     new_h[j] = static_cast<float>(apply(options.activation, sum));
                   }
                 });
}

std::string refusal(const KernelRequest& request, size_t mask_input) {
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    if (i == mask_input) continue;
    if (request.present[i] && request.inputs[i].dtype != DType::kFloat32) {
      return "recurrence over " + graph::to_string(request.inputs[i]);
    }
  }
  return "";
}

}  // namespace

KernelOffer lstm(const KernelRequest& request) {
  if (std::string reason = refusal(request, graph::Lstm::kMaskInput); !reason.empty())
    return refuse(reason);
  return offer<graph::Lstm>(request, compute_lstm, {}, Recurrence::scratch_bytes(request));
}

KernelOffer gru(const KernelRequest& request) {
  if (std::string reason = refusal(request, graph::Gru::kMaskInput); !reason.empty())
    return refuse(reason);
  const auto& op = static_cast<const graph::Gru&>(request.op);
  if (!op.reset_after && request.present.size() > 4 && request.present[4]) {
    return refuse("a recurrent bias without reset_after");
  }
  return offer<graph::Gru>(request, compute_gru, {}, Recurrence::scratch_bytes(request));
}

KernelOffer simple_rnn(const KernelRequest& request) {
  if (std::string reason = refusal(request, graph::SimpleRnn::kMaskInput); !reason.empty())
    return refuse(reason);
  return offer<graph::SimpleRnn>(request, compute_simple_rnn, {},
                                 Recurrence::scratch_bytes(request));
}

}  // namespace hornet::kernels::reference
