// The loops over time of Lstm, Gru and SimpleRnn: in each step one product of all states with the
// recurrent kernel, then the gates. Where input is not projected yet, that is done for a few steps
// at a time.
#include "graph/ops/recurrent.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>

#include "base/check.h"
#include "kernels/simd/gates.h"
#include "kernels/simd/gemm.h"
#include "kernels/simd/kernels.h"
#include "kernels/simd/request.h"
#include "kernels/simd/scratch.h"

namespace hornet::kernels {
namespace {

// Rows whose distance is a power of two would fall on the same lines of the first cache level.
int64_t padded(int64_t columns) { return columns % 64 == 0 ? columns + 16 : columns; }

// What the three kernels have in common: sizes, activations, states and outputs.
class RecurrentKernel : public Kernel {
 public:
  RecurrentKernel(const KernelRequest& request, const graph::RecurrentOptions& options,
                  Activation activation, Activation recurrent_activation, size_t mask_input)
      : batch_(request.inputs[0].shape[0]),
        steps_(request.inputs[0].shape[1]),
        features_(request.inputs[0].shape[2]),
        units_(request.inputs[1].shape[0]),
        ld_(padded(units_)),
        is_projected_(!simd::present(request, graph::kProjectionInput)),
        projection_(is_projected_ ? PackedConstant() : pack_projection(request)),
        ld_projected_(padded(request.inputs[1].shape[1])),
        steps_at_once_(steps_at_once()),
        backwards_(options.go_backwards),
        zero_for_mask_(options.zero_output_for_mask),
        activation_(activation),
        recurrent_activation_(recurrent_activation),
        gates_(gate_functions()),
        mask_input_(mask_input) {}

  std::string describe() const override {
    return fmt::format("simd {} gemm a step", gemm_functions().name);
  }
  bool needs_input(size_t i) const override { return i != 1 && i != graph::kProjectionInput; }

 protected:
  using Arena = simd::ScratchArena;
  // [batch, units] with rows ld_ apart.
  float* take_state(Arena& arena) const { return arena.take(batch_ * ld_); }
  void load_state(const float* initial, float* state) const {
    for (int64_t row = 0; row < batch_; ++row) {
      if (initial == nullptr) {
        std::fill_n(state + row * ld_, units_, 0.0f);
      } else {
        std::copy_n(initial + row * units_, units_, state + row * ld_);
      }
    }
  }
  void store_state(const float* state, float* to) const {
    if (to == nullptr) return;
    for (int64_t row = 0; row < batch_; ++row) {
      std::copy_n(state + row * ld_, units_, to + row * units_);
    }
  }

  // What for_each_step() needs.
  struct Loop {
    bool* started;  // rows that had a step that is not masked
    float* projected;
    void* scratch;
  };
  Loop take_loop(Arena& arena) const {
    bool* started = arena.take<bool>(batch_);
    if (is_projected_) return {started, nullptr, nullptr};
    const int64_t rows = batch_ * steps_at_once_;
    float* projected = arena.take(rows * ld_projected_);
    return {started, projected, arena.take_for({projection_.matrix()}, rows)};
  }

  // compute(x_t, ldx) prepares step t for all rows, whose projected inputs are at x_t, ldx apart;
  // update(row) brings one row's states to what the step gives, the new h in h. A masked row is not
  // updated.
  template <class Compute, class Update>
  void for_each_step(const KernelArgs& args, const float* h, Arena& arena, Compute&& compute,
                     Update&& update) const {
    const float* x = simd::input(args, 0);
    const bool* mask = mask_input_ < args.inputs.size()
                           ? static_cast<const bool*>(args.inputs[mask_input_])
                           : nullptr;
    const auto [started, projected, scratch] = take_loop(arena);
    std::fill_n(started, batch_, false);
    float* sequence = simd::output(args, 0);
    float* last = simd::output(args, 1);
    if (steps_ == 0 && last != nullptr) std::fill_n(last, batch_ * units_, 0.0f);
    for (int64_t step = 0; step < steps_; ++step) {
      const int64_t t = backwards_ ? steps_ - 1 - step : step;
      if (is_projected_) {
        if (step + 1 < steps_) prefetch(x + (backwards_ ? t - 1 : t + 1) * features_);
        compute(x + t * features_, steps_ * features_);
      } else {
        const int64_t place = step % steps_at_once_;
        const int64_t count = std::min(steps_at_once_, steps_ - (step - place));
        if (place == 0) project(args, t, count, projected, scratch);
        if (goes_step_by_step(count)) {
          compute(projected + place * batch_ * ld_projected_, ld_projected_);
        } else {
          compute(projected + place * ld_projected_, count * ld_projected_);
        }
      }
      for (int64_t row = 0; row < batch_; ++row) {
        const bool kept = mask == nullptr || mask[row * steps_ + t];
        if (kept) {
          update(row);
          started[row] = true;
        }
        const bool zero = kept ? false : zero_for_mask_ || !started[row];
        const float* from = zero ? nullptr : h + row * ld_;
        if (sequence != nullptr) write(from, sequence + (row * steps_ + step) * units_);
        if (last != nullptr && step + 1 == steps_) write(from, last + row * units_);
      }
    }
  }

