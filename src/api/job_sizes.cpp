#include "api/job_sizes.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/cpu.h"
#include "job/chunks.h"

namespace hornet::internal {
namespace {

class SizeChoice {
 public:
  SizeChoice(ModelPlans& plans, const std::vector<const Source*>& sources,
             const PredictOptions& options, int64_t rows, int64_t chunk_size_before)
      : plans_(plans),
        sources_(sources),
        options_(options),
        in_processes_(options.executor == ExecutorKind::kProcesses),
        has_chunk_size_(options.chunk_size > 0 || chunk_size_before > 0) {
    choose(rows, chunk_size_before);
    if (options.memory_bytes > 0 && rows > 0) fit_memory();
    sizes_.part_step =
        job::choose_part_step(sizes_.chunk_size, sizes_.batch_size, operations_of_row());
  }

  const JobSizes& sizes() const { return sizes_; }

 private:
  void choose(int64_t rows, int64_t chunk_size_before) {
    sizes_.rows = rows;
    sizes_.workers = options_.workers > 0 ? options_.workers : usable_cores();
    sizes_.batch_size = options_.batch_size > 0
                            ? options_.batch_size
                            : job::fit_batch_size(plans_.batch_size(), rows, sizes_.workers);
    if (plans_.moves_rows()) sizes_.batch_size = 1;
    require(options_.chunk_size == 0 || chunk_size_before == 0 ||
                options_.chunk_size == chunk_size_before,
            ErrorCode::kInvalidArgument,
            "cannot resume: the job of {} has chunks of {} rows; {} asked for",
            options_.journal_path, chunk_size_before, options_.chunk_size);
    sizes_.chunk_size =
        has_chunk_size_
            ? std::max(options_.chunk_size, chunk_size_before)
            : job::choose_chunk_size(rows, sizes_.batch_size, sizes_.workers, operations_of_row());
    const int64_t chunks = job::Chunks{rows, sizes_.chunk_size}.count();
    sizes_.workers =
        static_cast<int>(std::clamp<int64_t>(sizes_.workers, 1, std::max<int64_t>(chunks, 1)));
  }

  double operations_of_row() {
    // A batch size that was asked for may be far beyond the rows, or those of a chunk.
    int64_t rows = std::min(sizes_.batch_size, std::max<int64_t>(sizes_.rows, 1));
    if (has_chunk_size_ && sizes_.chunk_size < rows) {
      rows = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(sizes_.chunk_size)));
    }
    return plans_.for_rows(rows).flops() / static_cast<double>(rows);
  }

  // What one worker holds: values between steps, for batches and for what is left over, rows on
  // their way in and out, as stored and as computed, and a chunk of predictions that waits to be
  // written in order, as text.
  size_t worker_bytes() {
    // Stack, allocator, and what the system maps around the pages of files that are touched.
    constexpr size_t kThreadBytes = size_t{5} << 20;
    const auto rows = static_cast<size_t>(sizes_.batch_size);
    const plan::Plan& plan = plans_.for_rows(sizes_.batch_size);
    size_t bytes = kThreadBytes + 2 * plan.arena_bytes();
    for (size_t i = 0; i < sources_.size(); ++i) {
      bytes += rows * num_bytes(sources_[i]->dtype(), sources_[i]->row_shape());
      bytes += num_bytes(plan.input_types()[i].dtype, plan.input_types()[i].shape);
    }
    return bytes + 2 * output_row_bytes() * rows + staged_bytes();
  }

  size_t output_row_bytes() {
    size_t bytes = 0;
    for (const auto& type : plans_.for_rows(1).output_types()) {
      bytes += num_bytes(type.dtype, type.shape);
    }
    return bytes;
  }

  // Values as text take up to four times as much, in strings that grow by doubling.
  size_t staged_bytes() {
    constexpr size_t kTextFactor = 8;
    return kTextFactor * output_row_bytes() * static_cast<size_t>(sizes_.chunk_size);
  }

  // All that is not for files. A worker process has the model and its plans as this one has them;
  // weights that they share count for each, as the system counts resident memory.
  size_t needed_bytes() {
    size_t of_worker = worker_bytes();  // makes the plan
    plans_.finish_packing();
    const size_t resident = resident_bytes();
    if (in_processes_) of_worker += resident;
    return resident + of_worker * static_cast<size_t>(sizes_.workers);
  }

  // Makes batches and chunks smaller and workers fewer until they fit the bound on memory.
  void fit_memory() {
    // Four are for inputs, two for outputs, and one for what processes have in shared memory.
    const size_t sixteenths = in_processes_ ? 9 : 10;
    const size_t bound = options_.memory_bytes / 16 * sixteenths;
    for (size_t needed = needed_bytes(); needed > bound; needed = needed_bytes()) {
      if (make_smaller()) continue;
      constexpr size_t kMega = 1'000'000;
      fail(ErrorCode::kOutOfMemory,
           "{} MB of memory are too few: the model and {} worker{} with {} row{} at once take {} "
           "MB, beside {} MB for files; give {} MB at least",
           options_.memory_bytes / kMega, sizes_.workers, sizes_.workers == 1 ? "" : "s",
           sizes_.batch_size, sizes_.batch_size == 1 ? "" : "s", needed / kMega + 1,
           (options_.memory_bytes - bound) / kMega, needed / kMega * 16 / sixteenths + 2);
    }
  }

  // The one size that takes most and that nobody asked for; false where there is none.
  bool make_smaller() {
    const bool staged_too_much = staged_bytes() > worker_bytes() / 2;
    if (staged_too_much && !has_chunk_size_ && sizes_.chunk_size > sizes_.batch_size) {
      sizes_.chunk_size = std::max(sizes_.chunk_size / 2, sizes_.batch_size);
    } else if (options_.batch_size == 0 && sizes_.batch_size > 1) {
      sizes_.batch_size /= 2;
    } else if (options_.workers == 0 && sizes_.workers > 1) {
      --sizes_.workers;
    } else {
      return false;
    }
    return true;
  }

  ModelPlans& plans_;
  const std::vector<const Source*>& sources_;
  const PredictOptions& options_;
  const bool in_processes_;
  const bool has_chunk_size_;
  JobSizes sizes_;
};

}  // namespace

JobSizes choose_sizes(ModelPlans& plans, const std::vector<const Source*>& sources,
                      const PredictOptions& options, int64_t rows, int64_t chunk_size_before) {
  return SizeChoice(plans, sources, options, rows, chunk_size_before).sizes();
}

}  // namespace hornet::internal
