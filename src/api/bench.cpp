#include "hornet/bench.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <latch>
#include <map>
#include <random>

#include "api/compiled_model.h"
#include "base/check.h"
#include "hornet/executor.h"
#include "hornet/predict.h"
#include "kernels/simd/speed.h"
#include "kernels/threads.h"

namespace hornet {
namespace {

// Seconds of the calling thread.
class Stopwatch {
 public:
  explicit Stopwatch(BenchClock clock) : clock_(clock), start_(now()) {}
  double seconds() const { return now() - start_; }

 private:
  double now() const {
    if (clock_ == BenchClock::kWall) {
      return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
          .count();
    }
    timespec time = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    constexpr double kNano = 1e-9;
    return static_cast<double>(time.tv_sec) + kNano * static_cast<double>(time.tv_nsec);
  }

  const BenchClock clock_;
  const double start_;
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Calls work(worker) on each of the workers at once.
class Team {
 public:
  explicit Team(int workers) : size_(workers), executor_(options(workers)) {}

  // The sum of what the calls return.
  double run(const std::function<double(int worker, std::latch& start)>& work) {
    std::latch start(size_);
    std::vector<Future<double>> results;
    for (int i = 0; i < size_; ++i) {
      results.push_back(executor_.submit([&work, &start, i] { return work(i, start); }));
    }
    // All have ended before `work` may go.
    for (const Future<double>& result : results) result.exception();
    double sum = 0;
    for (Future<double>& result : results) sum += result.result();
    return sum;
  }

 private:
  static ThreadExecutorOptions options(int workers) {
    ThreadExecutorOptions options;
    options.max_workers = workers;
    options.thread_setup = kernels::set_up_worker_thread;
    return options;
  }

  const int size_;
  ThreadExecutor executor_;
};

Tensor synthetic(const graph::TensorType& type) {
  Tensor tensor(type.dtype, type.shape);
  const int64_t count = tensor.num_elements();
  std::vector<float> values(static_cast<size_t>(count));
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> number(-1, 1);
  for (int64_t i = 0; i < count; ++i) {
    values[static_cast<size_t>(i)] =
        is_floating(type.dtype) ? number(generator) : static_cast<float>(generator() % 2);
  }
  convert_elements(DType::kFloat32, values.data(), type.dtype, tensor.mutable_data(), count);
  return tensor;
}

// A plan with all it needs to be executed by one worker.
class Execution {
 public:
  explicit Execution(const plan::Plan& plan) : plan_(plan), state_(plan) {
    for (const graph::TensorType& type : plan.input_types()) inputs_.push_back(synthetic(type));
    for (const graph::TensorType& type : plan.output_types()) {
      outputs_.emplace_back(type.dtype, type.shape);
    }
    for (const Tensor& input : inputs_) input_addresses_.push_back(input.data());
    for (Tensor& output : outputs_) output_addresses_.push_back(output.mutable_data());
  }

  void run() { plan_.execute({input_addresses_, output_addresses_}, state_); }
  void run_timed(std::span<double> seconds) {
    plan_.execute_timed({input_addresses_, output_addresses_}, state_, seconds);
  }
  // Executions a second: at least one execution, for about `seconds`.
  double rate(BenchClock clock, double seconds) {
    const Stopwatch watch(clock);
    int64_t executions = 0, next_look = 1;
    while (true) {
      for (; executions < next_look; ++executions) run();
      const double passed = watch.seconds();
      if (passed >= seconds) return static_cast<double>(executions) / passed;
      // Looks at the clock about a hundred times.
      next_look += std::max<int64_t>(
          1, static_cast<int64_t>(0.01 * seconds * static_cast<double>(executions) / passed));
    }
  }

 private:
  const plan::Plan& plan_;
  plan::WorkerState state_;
  std::vector<Tensor> inputs_, outputs_;
  std::vector<const void*> input_addresses_;
  std::vector<void*> output_addresses_;
};

class Bench {
 public:
  Bench(internal::ModelPlans& plans, const BenchOptions& options)
      : plans_(plans), options_(options) {}