  const int64_t batch_, steps_, features_, units_, ld_;
  const bool is_projected_;  // the input
  const PackedConstant projection_;
  const int64_t ld_projected_, steps_at_once_;
  const bool backwards_, zero_for_mask_;
  const Activation activation_, recurrent_activation_;
  const GateFunctions& gates_;

 private:
  static PackedConstant pack_projection(const KernelRequest& request) {
    constexpr size_t kInput = graph::kProjectionInput;
    const Shape& shape = request.inputs[kInput].shape;
    return PackedConstant(request.packed, simd::key_of(request, kInput),
                          request.constants[kInput]->as<float>(), shape[1], 1, shape[0], shape[1]);
  }

  // Steps whose projected input stays in the second cache level, in equal blocks.
  int64_t steps_at_once() const {
    constexpr int64_t kBlockFloats = 64 << 10;
    const int64_t most =
        std::max<int64_t>(kBlockFloats / std::max<int64_t>(batch_ * ld_projected_, 1), 1);
    const int64_t blocks = std::max<int64_t>((steps_ + most - 1) / most, 1);
    return std::max<int64_t>((steps_ + blocks - 1) / blocks, 1);
  }

  // Whether what `count` steps project lies step by step, not row by row. Products that do not pack
  // their rows are computed for a row of the batch, or for a step, at a time: for the longer one.
  bool goes_step_by_step(int64_t count) const { return count < batch_; }

  // The projected inputs of `count` steps from t on, in the order in which they are used.
  void project(const KernelArgs& args, int64_t t, int64_t count, float* projected,
               void* scratch) const {
    const float* x = simd::input(args, 0) + t * features_;
    const int64_t to_next_row = steps_ * features_;
    const int64_t to_next_step = backwards_ ? -features_ : features_;
    const RowsInRuns rows = goes_step_by_step(count)
                                ? RowsInRuns{&x, 1, features_, to_next_row, batch_, to_next_step}
                                : RowsInRuns{&x, 1, features_, to_next_step, count, to_next_row};
    gemm(projection_.matrix(), rows, batch_ * count, projected, ld_projected_,
         {simd::input(args, graph::kProjectionInput + 1), nullptr, 0, {}}, scratch);
  }

  // A step of a batch is many short pieces far apart, which the hardware does not foresee.
  void prefetch(const float* x) const {
    for (int64_t row = 0; row < batch_; ++row) {
      for (int64_t i = 0; i < features_; i += 16) __builtin_prefetch(x + i, 0, 2);
      x += steps_ * features_;
    }
  }

  void write(const float* h, float* to) const {
    if (h == nullptr) {
      std::fill_n(to, units_, 0.0f);
    } else {
      std::copy_n(h, units_, to);
    }
  }

  const size_t mask_input_;
};

class LstmKernel final : public RecurrentKernel {
 public:
  LstmKernel(const KernelRequest& request, const graph::RecurrentOptions& options, Activation f,
             Activation g, PackedConstant kernel)
      : RecurrentKernel(request, options, f, g, graph::Lstm::kMaskInput),
        kernel_(std::move(kernel)),
        ldz_(padded(4 * units_)),
        lstm_{gates_, f, g, units_} {}

  size_t scratch_bytes() const override {
    Arena arena;
    take(arena);
    take_loop(arena);
    return arena.bytes();
  }

