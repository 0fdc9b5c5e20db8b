#include "plan/program.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>

#include "base/check.h"
#include "kernels/pair.h"
#include "plan/arena.h"

namespace hornet::plan {
namespace {

using graph::kNoValue;
using graph::TensorType;
using graph::ValueId;
using kernels::Kernel;
using kernels::Layout;

// Where the bytes of a value are when a step runs.
struct Place {
  enum class Kind { kNone, kArena, kInput, kOutput, kConstant };
  Kind kind = Kind::kNone;
  // kArena: of the buffer; kInput, kOutput: of the program's inputs or outputs; kConstant: of the
  // value.
  size_t index = 0;
  const void* data = nullptr;  // kConstant
  size_t offset = 0;           // kArena: in the buffer
};

struct Step {
  std::shared_ptr<const Kernel> kernel;
  std::vector<Place> inputs, outputs;
  size_t packed_weights = 0;  // so many have to be there
  std::string layer;
  // For printing.
  std::string name, attributes, types, layouts;
  size_t bytes = 0;  // inputs and outputs, constants included
  double flops = 0;
};

// A step that brings a value into another layout.
class ReorderKernel final : public Kernel {
 public:
  ReorderKernel(Shape shape, Layout from, Layout to)
      : shape_(std::move(shape)), from_(from), to_(to) {}
  std::string describe() const override { return "reorder"; }
  Layout input_layout(size_t) const override { return from_; }
  Layout output_layout(size_t) const override { return to_; }
  void run(const kernels::KernelArgs& args, kernels::KernelState*) const override {
    kernels::reorder(shape_, from_, static_cast<const float*>(args.inputs[0]), to_,
                     static_cast<float*>(args.outputs[0]));
  }

 private:
  Shape shape_;
  Layout from_, to_;
};

class CopyKernel final : public Kernel {
 public:
  explicit CopyKernel(size_t bytes) : bytes_(bytes) {}
  std::string describe() const override { return "memcpy"; }
  void run(const kernels::KernelArgs& args, kernels::KernelState*) const override {
    if (bytes_ > 0) std::memcpy(args.outputs[0], args.inputs[0], bytes_);
  }

 private:
  size_t bytes_;
};

// What `choose` returns; its errors name the layer.
template <class Choose>
auto naming_layer(const std::string& layer, const Choose& choose) {
  try {
    return choose();
  } catch (const Error& error) {
    fail(error.code(), "{}: {}", layer, error.message());
  }
}

TensorType storage_type(const TensorType& type) {
  return {graph::storage_dtype(type.dtype), type.shape};
}

}  // namespace

struct Program::Impl {
  explicit Impl(kernels::PackedWeights& weights) : packed(weights) {}

  kernels::PackedWeights& packed;
  std::vector<Step> steps;
  std::vector<TensorType> input_types, output_types;
  std::vector<size_t> buffer_offsets;
  size_t arena_bytes = 0;  // buffers and scratch
  size_t scratch_offset = 0;
  size_t constant_bytes = 0, working_set_bytes = 0;
  double flops = 0;
};

namespace {

// Compiles a part of a graph: walks the nodes in order, then places what they left.
class Compiler {
 public:
  Compiler(const graph::Graph& graph, const Part& part, std::vector<TensorType> types,
           kernels::PackedWeights& packed, const PlanOptions& options, Program::Impl& program)
      : graph_(graph),
        part_(part),
        packed_(packed),
        options_(options),
        program_(program),
        types_(std::move(types)) {
    const size_t num_values = graph.values().size();
    storage_.assign(num_values, kNoStorage);
    layouts_.assign(num_values, Layout::plain());
    last_use_.assign(num_values, -1);
  }

  void run() {
    find_last_uses();
    place_inputs_and_constants();
    for (int i = part_.first_node; i < part_.end_node; ++i) {
      if (compile_pair(i)) {
        ++i;
      } else {
        compile_node(i);
      }
    }
    place_outputs();
    lay_out_arena();
    summarize();
  }

 private:
  static constexpr int kNoStorage = -1;
  // Memory that one or several values share: a reshaped value, a result computed in place.
  struct Storage {
    Place place;
    size_t bytes = 0;
    int first = 0, last = 0;  // steps
    int last_read = -1;       // node
    // kArena: the storage in whose buffer this one is, at another offset; kNoStorage: in its own.
    int overlaps = kNoStorage;
  };

