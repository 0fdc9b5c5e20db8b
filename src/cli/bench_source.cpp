#include "cli/bench_source.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "cli/json.h"
#include "cli/text.h"
#include "hornet/executor.h"
#include "hornet/future.h"
#include "hornet/predict.h"

namespace hornet::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Looks at all of it, as who computes with it.
uint64_t sum_of(const void* data, size_t bytes) {
  uint64_t sum = 0;
  const auto* at = static_cast<const std::byte*>(data);
  for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t), at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    sum += word;
  }
  return sum;
}

struct Measured {
  int64_t rows = 0;
  int workers = 0;
  double open_seconds = 0, read_seconds = 0;
  double row_bytes = 0, file_bytes = 0;  // of all rows; of the file, 0 where it is none
};

// About this much is read at a time, as a block of a job (runtime/batch_runner.cpp).
constexpr size_t kChunkBytes = size_t{128} << 10;

void read_all(const Source& source, int workers, size_t row_bytes) {
  ThreadExecutorOptions options;
  options.max_workers = workers;
  ThreadExecutor executor(options);
  const int64_t rows = source.num_rows();
  const auto chunk = static_cast<int64_t>(std::max<size_t>(kChunkBytes / (row_bytes + 1), 1));
  std::atomic<int64_t> next = 0;
  std::atomic<uint64_t> sum = 0;
  std::vector<Future<void>> futures;
  for (int worker = 0; worker < workers; ++worker) {
    futures.push_back(executor.submit([&] {
      std::vector<std::byte> scratch;
      for (int64_t begin = next.fetch_add(chunk); begin < rows; begin = next.fetch_add(chunk)) {
        const int64_t end = std::min(rows, begin + chunk);
        const TensorView view = source.rows(begin, end, scratch);
        sum += sum_of(view.data, static_cast<size_t>(end - begin) * row_bytes);
      }
    }));
  }
  for (Future<void>& future : futures) future.result();
}

Measured measure(const std::string& path, const SourceArguments& arguments, int workers) {
  Measured measured;
  measured.workers = workers > 0 ? workers : usable_cores();
  const auto start = Clock::now();
  const auto source = open_input(path, arguments);
  measured.open_seconds = seconds_since(start);
  measured.rows = source->num_rows();
  const size_t row_bytes = num_bytes(source->dtype(), source->row_shape());
  measured.row_bytes = static_cast<double>(row_bytes) * static_cast<double>(measured.rows);
  const std::string file = path.substr(0, path.rfind(":/"));
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (!error) measured.file_bytes = static_cast<double>(size);
  const auto read_start = Clock::now();
  at_stage(ExitCode::kInput, [&] { read_all(*source, measured.workers, row_bytes); });
  measured.read_seconds = seconds_since(read_start);
  return measured;
}

}  // namespace

ExitCode bench_source(const std::string& path, const SourceArguments& arguments, int workers,
                      bool json) {
  const Measured m = measure(path, arguments, workers);
  const double per_second = 1 / std::max(m.read_seconds, 1e-9);
  if (json) {
    print_json({{"source", path},
                {"rows", m.rows},
                {"workers", m.workers},
                {"open_seconds", m.open_seconds},
                {"read_seconds", m.read_seconds},
                {"rows_per_second", static_cast<double>(m.rows) * per_second},
                {"row_bytes_per_second", m.row_bytes * per_second},
                {"file_bytes_per_second", m.file_bytes * per_second}});
    return ExitCode::kDone;
  }
  fmt::print("{}: {} rows in {} (opened in {}): {} rows/s, {}/s of rows", printable(path),
             thousands(m.rows), seconds_text(m.read_seconds), seconds_text(m.open_seconds),
             rate(static_cast<double>(m.rows) * per_second), megabytes(m.row_bytes * per_second));
  if (m.file_bytes > 0) fmt::print(", {}/s of the file", megabytes(m.file_bytes * per_second));
  fmt::print(", {} worker{}\n", m.workers, m.workers == 1 ? "" : "s");
  return ExitCode::kDone;
}

}  // namespace hornet::cli
