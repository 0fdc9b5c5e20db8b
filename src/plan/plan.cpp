#include "plan/plan.h"

#include <algorithm>

#include "base/check.h"
#include "plan/arena.h"
#include "plan/program.h"
#include "plan/row_by_row.h"

namespace hornet::plan {

using graph::TensorType;

struct Plan::Impl {
  // The first is executed for one row after the other, the last for all: what it reads lies row by
  // row, in front of the memory that both use.
  std::unique_ptr<const Program> row_by_row;  // null: there is one program
  std::unique_ptr<const Program> last;
  size_t rows = 1;
  std::vector<TensorType> input_types;
  size_t between_bytes = 0;
  size_t weight_bytes = 0;

  size_t programs_bytes() const {
    return std::max(row_by_row == nullptr ? 0 : row_by_row->arena_bytes(), last->arena_bytes());
  }
};

namespace {

int64_t number_of_rows(const std::vector<Shape>& input_shapes) {
  HORNET_CHECK(!input_shapes.empty());
  for (const Shape& shape : input_shapes) {
    HORNET_CHECK(!shape.empty() && shape.front() == input_shapes[0].front());
  }
  return input_shapes[0].front();
}

}  // namespace

Plan::Plan(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Plan::~Plan() = default;

std::unique_ptr<const Plan> Plan::compile(const graph::Graph& graph,
                                          const std::vector<Shape>& input_shapes,
                                          kernels::PackedWeights& packed,
                                          const PlanOptions& options) {
  auto impl = std::make_unique<Impl>();
  Part last = {0, static_cast<int>(graph.nodes().size()), graph.inputs(), graph.outputs()};
  const std::vector<TensorType> types = graph.infer_types_for(input_shapes);
  if (options.nodes_row_by_row > 0 && number_of_rows(input_shapes) > 1) {
    std::vector<Shape> one_row = input_shapes;
    for (Shape& shape : one_row) shape.front() = 1;
    const std::optional<graph::ValueId> between = value_between(graph, options.nodes_row_by_row);
    HORNET_CHECK(between.has_value());
    last.first_node = options.nodes_row_by_row;
    last.inputs = {*between};
    const Part first = {0, last.first_node, graph.inputs(), last.inputs};
    impl->row_by_row = std::make_unique<const Program>(graph, first, graph.infer_types_for(one_row),
                                                       packed, options);
    impl->rows = static_cast<size_t>(number_of_rows(input_shapes));
  }
  for (const graph::ValueId id : graph.inputs()) {
    const TensorType& type = types[static_cast<size_t>(id)];
    impl->input_types.push_back({graph::storage_dtype(type.dtype), type.shape});
  }
  impl->last = std::make_unique<const Program>(graph, last, types, packed, options);
  packed.start_filling();
  impl->weight_bytes = impl->last->constant_bytes() + packed.total_bytes();
  if (impl->row_by_row != nullptr) {
    impl->weight_bytes += impl->row_by_row->constant_bytes();
    const TensorType& between = impl->last->input_types()[0];
    impl->between_bytes = aligned_to_arena(graph::storage_bytes(between));
  }
  return std::unique_ptr<const Plan>(new Plan(std::move(impl)));
}

const std::vector<TensorType>& Plan::input_types() const { return impl_->input_types; }
const std::vector<TensorType>& Plan::output_types() const { return impl_->last->output_types(); }
size_t Plan::arena_bytes() const { return impl_->between_bytes + impl_->programs_bytes(); }
size_t Plan::num_steps() const {
  return (impl_->row_by_row == nullptr ? 0 : impl_->row_by_row->num_steps()) +
         impl_->last->num_steps();
}
size_t Plan::weight_bytes() const { return impl_->weight_bytes; }
size_t Plan::working_set_bytes() const {
  const size_t last = impl_->last->working_set_bytes();
  return impl_->row_by_row == nullptr ? last
                                      : std::max(last, impl_->row_by_row->working_set_bytes());
}
double Plan::flops() const {
  double flops = impl_->last->flops();
  if (impl_->row_by_row != nullptr) {
    flops += static_cast<double>(impl_->rows) * impl_->row_by_row->flops();
  }
  return flops;
}

struct WorkerState::Impl {
  Tensor arena;  // `between` in front
  std::byte* between = nullptr;
  std::unique_ptr<ProgramState> row_by_row, last;
  std::vector<const void*> inputs;  // of a row
};

WorkerState::WorkerState(const Plan& plan) : impl_(std::make_unique<Impl>()) {
  const Plan::Impl& p = *plan.impl_;
  impl_->arena = Tensor(DType::kUInt8, {static_cast<int64_t>(plan.arena_bytes())});
  impl_->between = static_cast<std::byte*>(impl_->arena.mutable_data());
  std::byte* const arena = impl_->between + p.between_bytes;
  if (p.row_by_row != nullptr) {
    impl_->row_by_row = std::make_unique<ProgramState>(*p.row_by_row, arena);
    impl_->inputs.resize(p.input_types.size());
  }
  impl_->last = std::make_unique<ProgramState>(*p.last, arena);
}

WorkerState::~WorkerState() = default;

// execute(program, io, state, index of its first step)
template <class Execute>
void Plan::run(const PlanIo& io, WorkerState& worker, const Execute& execute) const {
  WorkerState::Impl& state = *worker.impl_;
  const Impl& p = *impl_;
  if (p.row_by_row == nullptr) {
    execute(*p.last, io, *state.last, 0);
    return;
  }
  HORNET_CHECK(io.inputs.size() == p.input_types.size());
  const size_t between_bytes = graph::storage_bytes(p.row_by_row->output_types()[0]);
  for (size_t row = 0; row < p.rows; ++row) {
    for (size_t i = 0; i < state.inputs.size(); ++i) {
      state.inputs[i] = static_cast<const std::byte*>(io.inputs[i]) +
                        row * graph::storage_bytes(p.row_by_row->input_types()[i]);
    }
    void* const output = state.between + row * between_bytes;
    execute(*p.row_by_row, {state.inputs, {&output, 1}}, *state.row_by_row, 0);
  }
  const void* const input = state.between;
  execute(*p.last, {{&input, 1}, io.outputs}, *state.last, p.row_by_row->num_steps());
}

void Plan::execute(const PlanIo& io, WorkerState& state) const {
  run(io, state, [](const Program& program, const PlanIo& part, ProgramState& of_part, size_t) {
    program.execute(part, of_part);
  });
}

void Plan::execute_timed(const PlanIo& io, WorkerState& state, std::span<double> seconds) const {
  HORNET_CHECK(seconds.size() == num_steps());
  std::fill(seconds.begin(), seconds.end(), 0.0);
  run(io, state,
      [&](const Program& program, const PlanIo& part, ProgramState& of_part, size_t first) {
        program.execute_timed(part, of_part, seconds.subspan(first, program.num_steps()));
      });
}

std::vector<StepInfo> Plan::steps() const {
  std::vector<StepInfo> steps;
  if (impl_->row_by_row != nullptr) {
    steps = impl_->row_by_row->steps();
    for (StepInfo& step : steps) {
      step.flops *= static_cast<double>(impl_->rows);
      step.bytes *= impl_->rows;
    }
  }
  const std::vector<StepInfo> last = impl_->last->steps();
  steps.insert(steps.end(), last.begin(), last.end());
  return steps;
}

std::string Plan::to_string() const {
  std::string text =
      fmt::format("{:>4}  {:<15} {:<34} {:<22} {:>10} {:>10}  {}\n", "step", "op", "primitive",
                  "layout", "KiB", "MFLOP", "output, attributes, layer");
  size_t first_of_last = 0;
  if (impl_->row_by_row != nullptr) {
    first_of_last = impl_->row_by_row->num_steps();
    text += fmt::format("{}for all {} rows, after these steps for one after the other\n",
                        impl_->row_by_row->to_string(0), impl_->rows);
  }
  text += impl_->last->to_string(first_of_last);
  constexpr double kMega = 1e6;
  text += fmt::format("{} steps, {:.3f} MFLOP, arena {} bytes a worker, weights {} bytes shared\n",
                      num_steps(), flops() / kMega, arena_bytes(), impl_->weight_bytes);
  return text;
}

}  // namespace hornet::plan
