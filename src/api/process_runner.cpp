#include "api/process_runner.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "api/shared_weights.h"
#include "base/check.h"
#include "kernels/simd/speed.h"
#include "runtime/process_pool.h"
#include "runtime/rows.h"

namespace hornet::internal {
namespace {

std::string absolute(const std::string& path) {
  return path.empty() ? "" : std::filesystem::absolute(path).string();
}

uint64_t page_aligned(uint64_t bytes) {
  constexpr uint64_t kPage = 4096;
  return (bytes + kPage - 1) / kPage * kPage;
}

// A worker that hangs while it starts is no more to be waited for than one that hangs at a chunk;
// but a model on a slow disk takes its time.
Timeout start_timeout(const PredictOptions& options) {
  constexpr std::chrono::duration<double> kMinute(60);
  if (options.start_timeout || !options.timeout) return options.start_timeout;
  return std::max(*options.timeout, kMinute);
}

// A few megabytes; a sixteenth of a bound on memory for all, which both sides see.
uint64_t slot_bytes_wanted(size_t memory_bytes, int workers) {
  constexpr uint64_t kWantedBytes = uint64_t{8} << 20;
  if (memory_bytes == 0) return kWantedBytes;
  return std::min<uint64_t>(kWantedBytes, memory_bytes / 32 / static_cast<size_t>(workers));
}

// 0 stays: it is no bound.
void share_bound(size_t& memory_bytes, int workers) {
  if (memory_bytes == 0) return;
  memory_bytes = std::max<size_t>(memory_bytes / static_cast<size_t>(workers), 1);
}

}  // namespace

ProcessRunner::ProcessRunner(const CompiledModel& model, ModelPlans& plans,
                             const std::vector<const Source*>& sources,
                             const std::vector<Sink*>& sinks,
                             const std::vector<DType>& output_dtypes, const PredictOptions& options,
                             const PredictReport& sizes)
    : model_(model),
      plans_(plans),
      sources_(sources),
      sinks_(sinks),
      output_dtypes_(output_dtypes),
      timeout_(options.timeout) {
  setup_.model_path = absolute(model.path());
  setup_.weights_path = absolute(model.weights_path());
  setup_.model_version = model.file().version();
  if (model.weights_file()) setup_.weights_version = model.weights_file()->version();
  setup_.row_shapes = plans.row_shapes();
  setup_.rows = sizes.rows;
  // One that was asked for may be far beyond the rows, and too large for any plan.
  setup_.batch_size = std::min(sizes.batch_size, std::max<int64_t>(sizes.rows, 1));
  setup_.check_finite = options.check_finite;
  setup_.instruction_set = kernels::instruction_set();
  setup_.plan_text = plans.for_rows(setup_.batch_size).to_string();
  describe_rows(sizes.workers);
  lay_out_slots(sizes.chunk_size, slot_bytes_wanted(options.memory_bytes, sizes.workers));
  share_weights_of_plans();

  ProcessExecutorOptions executor;
  executor.max_workers = sizes.workers;
  executor.program = options.worker_program;
  executor.initializer = kOpenFunction;
  executor.start_timeout = start_timeout(options);
  executor.descriptors = {weights_->descriptor()};
  if (slot_rows_ > 0) {
    rows_file_ = std::make_unique<MemoryFile>(
        "hornet-rows", setup_.slot_bytes * static_cast<uint64_t>(sizes.workers));
    rows_memory_ = std::make_unique<MappedMemory>(rows_file_->descriptor(), true);
    executor.descriptors.push_back(rows_file_->descriptor());
  }
  executor.initializer_argument = setup_.encode();
  executor.max_tasks_per_child = options.max_tasks_per_child;
  executor.max_replacements = options.max_replacements;
  executor.on_replaced = [this](const std::string& why) {
    const std::scoped_lock lock(mutex_);
    messages_.push_back(why);
  };
  executor.on_error = [](const std::string&, const std::exception_ptr&) {};  // futures tell
  executor_ = std::make_unique<ProcessExecutor>(std::move(executor));
}

void ProcessRunner::describe_rows(int workers) {
  for (const Source* source : sources_) {
    WorkerRows rows;
    rows.name = source->name();
    rows.dtype = source->dtype();
    rows.row_shape = source->row_shape();
    rows.location = source->location();
    rows.version = source->version();
    // Of what bounds the source of this process, which reads no rows, each worker's has its part.
    if (rows.location) share_bound(rows.location->options.memory_bytes, workers);
    setup_.inputs.push_back(std::move(rows));
  }
  const plan::Plan& plan = plans_.for_rows(1);
  for (size_t k = 0; k < sinks_.size(); ++k) {
    WorkerRows rows;
    rows.name = sinks_[k]->name();
    rows.dtype = output_dtypes_[k];
    const Shape& shape = plan.output_types()[k].shape;
    rows.row_shape = Shape(shape.begin() + 1, shape.end());
    rows.file = sinks_[k]->file_rows();
    if (rows.file) rows.file->path = absolute(rows.file->path);
    setup_.outputs.push_back(std::move(rows));
  }
}

// As many rows as `wanted_bytes` hold, at least a batch, at most a chunk.
void ProcessRunner::lay_out_slots(int64_t chunk_size, uint64_t wanted_bytes) {
  std::vector<WorkerRows*> shared;
  for (WorkerRows& rows : setup_.inputs) {
    if (!rows.location) shared.push_back(&rows);
  }
  for (WorkerRows& rows : setup_.outputs) {
    if (!rows.file) shared.push_back(&rows);
  }
  if (shared.empty()) return;
  uint64_t row_bytes = 0;
  for (const WorkerRows* rows : shared) row_bytes += num_bytes(rows->dtype, rows->row_shape);
  const auto fitting = static_cast<int64_t>(wanted_bytes / std::max<uint64_t>(row_bytes, 1));
  slot_rows_ = std::min(std::max(fitting, setup_.batch_size), chunk_size);
  for (WorkerRows* rows : shared) {
    rows->slot_offset = setup_.slot_bytes;
    setup_.slot_bytes +=
        page_aligned(num_bytes(rows->dtype, rows->row_shape) * static_cast<uint64_t>(slot_rows_));
  }
  setup_.slot_bytes = std::max<uint64_t>(setup_.slot_bytes, 1);
}

void ProcessRunner::share_weights_of_plans() {
  // All plans that a chunk can need, so that no worker packs weights of its own.
  for (int64_t rows = 1; rows < setup_.batch_size; rows *= 2) plans_.for_rows(rows);
  weights_ = share_weights(model_.graph(), model_.packed());
}

std::vector<std::string> ProcessRunner::take_messages() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(messages_, {});
}

