// Predicts whole data sets: every row of the sources, in order, into the sinks.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hornet/executor.h"
#include "hornet/model.h"
#include "hornet/progress.h"
#include "hornet/sink.h"
#include "hornet/source.h"

namespace hornet {

// What a row that fails means for the others.
enum class OnError {
  kStop,  // the job ends with RowError, what is done is kept
  kSkip   // the row gets a fill value: NaN, the lowest of signed integers, the highest of unsigned
          // ones, false
};

enum class ExecutorKind { kThreads, kProcesses };

struct PredictOptions {
  int workers = 0;         // 0: the usable cores (affinity and cgroup quota included)
  int64_t batch_size = 0;  // rows of one plan execution; 0: from the plan, the cache and the rows
  int64_t chunk_size = 0;  // rows of one task; 0: chosen from the batch size and the rows
  // A bound on the memory of this process and of its worker processes together: batches get
  // smaller, then workers fewer, until what all of them hold fits beside what is resident already;
  // Error(kOutOfMemory) where one worker with one row does not. An eighth of it is left to the
  // sinks and a quarter to the sources, which keep to SinkOptions::memory_bytes and
  // SourceOptions::memory_bytes, of which worker processes get their parts. 0: no bound.
  size_t memory_bytes = 0;
  // Element type of the sinks of floating outputs; the model's where nothing is given.
  std::optional<DType> output_dtype = std::nullopt;

  int retries = 2;  // tries more for a chunk, and for a single row, before it counts as failed
  OnError on_error = OnError::kStop;
  bool check_finite = false;  // NaN and infinite predictions are failures of their rows

  // Workers are threads, or processes: those of rows that crash can be replaced.
  ExecutorKind executor = ExecutorKind::kThreads;
  // For processes: see ProcessExecutorOptions.
  std::string worker_program = {};
  Timeout timeout = {};  // for a chunk, or a part of it that is tried alone
  // Nothing given: a minute, or `timeout` if that is longer; no limit without `timeout`.
  Timeout start_timeout = {};
  int max_tasks_per_child = 0;
  int max_replacements = 100;

  // Where the job keeps what is done, so that another call can go on with it; "" for nowhere. It is
  // removed when the job is complete. Needs sinks that can keep().
  std::string journal_path = {};
  // Without, the job keeps none, as its rows come only once; what an earlier one left at
  // `journal_path` is in its way all the same.
  bool keeps_journal = true;
  // Goes on with the job of `journal_path`; the sinks are to be opened with Overwrite::kResume.
  // Throws Error(kInvalidArgument) where the model, the sources, the outputs, check_finite,
  // output_dtype or the processor's kernels are others.
  bool resume = false;
  double sync_interval_seconds = 5;  // most work that a power cut can take
  // What a user runs to go on, for `hornet status`.
  std::string resume_command = {};
  // Failed rows, a line of JSON each, in order; "" for no such file. It is made with the first one.
  std::string errors_path = {};
  Overwrite overwrite = Overwrite::kNever;  // of journal_path and errors_path
  bool replace_errors = false;              // errors_path is replaced whatever `overwrite` says
  // What happened, chunk by chunk, as JSON; "" for no such file. One that exists is replaced.
  std::string report_path = {};

  ProgressCallback progress = {};
  // Set to true (from a signal handler, say) to stop after the chunks that run.
  const std::atomic<bool>* cancel = nullptr;
};

struct PredictReport {
  int64_t rows = 0;          // all of the job, whichever call computed them
  int64_t rows_resumed = 0;  // that an earlier call had done
  int64_t rows_failed = 0;
  double seconds = 0;
  int workers = 0;
  int64_t batch_size = 0;
  int64_t chunk_size = 0;
  size_t peak_memory_bytes = 0;  // resident set of the process at its highest
  // Of worker processes; empty for threads.
  std::vector<WorkerMemory> worker_memory = {};
  int workers_replaced = 0;
  size_t shared_weight_bytes = 0;
};

// Opens one sink an output, once the row shapes are known: output index, its dtype and row shape.
using SinkFactory =
    std::function<std::unique_ptr<Sink>(size_t output, DType dtype, const Shape& row_shape)>;

// One source an input, in the order of model.inputs(), all with the same number of rows.
// Row i of every sink is the prediction for row i of the sources; the bytes do not depend on the
// options. Calls finish() of the sinks when all rows are there.
// Throws Error: kShapeMismatch, kCancelled, kIo, ...; RowError for a row that failed. The sinks are
// then dropped unfinished, but kept where there is a journal.
PredictReport predict(const Model& model, const std::vector<const Source*>& sources,
                      const SinkFactory& open_sink, const PredictOptions& options = {});

// What a journal tells about its job.
struct JobStatus {
  int64_t rows = 0;
  int64_t rows_done = 0;  // durable; failed ones included
  int64_t rows_failed = 0;
  int64_t chunk_size = 0;
  int64_t chunks = 0;
  int64_t chunks_done = 0;
  bool is_running = false;   // a process works on it
  bool is_complete = false;  // all rows are done, the outputs are about to get their names
  std::vector<std::string> outputs;
  std::string errors_path;
  std::string resume_command;
};

// Reads the journal and leaves it alone. Throws Error: kIo, kInvalidInput.
JobStatus job_status(const std::string& journal_path);

// Number of cores this process may use: affinity mask and cgroup CPU quota included.
int usable_cores();

}  // namespace hornet