  // Rows a second.
  double measure(int64_t batch_size, int workers, double seconds) {
    Team team(workers);
    const plan::Plan& plan = plans_.for_rows(batch_size);
    std::vector<std::unique_ptr<Execution>>& executions = executions_[batch_size];
    if (executions.size() < static_cast<size_t>(workers)) {
      executions.resize(static_cast<size_t>(workers));
    }
    const double rate = team.run([&](int worker, std::latch& start) {
      auto& mine = executions[static_cast<size_t>(worker)];
      // Whatever fails here must not keep the others waiting.
      std::exception_ptr error;
      try {
        if (mine == nullptr) mine = std::make_unique<Execution>(plan);
        mine->run();
      } catch (...) {
        error = std::current_exception();
      }
      start.arrive_and_wait();
      if (error) std::rethrow_exception(error);
      return mine->rate(options_.clock, seconds);
    });
    return rate * static_cast<double>(batch_size);
  }

  // Powers of two, until the last three bring nothing or an execution takes too long or too much.
  std::vector<int64_t> worthwhile_batch_sizes(int workers) {
    constexpr int64_t kLargest = 1024;
    constexpr size_t kLargestArena = size_t{64} << 20;
    constexpr double kGain = 1.01;
    // Not `seconds`: which sizes are tried must not hang on a short measurement being interrupted.
    constexpr double kLongExecution = 0.5;
    std::vector<int64_t> sizes;
    double best = 0;
    int without_gain = 0;
    for (int64_t size = 1; size <= kLargest && without_gain < 3; size *= 2) {
      if (size > 1 && plans_.for_rows(size).arena_bytes() > kLargestArena) break;
      sizes.push_back(size);
      const double rate = measure(size, workers, options_.seconds / 2);
      without_gain = rate < kGain * best ? without_gain + 1 : 0;
      best = std::max(best, rate);
      if (static_cast<double>(size * workers) / rate > kLongExecution) break;
    }
    return sizes;
  }