  const TensorType& type(ValueId id) const { return types_[static_cast<size_t>(id)]; }
  int storage(ValueId id) const { return storage_[static_cast<size_t>(id)]; }
  // From here on the value is in that memory, which is read as long as the value is.
  void put(ValueId id, int storage_index) {
    storage_[static_cast<size_t>(id)] = storage_index;
    read_until(storage_index, last_use(id));
  }
  void read_until(int storage_index, int node_index) {
    int& last = storages_[static_cast<size_t>(storage_index)].last_read;
    last = std::max(last, node_index);
  }
  Layout& layout(ValueId id) { return layouts_[static_cast<size_t>(id)]; }
  int last_use(ValueId id) const { return last_use_[static_cast<size_t>(id)]; }

  void find_last_uses() {
    for (int i = part_.first_node; i < part_.end_node; ++i) {
      for (const ValueId id : graph_.nodes()[static_cast<size_t>(i)].inputs) {
        if (id != kNoValue) last_use_[static_cast<size_t>(id)] = i;
      }
    }
    for (const ValueId id : part_.outputs) last_use_[static_cast<size_t>(id)] = part_.end_node;
  }

  int new_storage(Place place, size_t bytes) {
    storages_.push_back({place, bytes, num_steps(), num_steps(), -1});
    return static_cast<int>(storages_.size() - 1);
  }

  int num_steps() const { return static_cast<int>(program_.steps.size()); }

  void place_inputs_and_constants() {
    for (size_t i = 0; i < part_.inputs.size(); ++i) {
      const ValueId id = part_.inputs[i];
      program_.input_types.push_back(storage_type(type(id)));
      put(id, new_storage({Place::Kind::kInput, i, nullptr}, graph::storage_bytes(type(id))));
    }
    for (size_t i = 0; i < graph_.values().size(); ++i) {
      const graph::Value& value = graph_.values()[i];
      if (!value.is_constant || !value.data) continue;
      put(static_cast<ValueId>(i),
          new_storage({Place::Kind::kConstant, i, nullptr}, value.data->num_bytes()));
    }
    // An output is computed where it is wanted, unless it is an input, a constant or wanted twice.
    for (size_t i = 0; i < part_.outputs.size(); ++i) {
      const ValueId id = part_.outputs[i];
      program_.output_types.push_back(storage_type(type(id)));
      output_index_.emplace(id, i);
    }
  }

  kernels::KernelRequest request_for(const graph::Node& node) {
    kernels::KernelRequest request{*node.op, {}, {}, {}, {}, {}, {}, packed_};
    for (const ValueId id : node.inputs) {
      const bool present = id != kNoValue;
      request.present.push_back(present);
      request.inputs.push_back(present ? storage_type(type(id)) : TensorType{});
      request.input_ids.push_back(id);
      const bool constant = present && graph_.value(id).is_constant;
      request.constants.push_back(constant ? graph_.value(id).data : std::nullopt);
      request.input_layouts.push_back(present ? layout(id) : Layout::plain());
    }
    for (const ValueId id : node.outputs) {
      request.outputs.push_back(id == kNoValue ? TensorType{} : storage_type(type(id)));
    }
    return request;
  }

  // A view of the same elements: no step.
  bool alias(const graph::Node& node) {
    if (node.op->name() != "reshape" || !layout(node.inputs[0]).is_plain()) return false;
    put(node.outputs[0], storage(node.inputs[0]));
    return true;
  }

  // The storage of `id` in the layout `wanted`: its own, or that of a copy made by a new step.
  int in_layout(ValueId id, Layout wanted, const std::string& layer) {
    if (layout(id) == wanted) return storage(id);
    const auto key = std::make_pair(id, wanted.channel_block);
    if (const auto found = reordered_.find(key); found != reordered_.end()) return found->second;
    const int copy = new_storage({Place::Kind::kArena, 0, nullptr}, graph::storage_bytes(type(id)));
    Step step;
    step.kernel = std::make_shared<ReorderKernel>(type(id).shape, layout(id), wanted);
    step.name = "reorder";
    step.layer = layer;
    step.types = to_string(type(id));
    step.layouts = layout(id).to_string() + " -> " + wanted.to_string();
    add_step(std::move(step), {storage(id)}, {copy});
    reordered_.emplace(key, copy);
    read_until(copy, last_use(id));
    return copy;
  }

