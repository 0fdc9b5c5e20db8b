// Measures how fast a machine and a model on it are, from memory to memory, and where the time
// goes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hornet/model.h"

namespace hornet {

// Keeps this process to an instruction set: "avx2" or "avx512", which are both chosen from at run
// time otherwise. To be called before anything is loaded or computed.
// Throws Error(kInvalidArgument) for other names.
void limit_instruction_set(const std::string& name);

// What seconds are: time on the wall, or time that the workers had a core. On a machine that is
// used by others, only the second is about the program that is measured.
enum class BenchClock { kWall, kCpu };

struct MachineSpeed {
  std::string instruction_set;  // that Hornet's kernels use: "avx512", "avx2", "sse4", "plain"
  int workers = 0;
  double flops_per_second = 0;  // float32, a multiply-add counted as 2, all workers together
  double bytes_per_second = 0;  // read from memory that no cache holds, all workers together
};

// The highest of a few measurements of about `seconds` each. 0 workers stand for the usable cores.
MachineSpeed measure_machine(int workers = 0, BenchClock clock = BenchClock::kWall,
                             double seconds = 0.05);

struct BenchOptions {
  std::vector<int64_t> batch_sizes;  // empty: powers of two, as long as they may be the best
  std::vector<int> workers;          // empty: the usable cores
  int rounds = 5;                    // of which the median counts; configurations take turns
  double seconds = 0.2;              // of one measurement, at least one execution
  BenchClock clock = BenchClock::kWall;
  // As of Model::plan_text.
  std::vector<Shape> input_shapes;
};

struct BenchMeasurement {
  int64_t batch_size = 0;
  int workers = 0;
  double rows_per_second = 0;  // the median of the rounds
  double lowest = 0, highest = 0;
  size_t arena_bytes = 0;  // of one worker
};

struct BenchReport {
  int64_t chosen_batch_size = 0;  // what predict() chooses for many rows
  double flops_per_row = 0;
  size_t weight_bytes = 0;  // shared by all workers
  std::vector<BenchMeasurement> measurements;
};

// Executes plans on synthetic rows: numbers between -1 and 1, or the integers 0 and 1. Each worker
// computes the same rows again and again, so this is the speed without reading and writing files.
BenchReport benchmark(const Model& model, const BenchOptions& options = {});

// Seconds of one call of Model::predict on the calling thread, a median.
double measure_call(const Model& model, int64_t rows = 1,
                    const std::vector<Shape>& input_shapes = {}, double seconds = 0.5);

struct StepProfile {
  std::string op, primitive, output, layer;
  double seconds = 0;  // a median
  double flops = 0, bytes = 0;
};

struct Profile {
  int64_t batch_size = 0;
  double seconds = 0;  // of one execution, without measuring steps
  std::vector<StepProfile> steps;
};

// Times each step of the plan for `batch_size` rows (0: as predict() would choose) on the calling
// thread.
Profile profile(const Model& model, int64_t batch_size = 0,
                const std::vector<Shape>& input_shapes = {}, double seconds = 1);

}  // namespace hornet