  void run(const KernelArgs& args, KernelState*) const override {
    Arena arena(args.scratch);
    const auto [h, c, z, scratch] = take(arena);
    load_state(simd::input(args, 2), h);
    load_state(simd::input(args, 3), c);
    const auto compute = [&, h = h, z = z, scratch = scratch](const float* x, int64_t ldx) {
      gemm(kernel_.matrix(), h, ld_, batch_, z, ldz_, {nullptr, x, ldx, {}}, scratch);
      lstm_.activate(z, ldz_, batch_);
    };
    const auto update = [&, h = h, c = c, z = z](int64_t row) {
      lstm_.update(z + row * ldz_, c + row * ld_, h + row * ld_);
    };
    for_each_step(args, h, arena, compute, update);
    store_state(h, simd::output(args, 2));
    store_state(c, simd::output(args, 3));
  }

 private:
  struct States {
    float *h, *c, *z;
    void* scratch;
  };
  States take(Arena& arena) const {
    float* h = take_state(arena);
    float* c = take_state(arena);
    float* z = arena.take(batch_ * ldz_);
    return {h, c, z, arena.take_for({kernel_.matrix()}, batch_)};
  }

  const PackedConstant kernel_;
  const int64_t ldz_;
  const LstmGates lstm_;
};

class GruKernel final : public RecurrentKernel {
 public:
  GruKernel(const KernelRequest& request, const graph::RecurrentOptions& options, Activation f,
            Activation g, bool reset_after, PackedConstant gate_kernel,
            PackedConstant candidate_kernel)
      : RecurrentKernel(request, options, f, g, graph::Gru::kMaskInput),
        reset_after_(reset_after),
        gate_kernel_(std::move(gate_kernel)),
        candidate_kernel_(std::move(candidate_kernel)),
        ldz_(padded(2 * units_)) {}

  size_t scratch_bytes() const override {
    Arena arena;
    take(arena);
    take_loop(arena);
    return arena.bytes();
  }

  void run(const KernelArgs& args, KernelState*) const override {
    Arena arena(args.scratch);
    const States states = take(arena);
    float* const h = states.h;
    float* const z = states.z;  // z and r
    float* const candidate = states.candidate;
    float* const reset = states.reset;
    const int64_t u = units_;
    const float* bias = simd::input(args, 4);
    const float* candidate_bias = bias == nullptr ? nullptr : bias + 2 * u;
    load_state(simd::input(args, 2), h);
    const auto compute = [&](const float* x, int64_t ldx) {
      gemm(gate_kernel_.matrix(), h, ld_, batch_, z, ldz_, {bias, x, ldx, {}}, states.scratch);
      apply_to(recurrent_activation_, z, ldz_, z, ldz_, batch_, 2 * u);
      if (reset_after_) {
        gemm(candidate_kernel_.matrix(), h, ld_, batch_, candidate, ld_,
             {candidate_bias, nullptr, 0, {}}, states.scratch);
        for (int64_t row = 0; row < batch_; ++row) {
          gates_.product_and_sum(x + row * ldx + 2 * u, z + row * ldz_ + u, candidate + row * ld_,
                                 candidate + row * ld_, u);
        }
      } else {
        for (int64_t row = 0; row < batch_; ++row) {
          gates_.product(z + row * ldz_ + u, h + row * ld_, reset + row * ld_, u);
        }
        gemm(candidate_kernel_.matrix(), reset, ld_, batch_, candidate, ld_,
             {nullptr, x + 2 * u, ldx, {}}, states.scratch);
      }
      apply_to(activation_, candidate, ld_, candidate, ld_, batch_, u);
    };
    const auto update = [&](int64_t row) {
      gates_.blend(z + row * ldz_, h + row * ld_, candidate + row * ld_, h + row * ld_, u);
    };
    for_each_step(args, h, arena, compute, update);
    store_state(h, simd::output(args, 2));
  }

 private:
  struct States {
    float *h, *z, *candidate, *reset;
    void* scratch;
  };
  States take(Arena& arena) const {
    float* h = take_state(arena);
    float* z = arena.take(batch_ * ldz_);
    float* candidate = take_state(arena);
    float* reset = reset_after_ ? nullptr : take_state(arena);
    return {h, z, candidate, reset,
            arena.take_for({gate_kernel_.matrix(), candidate_kernel_.matrix()}, batch_)};
  }