  void add_step(Step step, const std::vector<int>& inputs, const std::vector<int>& outputs) {
    const int index = num_steps();
    for (const int s : inputs) {
      if (s != kNoStorage) storages_[static_cast<size_t>(s)].last = index;
    }
    for (const int s : outputs) {
      if (s == kNoStorage) continue;
      storages_[static_cast<size_t>(s)].last = index;
    }
    program_.steps.push_back(std::move(step));
    step_inputs_.push_back(inputs);
    step_outputs_.push_back(outputs);
  }

  // The storage for output `k`: that of an input the kernel may overwrite and nobody reads again,
  // or a new one.
  int storage_for_output(ValueId id, size_t k, const Kernel& kernel, const std::vector<int>& inputs,
                         int index) {
    if (id == kNoValue) return kNoStorage;
    const size_t bytes = graph::storage_bytes(type(id));
    const auto output = output_index_.find(id);
    if (output != output_index_.end()) {
      return new_storage({Place::Kind::kOutput, output->second, nullptr}, bytes);
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (kernel.in_place_output(i) != static_cast<int>(k)) continue;
      if (may_be_overwritten(inputs, i, index) &&
          storages_[static_cast<size_t>(inputs[i])].bytes == bytes) {
        return inputs[i];
      }
    }
    const int storage_index = new_storage({Place::Kind::kArena, 0, nullptr}, bytes);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Kernel::Overlap overlap = kernel.overlapping_output(i);
      if (overlap.output != static_cast<int>(k) || !may_be_overwritten(inputs, i, index)) continue;
      Storage& input = storages_[static_cast<size_t>(inputs[i])];
      if (input.overlaps != kNoStorage || !is_worth(overlap.lead, input.bytes, id, index)) continue;
      input.place.offset = overlap.lead;
      storages_[static_cast<size_t>(storage_index)].overlaps = inputs[i];
      break;
    }
    return storage_index;
  }

  // Whether output `id` of node `index` should lie in the memory of an input of `bytes`, `lead` in
  // front of it: where that spares at least half of what the output takes, and where they are not
  // much more than the output itself, or the next node is the last to read it.
  bool is_worth(size_t lead, size_t bytes, ValueId id, int index) const {
    const size_t alone = graph::storage_bytes(type(id));
    return lead <= alone / 2 && (lead + bytes <= alone + alone / 2 || last_use(id) == index + 1);
  }

  // Whether a step for node `index` that reads `inputs` may write where input i is.
  bool may_be_overwritten(const std::vector<int>& inputs, size_t i, int index) const {
    if (inputs[i] == kNoStorage) return false;
    const bool once = std::count(inputs.begin(), inputs.end(), inputs[i]) == 1;
    return once && storages_[static_cast<size_t>(inputs[i])].place.kind == Place::Kind::kArena &&
           !is_read_after(inputs[i], index);
  }

  bool is_read_after(int storage_index, int node_index) const {
    return storages_[static_cast<size_t>(storage_index)].last_read > node_index;
  }

  // Whether the node behind `index` reads what this one gives, as its data.
  bool feeds_next(int index) const {
    if (index + 1 >= part_.end_node) return false;
    const auto& nodes = graph_.nodes();
    const graph::Node &first = nodes[static_cast<size_t>(index)],
                      &second = nodes[static_cast<size_t>(index) + 1];
    if (first.outputs.size() != 1 || second.outputs.size() != 1) return false;
    const ValueId value = first.outputs[0];
    return second.inputs[0] == value &&
           std::count(second.inputs.begin(), second.inputs.end(), value) == 1;
  }