std::byte* ProcessRunner::my_slot() const {
  return rows_memory_->data() + static_cast<size_t>(Executor::current_worker()) * setup_.slot_bytes;
}

void ProcessRunner::run(int64_t begin, int64_t end) {
  ProcessPool::current()->begin_task();
  const internal::Deadline deadline = deadline_after(timeout_);
  if (slot_rows_ == 0) return call(begin, end, 0, deadline);
  // Sinks get the rows when all of them are there: some take them once only.
  std::vector<std::vector<std::byte>> rows(sinks_.size());
  for (int64_t first = begin; first < end; first += slot_rows_) {
    const int64_t last = std::min(first + slot_rows_, end);
    fill_slot(first, last);
    call(first, last, first, deadline);
    empty_slot(last - first, rows);
  }
  write_rows(begin, end, rows);
}

void ProcessRunner::call(int64_t begin, int64_t end, int64_t first_in_slot,
                         const internal::Deadline& deadline) {
  const runtime::Reply reply = ProcessPool::current()->call(
      kPredictFunction, encode_range(begin, end, first_in_slot), deadline);
  if (!reply.error) return;
  if (reply.is_output_error) throw runtime::OutputError(*reply.error);
  throw Error(*reply.error);
}

void ProcessRunner::fill_slot(int64_t begin, int64_t end) {
  std::vector<std::byte> scratch;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const WorkerRows& rows = setup_.inputs[i];
    if (rows.location) continue;
    const TensorView view = runtime::read_rows(*sources_[i], begin, end, scratch);
    const size_t bytes = num_bytes(view.dtype, view.shape);
    if (bytes > 0) std::memcpy(my_slot() + rows.slot_offset, view.data, bytes);
  }
}

void ProcessRunner::empty_slot(int64_t count, std::vector<std::vector<std::byte>>& rows) {
  for (size_t k = 0; k < sinks_.size(); ++k) {
    const WorkerRows& output = setup_.outputs[k];
    if (output.file) continue;
    const std::byte* first = my_slot() + output.slot_offset;
    const size_t bytes = num_bytes(output.dtype, output.row_shape) * static_cast<size_t>(count);
    rows[k].insert(rows[k].end(), first, first + bytes);
  }
}

void ProcessRunner::write_rows(int64_t begin, int64_t end,
                               const std::vector<std::vector<std::byte>>& rows) {
  for (size_t k = 0; k < sinks_.size(); ++k) {
    const WorkerRows& output = setup_.outputs[k];
    if (output.file) continue;
    Shape shape = output.row_shape;
    shape.insert(shape.begin(), end - begin);
    runtime::for_output(*sinks_[k], [&] {
      sinks_[k]->write(begin, {rows[k].data(), output.dtype, shape});
    });
  }
}

}  // namespace hornet::internal