 private:
  internal::ModelPlans& plans_;
  const BenchOptions& options_;
  std::map<int64_t, std::vector<std::unique_ptr<Execution>>> executions_;
};

void check(const BenchOptions& options) {
  require(options.seconds >= 0, ErrorCode::kInvalidArgument, "{} seconds; expected at least 0",
          options.seconds);
  require(options.rounds > 0, ErrorCode::kInvalidArgument, "{} rounds; expected at least 1",
          options.rounds);
  for (const int64_t size : options.batch_sizes) {
    require(size > 0, ErrorCode::kInvalidArgument, "batch size {}; expected at least 1", size);
  }
  for (const int workers : options.workers) {
    require(workers > 0, ErrorCode::kInvalidArgument, "{} workers; expected at least 1", workers);
  }
}

}  // namespace

void limit_instruction_set(const std::string& name) {
  require(kernels::limit_instruction_set(name), ErrorCode::kInvalidArgument,
          "unknown instruction set \"{}\"; expected avx2 or avx512", name);
}

MachineSpeed measure_machine(int workers, BenchClock clock, double seconds) {
  require(workers >= 0, ErrorCode::kInvalidArgument, "{} workers; expected at least 1", workers);
  constexpr int kRounds = 5;
  constexpr int64_t kMultiplyAdds =
      1 << 23;  // between looks at the clock, which may take a microsecond
  constexpr int64_t kFloats = int64_t{16} << 20;  // 64 MB a worker
  MachineSpeed speed;
  speed.instruction_set = kernels::instruction_set();
  speed.workers = workers > 0 ? workers : usable_cores();
  Team team(speed.workers);
  std::vector<Tensor> memory;
  for (int i = 0; i < speed.workers; ++i) {
    memory.emplace_back(DType::kFloat32, Shape{kFloats});
    std::fill_n(memory.back().mutable_as<float>(), kFloats, 1.0f);
  }
  for (int round = 0; round < kRounds; ++round) {
    const double multiply_adds = team.run([&](int, std::latch& start) {
      start.arrive_and_wait();
      const Stopwatch watch(clock);
      int64_t done = 0;
      while (watch.seconds() < seconds) done += kernels::run_multiply_adds(kMultiplyAdds);
      return static_cast<double>(done) / watch.seconds();
    });
    speed.flops_per_second = std::max(speed.flops_per_second, 2 * multiply_adds);
    const double bytes = team.run([&](int worker, std::latch& start) {
      const Tensor& mine = memory[static_cast<size_t>(worker)];
      start.arrive_and_wait();
      const Stopwatch watch(clock);
      const float sum = kernels::read_floats(mine.as<float>(), kFloats);
      HORNET_CHECK(sum > 0);
      return static_cast<double>(mine.num_bytes()) / watch.seconds();
    });
    speed.bytes_per_second = std::max(speed.bytes_per_second, bytes);
  }
  return speed;
}

BenchReport benchmark(const Model& model, const BenchOptions& options) {
  check(options);
  internal::ModelPlans& plans = model.compiled().plans_for_shapes(options.input_shapes);
  BenchReport report;
  report.chosen_batch_size = plans.batch_size();
  const plan::Plan& chosen = plans.for_rows(report.chosen_batch_size);
  report.flops_per_row = chosen.flops() / static_cast<double>(report.chosen_batch_size);
  report.weight_bytes = chosen.weight_bytes();

  Bench bench(plans, options);
  std::vector<int> workers = options.workers;
  if (workers.empty()) workers = {usable_cores()};
  std::vector<int64_t> sizes = options.batch_sizes;
  if (sizes.empty()) sizes = bench.worthwhile_batch_sizes(workers.back());
  for (const int count : workers) {
    for (const int64_t size : sizes) {
      BenchMeasurement measurement;
      measurement.batch_size = size;
      measurement.workers = count;
      measurement.arena_bytes = plans.for_rows(size).arena_bytes();
      report.measurements.push_back(measurement);
    }
  }
  std::vector<std::vector<double>> rates(report.measurements.size());
  for (int round = 0; round < options.rounds; ++round) {
    for (size_t i = 0; i < rates.size(); ++i) {
      const BenchMeasurement& m = report.measurements[i];
      rates[i].push_back(bench.measure(m.batch_size, m.workers, options.seconds));
    }
  }
  for (size_t i = 0; i < rates.size(); ++i) {
    BenchMeasurement& m = report.measurements[i];
    m.lowest = *std::min_element(rates[i].begin(), rates[i].end());
    m.highest = *std::max_element(rates[i].begin(), rates[i].end());
    m.rows_per_second = median(rates[i]);
  }
  return report;
}

double measure_call(const Model& model, int64_t rows, const std::vector<Shape>& input_shapes,
                    double seconds) {
  require(rows > 0, ErrorCode::kInvalidArgument, "{} rows; expected at least 1", rows);
  internal::ModelPlans& plans = model.compiled().plans_for_shapes(input_shapes);
  std::vector<Tensor> inputs;
  for (const graph::TensorType& type : plans.for_rows(rows).input_types()) {
    inputs.push_back(synthetic(type));
  }
  const std::vector<TensorView> views(inputs.begin(), inputs.end());
  constexpr int kCallsAtOnce = 16;
  model.predict(views);
  std::vector<double> times;
  const Stopwatch all(BenchClock::kWall);
  do {
    const Stopwatch watch(BenchClock::kWall);
    for (int i = 0; i < kCallsAtOnce; ++i) model.predict(views);
    times.push_back(watch.seconds() / kCallsAtOnce);
  } while (all.seconds() < seconds);
  return median(times);
}

Profile profile(const Model& model, int64_t batch_size, const std::vector<Shape>& input_shapes,
                double seconds) {
  require(batch_size >= 0, ErrorCode::kInvalidArgument, "batch size {}; expected at least 1",
          batch_size);
  internal::ModelPlans& plans = model.compiled().plans_for_shapes(input_shapes);
  const kernels::OneThreadScope one_thread;
  Profile result;
  result.batch_size = batch_size > 0 ? batch_size : plans.batch_size();
  const plan::Plan& plan = plans.for_rows(result.batch_size);
  Execution execution(plan);
  execution.run();

  const std::vector<plan::StepInfo> steps = plan.steps();
  std::vector<std::vector<double>> times(steps.size());
  std::vector<double> whole, of_steps(steps.size());
  constexpr size_t kMostExecutions = 10000;
  const Stopwatch all(BenchClock::kWall);
  do {
    const Stopwatch watch(BenchClock::kWall);
    execution.run();
    whole.push_back(watch.seconds());
    execution.run_timed(of_steps);
    for (size_t i = 0; i < steps.size(); ++i) times[i].push_back(of_steps[i]);
  } while (all.seconds() < seconds && whole.size() < kMostExecutions);
  result.seconds = median(whole);
  for (size_t i = 0; i < steps.size(); ++i) {
    const plan::StepInfo& step = steps[i];
    result.steps.push_back({step.op, step.primitive, step.output, step.layer, median(times[i]),
                            step.flops, static_cast<double>(step.bytes)});
  }
  return result;
}

}  // namespace hornet