  // One step for two nodes, where there is a kernel for them.
  bool compile_pair(int index) {
    if (!feeds_next(index)) return false;
    const graph::Node& first = graph_.nodes()[static_cast<size_t>(index)];
    const graph::Node& second = graph_.nodes()[static_cast<size_t>(index) + 1];
    const bool keeps_first = last_use(first.outputs[0]) > index + 1;
    const kernels::KernelRequest one = request_for(first), two = request_for(second);
    Step step;
    step.kernel = naming_layer(first.layer, [&] {
      return kernels::choose_pair_kernel(one, two, keeps_first, {options_.reference_only});
    });
    if (step.kernel == nullptr) return false;
    step.packed_weights = std::max(one.packed.needed(), two.packed.needed());
    const double first_flops = first.op->flops(one.inputs, one.outputs);
    const double second_flops = second.op->flops(two.inputs, two.outputs);
    const graph::Node& larger = first_flops > second_flops ? first : second;
    step.layer = first.layer;
    step.name = larger.op->name();
    step.attributes = first.op->attributes() + " + " + second.op->attributes();
    step.layouts = "plain -> plain";
    step.flops = first_flops + second_flops;
    std::vector<ValueId> ids(first.inputs.begin(), first.inputs.end());
    ids.resize(kernels::kFirstInputsOfPair, kNoValue);
    ids.insert(ids.end(), second.inputs.begin() + 1, second.inputs.end());
    std::vector<int> inputs, outputs;
    for (size_t i = 0; i < ids.size(); ++i) {
      const bool read = ids[i] != kNoValue && step.kernel->needs_input(i);
      inputs.push_back(read ? in_layout(ids[i], Layout::plain(), first.layer) : kNoStorage);
      if (ids[i] != kNoValue) step.bytes += graph::storage_bytes(type(ids[i]));
    }
    std::vector<ValueId> results = {second.outputs[0]};
    if (keeps_first) results.push_back(first.outputs[0]);
    for (size_t k = 0; k < results.size(); ++k) {
      outputs.push_back(storage_for_output(results[k], k, *step.kernel, inputs, index + 1));
      add_result(step, results[k], outputs.back(), Layout::plain());
    }
    add_step(std::move(step), inputs, outputs);
    return true;
  }

  // What `step` gives, for its text too.
  void add_result(Step& step, ValueId id, int storage_index, Layout in) {
    put(id, storage_index);
    layout(id) = in;
    step.types += (step.types.empty() ? "" : ", ") + to_string(storage_type(type(id)));
    step.bytes += graph::storage_bytes(type(id));
  }

  void compile_node(int index) {
    const graph::Node& node = graph_.nodes()[static_cast<size_t>(index)];
    if (alias(node)) return;
    const kernels::KernelRequest request = request_for(node);
    const std::shared_ptr<const Kernel> kernel = naming_layer(
        node.layer, [&] { return kernels::choose_kernel(request, {options_.reference_only}); });
    Step step;
    step.kernel = kernel;
    step.packed_weights = request.packed.needed();
    step.layer = node.layer;
    step.name = node.op->name();
    step.attributes = node.op->attributes();
    std::vector<int> inputs, outputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      const bool read = id != kNoValue && kernel->needs_input(i);
      inputs.push_back(read ? in_layout(id, kernel->input_layout(i), node.layer) : kNoStorage);
      if (id == kNoValue) continue;
      step.bytes += graph::storage_bytes(type(id));
      if (!graph_.value(id).is_constant) {
        step.layouts += (step.layouts.empty() ? "" : ",") + kernel->input_layout(i).to_string();
      }
    }
    step.layouts += " -> " + kernel->output_layout(0).to_string();
    for (size_t k = 0; k < node.outputs.size(); ++k) {
      outputs.push_back(storage_for_output(node.outputs[k], k, *kernel, inputs, index));
      if (node.outputs[k] == kNoValue) continue;
      add_result(step, node.outputs[k], outputs.back(), kernel->output_layout(k));
    }
    step.flops = node.op->flops(request.inputs, request.outputs);
    add_step(std::move(step), inputs, outputs);
  }

  // Outputs that were not computed in place: inputs, constants, views, blocked layouts,
  // repetitions.
  void place_outputs() {
    for (size_t i = 0; i < part_.outputs.size(); ++i) {
      const ValueId id = part_.outputs[i];
      const int source = in_layout(id, Layout::plain(), "output");
      Place& place = storages_[static_cast<size_t>(source)].place;
      if (place.kind == Place::Kind::kOutput && place.index == i) continue;
      if (place.kind == Place::Kind::kArena) {
        place = {Place::Kind::kOutput, i, nullptr};
        storages_[static_cast<size_t>(source)].overlaps = kNoStorage;
        continue;
      }
      const size_t bytes = graph::storage_bytes(type(id));
      Step step;
      step.kernel = std::make_shared<CopyKernel>(bytes);
      step.name = "copy";
      step.layer = "output";
      step.types = to_string(storage_type(type(id)));
      step.layouts = "plain -> plain";
      step.bytes = 2 * bytes;
      add_step(std::move(step), {source}, {new_storage({Place::Kind::kOutput, i, nullptr}, bytes)});
    }
  }