  const bool reset_after_;
  const PackedConstant gate_kernel_, candidate_kernel_;  // [units, 2 units], [units, units]
  const int64_t ldz_;
};

class SimpleRnnKernel final : public RecurrentKernel {
 public:
  SimpleRnnKernel(const KernelRequest& request, const graph::RecurrentOptions& options,
                  Activation f, PackedConstant kernel)
      : RecurrentKernel(request, options, f, {}, graph::SimpleRnn::kMaskInput),
        kernel_(std::move(kernel)) {}

  size_t scratch_bytes() const override {
    Arena arena;
    take_state(arena);
    take_state(arena);
    arena.take_for({kernel_.matrix()}, batch_);
    take_loop(arena);
    return arena.bytes();
  }

  void run(const KernelArgs& args, KernelState*) const override {
    Arena arena(args.scratch);
    float* h = take_state(arena);
    float* next = take_state(arena);
    void* scratch = arena.take_for({kernel_.matrix()}, batch_);
    load_state(simd::input(args, 2), h);
    const auto compute = [&](const float* x, int64_t ldx) {
      gemm(kernel_.matrix(), h, ld_, batch_, next, ld_, {nullptr, x, ldx, activation_}, scratch);
    };
    const auto update = [&](int64_t row) { std::copy_n(next + row * ld_, units_, h + row * ld_); };
    for_each_step(args, h, arena, compute, update);
    store_state(h, simd::output(args, 2));
  }

 private:
  const PackedConstant kernel_;
};

// "" where the request is one that these kernels take; fills in the activations.
std::string refusal(const KernelRequest& request, const graph::RecurrentOptions& options,
                    size_t mask_input, Activation* activation, Activation* recurrent_activation) {
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    if (i != mask_input && !simd::is_float(request, i)) {
      return "operands of other types than float32";
    }
  }
  if (!simd::is_constant(request, 1)) return "a recurrent kernel that is computed";
  if (simd::present(request, graph::kProjectionInput) &&
      !simd::is_constant(request, graph::kProjectionInput)) {
    return "a projection kernel that is computed";
  }
  const auto f = find_activation(options.activation);
  if (!f) return "activation " + options.activation.to_string();
  const auto g = find_activation(options.recurrent_activation);
  if (!g) return "recurrent activation " + options.recurrent_activation.to_string();
  *activation = *f;
  *recurrent_activation = *g;
  return "";
}

// Columns [first, first + count) of the recurrent kernel.
PackedConstant pack_columns(const KernelRequest& request, int64_t first, int64_t count) {
  const Shape& shape = request.inputs[1].shape;
  return PackedConstant(request.packed,
                        fmt::format("{} columns from {}", simd::key_of(request, 1), first),
                        request.constants[1]->as<float>() + first, shape[1], 1, shape[0], count);
}

}  // namespace

KernelOffer simd_lstm(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Lstm&>(request.op);
  Activation f, g;
  std::string reason = refusal(request, op.options, graph::Lstm::kMaskInput, &f, &g);
  if (!reason.empty()) return simd::refuse(reason);
  return {std::make_unique<LstmKernel>(request, op.options, f, g,
                                       pack_columns(request, 0, request.inputs[1].shape[1])),
          ""};
}

KernelOffer simd_gru(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Gru&>(request.op);
  Activation f, g;
  std::string reason = refusal(request, op.options, graph::Gru::kMaskInput, &f, &g);
  if (!reason.empty()) return simd::refuse(reason);
  if (!op.reset_after && simd::present(request, 4)) {
    return simd::refuse("a recurrent bias without reset_after");
  }
  const int64_t units = request.inputs[1].shape[0];
  return {std::make_unique<GruKernel>(request, op.options, f, g, op.reset_after,
                                      pack_columns(request, 0, 2 * units),
                                      pack_columns(request, 2 * units, units)),
          ""};
}

KernelOffer simd_simple_rnn(const KernelRequest& request) {
  const auto& op = static_cast<const graph::SimpleRnn&>(request.op);
  Activation f, g;
  std::string reason = refusal(request, op.options, graph::SimpleRnn::kMaskInput, &f, &g);
  if (!reason.empty()) return simd::refuse(reason);
  return {std::make_unique<SimpleRnnKernel>(request, op.options, f,
                                            pack_columns(request, 0, request.inputs[1].shape[1])),
          ""};
}

}  // namespace hornet::kernels
