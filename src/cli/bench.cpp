// hornet bench: how fast a model is on this machine, and where the time goes.
#include <fmt/format.h>

#include <algorithm>

#include "cli/bench_source.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/text.h"
#include "hornet/bench.h"

namespace hornet::cli {
namespace {

struct BenchArguments {
  ModelArguments model;
  BenchOptions options;
  std::vector<std::string> shapes;
  std::string source;
  SourceArguments source_options;
  bool profile = false, machine = false, call = false, cpu_time = false, json = false;
};

constexpr double kGiga = 1e9, kMicro = 1e-6, kPercent = 100;

Json to_json(const MachineSpeed& machine) {
  return {{"instruction_set", machine.instruction_set},
          {"workers", machine.workers},
          {"flops_per_second", machine.flops_per_second},
          {"bytes_per_second", machine.bytes_per_second}};
}

void print(const MachineSpeed& machine) {
  fmt::print("Machine: {}, {} worker{}: {:.0f} GFLOP/s of multiply-adds, {:.1f} GB/s read\n",
             machine.instruction_set, machine.workers, machine.workers == 1 ? "" : "s",
             machine.flops_per_second / kGiga, machine.bytes_per_second / kGiga);
}

// The peak of `workers` of the machine's.
double peak(const MachineSpeed& machine, int workers) {
  return machine.flops_per_second * workers / machine.workers;
}

const BenchMeasurement& best_of(const BenchReport& report) {
  return *std::ranges::max_element(report.measurements, {}, &BenchMeasurement::rows_per_second);
}

Json to_json(const BenchReport& report, const MachineSpeed& machine) {
  Json list = Json::array();
  for (const BenchMeasurement& m : report.measurements) {
    const double flops = m.rows_per_second * report.flops_per_row;
    list.push_back({{"batch_size", m.batch_size},
                    {"workers", m.workers},
                    {"rows_per_second", m.rows_per_second},
                    {"lowest", m.lowest},
                    {"highest", m.highest},
                    {"flops_per_second", flops},
                    {"share_of_peak", flops / peak(machine, m.workers)},
                    {"arena_bytes", m.arena_bytes}});
  }
  const BenchMeasurement& best = best_of(report);
  return {{"machine", to_json(machine)},
          {"flops_per_row", report.flops_per_row},
          {"chosen_batch_size", report.chosen_batch_size},
          {"weight_bytes", report.weight_bytes},
          {"measurements", std::move(list)},
          {"best", {{"batch_size", best.batch_size}, {"workers", best.workers}}}};
}

void print(const BenchReport& report, const MachineSpeed& machine) {
  print(machine);
  fmt::print("{} FLOP a row, weights {} shared\n\n", scaled(report.flops_per_row),
             megabytes(static_cast<double>(report.weight_bytes)));
  fmt::print("{:>7} {:>10} {:>12} {:>25} {:>9} {:>8} {:>12}\n", "workers", "batch size", "rows/s",
             "lowest .. highest", "GFLOP/s", "of peak", "arena");
  const BenchMeasurement& best = best_of(report);
  for (const BenchMeasurement& m : report.measurements) {
    const double flops = m.rows_per_second * report.flops_per_row;
    fmt::print("{:>7} {:>10} {:>12} {:>25} {:>9.1f} {:>6.1f} % {:>9} KiB{}{}\n", m.workers,
               m.batch_size, rate(m.rows_per_second),
               fmt::format("{} .. {}", rate(m.lowest), rate(m.highest)), flops / kGiga,
               kPercent * flops / peak(machine, m.workers),
               thousands(static_cast<int64_t>(m.arena_bytes >> 10)), &m == &best ? "  best" : "",
               m.batch_size == report.chosen_batch_size ? "  chosen by predict" : "");
  }
}

Json to_json(const Profile& profile, const MachineSpeed& machine) {
  Json steps = Json::array();
  for (const StepProfile& step : profile.steps) {
    steps.push_back({{"op", step.op},
                     {"primitive", step.primitive},
                     {"output", step.output},
                     {"layer", step.layer},
                     {"seconds", step.seconds},
                     {"flops", step.flops},
                     {"bytes", step.bytes},
                     {"share_of_peak", step.flops / step.seconds / machine.flops_per_second}});
  }
  return {{"machine", to_json(machine)},
          {"batch_size", profile.batch_size},
          {"seconds", profile.seconds},
          {"steps", std::move(steps)}};
}

struct Sum {
  double seconds = 0, flops = 0, bytes = 0;
  void add(const StepProfile& step) {
    seconds += step.seconds;
    flops += step.flops;
    bytes += step.bytes;
  }
};

std::string numbers(const Sum& sum, double all_seconds, const MachineSpeed& machine) {
  return fmt::format("{:>10.1f} {:>6.1f} {:>9.1f} {:>7.1f} {:>7.1f}", sum.seconds / kMicro,
                     kPercent * sum.seconds / all_seconds, sum.flops / sum.seconds / kGiga,
                     sum.bytes / sum.seconds / kGiga,
                     kPercent * sum.flops / sum.seconds / machine.flops_per_second);
}

void print(const Profile& profile, const MachineSpeed& machine) {
  print(machine);
  Sum all;
  std::vector<std::pair<std::string, Sum>> kinds;
  for (const StepProfile& step : profile.steps) {
    all.add(step);
    const std::string kind = step.op + ", " + step.primitive;
    auto found = std::ranges::find(kinds, kind, &std::pair<std::string, Sum>::first);
    if (found == kinds.end()) found = kinds.insert(found, {kind, Sum{}});
    found->second.add(step);
  }
  std::ranges::stable_sort(kinds, std::ranges::greater(),
                           [](const auto& kind) { return kind.second.seconds; });
  const std::string titles =
      fmt::format("{:>10} {:>6} {:>9} {:>7} {:>7}", "us", "% time", "GFLOP/s", "GB/s", "% peak");
  fmt::print("Batch size {}, one worker, an execution in {:.1f} us\n\n{}  operator, primitive\n",
             profile.batch_size, profile.seconds / kMicro, titles);
  for (const auto& [kind, sum] : kinds) {
    fmt::print("{}  {}\n", numbers(sum, all.seconds, machine), kind);
  }
  fmt::print("{}  all steps\n\nstep {}  primitive, output, layer\n",
             numbers(all, all.seconds, machine), titles);
  for (size_t i = 0; i < profile.steps.size(); ++i) {
    const StepProfile& step = profile.steps[i];
    Sum sum;
    sum.add(step);
    fmt::print("{:>4} {}  {:<30} {} # {}\n", i, numbers(sum, all.seconds, machine), step.primitive,
               step.output, printable(step.layer));
  }
}

ExitCode run(const BenchArguments& arguments) {
  const BenchClock clock = arguments.cpu_time ? BenchClock::kCpu : BenchClock::kWall;
  if (arguments.machine) {
    const MachineSpeed machine = measure_machine(
        arguments.options.workers.empty() ? 0 : arguments.options.workers[0], clock);
    if (arguments.json) {
      print_json(to_json(machine));
    } else {
      print(machine);
    }
    return ExitCode::kDone;
  }
  if (!arguments.source.empty()) {
    SourceArguments source_options = arguments.source_options;
    source_options.shapes = arguments.shapes;
    const std::vector<int>& workers = arguments.options.workers;
    return bench_source(arguments.source, source_options, workers.empty() ? 0 : workers[0],
                        arguments.json);
  }
  if (arguments.model.path.empty()) {
    throw CommandError(ExitCode::kUsage, "MODEL is required; see hornet bench --help");
  }
  const Model model = load_model(arguments.model);
  BenchOptions options = arguments.options;
  options.clock = clock;
  options.input_shapes = parse_shapes(arguments.shapes, model, arguments.model.path);
  if (arguments.call) {
    const int64_t rows = options.batch_sizes.empty() ? 1 : options.batch_sizes[0];
    const double seconds = measure_call(model, rows, options.input_shapes);
    if (arguments.json) {
      print_json({{"rows", rows}, {"seconds", seconds}});
    } else {
      fmt::print("A call of Model::predict with {} row{}: {:.2f} us\n", rows, rows == 1 ? "" : "s",
                 seconds / kMicro);
    }
    return ExitCode::kDone;
  }
  const MachineSpeed machine =
      arguments.profile ? measure_machine(1, BenchClock::kCpu) : measure_machine(0, clock);
  if (arguments.profile) {
    const int64_t batch = options.batch_sizes.empty() ? 0 : options.batch_sizes[0];
    const Profile result = profile(model, batch, options.input_shapes);
    if (arguments.json) {
      print_json(to_json(result, machine));
    } else {
      print(result, machine);
    }
    return ExitCode::kDone;
  }
  const BenchReport report = benchmark(model, options);
  if (arguments.json) {
    print_json(to_json(report, machine));
  } else {
    print(report, machine);
  }
  return ExitCode::kDone;
}

}  // namespace

Command add_bench(CLI::App& app) {
  auto arguments = std::make_shared<BenchArguments>();
  CLI::App* command = app.add_subcommand(
      "bench", "Measure a model's plan on synthetic rows: rows/s, share of the machine's peak");
  add_model(*command, arguments->model);
  command
      ->add_option("--batch-size", arguments->options.batch_sizes,
                   "Rows computed at once, several to compare: 1,2,4 [those that may be the best]")
      ->check(row_count())
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("ROWS,...");
  command
      ->add_option("--workers", arguments->options.workers,
                   "Threads that compute, several to compare: 1,2 [the usable cores]")
      ->check(CLI::Range(1, 4096).description(""))
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("N,...");
  command->add_option("--rounds", arguments->options.rounds, "Measurements; the median counts [5]")
      ->check(CLI::Range(1, 1000).description(""))
      ->type_name("N");
  command->add_option("--seconds", arguments->options.seconds, "Time of a measurement [0.2]")
      ->check(number_between(0.0, 3600.0))
      ->type_name("S");
  add_shapes(*command, arguments->shapes);
  CLI::Option* profile_flag = command->add_flag(
      "--profile", arguments->profile, "Time each step of the plan instead, on one worker");
  CLI::Option* call_flag = command->add_flag("--call", arguments->call,
                                             "Time calls of the library with one row instead");
  call_flag->excludes(profile_flag);
  command
      ->add_flag("--machine", arguments->machine,
                 "Only measure the machine: multiply-adds and memory; needs no MODEL")
      ->excludes(profile_flag)
      ->excludes(call_flag);
  command->add_flag("--cpu-time", arguments->cpu_time,
                    "Count the time that workers have a core: for machines that others use too");
  command
      ->add_option("--source", arguments->source,
                   "Only measure how fast this input gives its rows; needs no MODEL")
      ->excludes(profile_flag)
      ->excludes(call_flag)
      ->type_name("FILE");
  add_source_options(*command, arguments->source_options, /*with_shape=*/false);
  command->add_flag("--json", arguments->json, "Print JSON");
  return {command, [arguments] { return run(*arguments); }};
}

}  // namespace hornet::cli