  void lay_out_arena() {
    std::vector<Lifetime> lifetimes;
    for (Storage& s : storages_) {
      if (s.place.kind != Place::Kind::kArena) continue;
      if (s.overlaps != kNoStorage) {  // with one before it
        s.place.index = storages_[static_cast<size_t>(s.overlaps)].place.index;
        Lifetime& both = lifetimes[s.place.index];
        both.bytes = std::max(both.bytes, s.bytes);
        both.last = std::max(both.last, s.last);
        continue;
      }
      s.place.index = lifetimes.size();
      lifetimes.push_back({s.place.offset + s.bytes, s.first, s.last});
    }
    const ArenaLayout arena = place_buffers(lifetimes);
    program_.buffer_offsets = arena.offsets;
    size_t scratch = 0;
    for (const Step& step : program_.steps)
      scratch = std::max(scratch, step.kernel->scratch_bytes());
    program_.scratch_offset = arena.bytes;
    program_.arena_bytes = arena.bytes + scratch;
  }

  void summarize() {
    const auto places = [&](const std::vector<int>& indices) {
      std::vector<Place> result;
      for (const int s : indices) {
        Place place = s == kNoStorage ? Place{} : storages_[static_cast<size_t>(s)].place;
        if (place.kind == Place::Kind::kConstant) {
          place.data = graph_.values()[place.index].data->data();
        }
        result.push_back(place);
      }
      return result;
    };
    for (size_t i = 0; i < program_.steps.size(); ++i) {
      Step& step = program_.steps[i];
      step.inputs = places(step_inputs_[i]);
      step.outputs = places(step_outputs_[i]);
      program_.flops += step.flops;
      program_.working_set_bytes =
          std::max(program_.working_set_bytes, step.bytes + step.kernel->scratch_bytes());
    }
    std::vector<bool> counted(storages_.size(), false);
    for (const auto& inputs : step_inputs_) {
      for (const int s : inputs) {
        if (s == kNoStorage || counted[static_cast<size_t>(s)]) continue;
        counted[static_cast<size_t>(s)] = true;
        const Storage& storage = storages_[static_cast<size_t>(s)];
        if (storage.place.kind == Place::Kind::kConstant) program_.constant_bytes += storage.bytes;
      }
    }
  }

  const graph::Graph& graph_;
  const Part& part_;
  kernels::PackedWeights& packed_;
  const PlanOptions& options_;
  Program::Impl& program_;
  std::vector<TensorType> types_;
  std::vector<int> storage_;  // of each value
  std::vector<Layout> layouts_;
  std::vector<int> last_use_;  // node index; number of nodes for outputs
  std::vector<Storage> storages_;
  std::map<ValueId, size_t> output_index_;  // the first output that a value is
  std::map<std::pair<ValueId, int64_t>, int> reordered_;
  std::vector<std::vector<int>> step_inputs_, step_outputs_;
};

}  // namespace

Program::Program(const graph::Graph& graph, const Part& part, std::vector<TensorType> types,
                 kernels::PackedWeights& packed, const PlanOptions& options)
    : impl_(std::make_unique<Impl>(packed)) {
  Compiler(graph, part, std::move(types), packed, options, *impl_).run();
}
Program::~Program() = default;

const std::vector<TensorType>& Program::input_types() const { return impl_->input_types; }
const std::vector<TensorType>& Program::output_types() const { return impl_->output_types; }
size_t Program::arena_bytes() const { return impl_->arena_bytes; }
size_t Program::constant_bytes() const { return impl_->constant_bytes; }
size_t Program::working_set_bytes() const { return impl_->working_set_bytes; }
double Program::flops() const { return impl_->flops; }
size_t Program::num_steps() const { return impl_->steps.size(); }

// Addresses are resolved once, but for those of the inputs and outputs of an execution.
struct ProgramState::Impl {
  struct Patch {
    size_t slot;   // in `inputs` or `outputs`
    size_t index;  // of the program's input or output
  };
  struct StepState {
    std::span<const void* const> inputs;
    std::span<void* const> outputs;
    std::unique_ptr<kernels::KernelState> kernel;
  };
  void* scratch = nullptr;
  std::vector<const void*> inputs;  // of all steps, one behind the other
  std::vector<void*> outputs;
  std::vector<Patch> inputs_from_input, inputs_from_output, outputs_to_output;
  std::vector<StepState> steps;
};

ProgramState::ProgramState(const Program& program, std::byte* arena)
    : impl_(std::make_unique<Impl>()) {
  const Program::Impl& p = *program.impl_;
  impl_->scratch = arena + p.scratch_offset;
  std::vector<std::pair<size_t, size_t>> ranges;  // first input and output slot of each step
  for (const Step& step : p.steps) {
    ranges.emplace_back(impl_->inputs.size(), impl_->outputs.size());
    for (const Place& place : step.inputs) {
      const size_t slot = impl_->inputs.size();
      const void* address = nullptr;
      switch (place.kind) {
        case Place::Kind::kNone:
          break;
        case Place::Kind::kArena:
          address = arena + p.buffer_offsets[place.index] + place.offset;
          break;
        case Place::Kind::kConstant:
          address = place.data;
          break;
        case Place::Kind::kInput:
          impl_->inputs_from_input.push_back({slot, place.index});
          break;
        case Place::Kind::kOutput:
          impl_->inputs_from_output.push_back({slot, place.index});
          break;
      }
      impl_->inputs.push_back(address);
    }
    for (const Place& place : step.outputs) {
      void* address = nullptr;
      if (place.kind == Place::Kind::kArena) {
        address = arena + p.buffer_offsets[place.index] + place.offset;
      }
      if (place.kind == Place::Kind::kOutput) {
        impl_->outputs_to_output.push_back({impl_->outputs.size(), place.index});
      }
      impl_->outputs.push_back(address);
    }
  }
  for (size_t i = 0; i < p.steps.size(); ++i) {
    Impl::StepState state;
    const auto& [input, output] = ranges[i];
    state.inputs = {impl_->inputs.data() + input, p.steps[i].inputs.size()};
    state.outputs = {impl_->outputs.data() + output, p.steps[i].outputs.size()};
    state.kernel = p.steps[i].kernel->make_state();
    impl_->steps.push_back(std::move(state));
  }
}

ProgramState::~ProgramState() = default;

void Program::bind(const PlanIo& io, ProgramState& state) const {
  ProgramState::Impl& addresses = *state.impl_;
  HORNET_CHECK(io.inputs.size() == impl_->input_types.size() &&
               io.outputs.size() == impl_->output_types.size());
  for (const auto& patch : addresses.inputs_from_input) {
    addresses.inputs[patch.slot] = io.inputs[patch.index];
  }
  for (const auto& patch : addresses.inputs_from_output) {
    addresses.inputs[patch.slot] = io.outputs[patch.index];
  }
  for (const auto& patch : addresses.outputs_to_output) {
    addresses.outputs[patch.slot] = io.outputs[patch.index];
  }
}

void Program::run_step(size_t index, ProgramState& state) const {
  const Step& step = impl_->steps[index];
  const auto& own = state.impl_->steps[index];
  try {
    impl_->packed.wait_for(step.packed_weights);
    step.kernel->run({own.inputs, own.outputs, state.impl_->scratch}, own.kernel.get());
  } catch (const Error& error) {
    fail(error.code(), "{}: {}", step.layer, error.message());
  }
}

void Program::execute(const PlanIo& io, ProgramState& state) const {
  bind(io, state);
  for (size_t i = 0; i < impl_->steps.size(); ++i) run_step(i, state);
}

void Program::execute_timed(const PlanIo& io, ProgramState& state,
                            std::span<double> seconds) const {
  using Clock = std::chrono::steady_clock;
  HORNET_CHECK(seconds.size() == impl_->steps.size());
  bind(io, state);
  Clock::time_point before = Clock::now();
  for (size_t i = 0; i < impl_->steps.size(); ++i) {
    run_step(i, state);
    const Clock::time_point after = Clock::now();
    seconds[i] += std::chrono::duration<double>(after - before).count();
    before = after;
  }
}

std::vector<StepInfo> Program::steps() const {
  std::vector<StepInfo> steps;
  for (const Step& step : impl_->steps) {
    steps.push_back(
        {step.name, step.kernel->describe(), step.types, step.layer, step.flops, step.bytes});
  }
  return steps;
}

std::string Program::to_string(size_t first_index) const {
  constexpr double kMega = 1e6, kKibi = 1024.0;
  std::string text;
  for (size_t i = 0; i < impl_->steps.size(); ++i) {
    const Step& step = impl_->steps[i];
    text += fmt::format("{:>4}  {:<15} {:<34} {:<22} {:>10.1f} {:>10.3f}  {} {} # {}\n",
                        first_index + i, step.name, step.kernel->describe(), step.layouts,
                        static_cast<double>(step.bytes) / kKibi, step.flops / kMega, step.types,
                        step.attributes, step.layer);
  }
  return text;
}

}  // namespace hornet::plan
