// hornet inspect: what a model file holds.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/bindings.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/text.h"

namespace hornet::cli {
namespace {

struct InspectArguments {
  ModelArguments model;
  bool json = false;
  bool plan = false;
  int64_t batch_size = 0;
  std::vector<std::string> shapes;
};

constexpr size_t kNumColumns = 3;
using Row = std::array<std::string, kNumColumns>;

std::string described(const LayerSummary& layer) {
  return fmt::format("{} ({})", printable(layer.name), printable(layer.class_name));
}

std::string described(const TensorSpec& spec) {
  return fmt::format("{} {}", to_string(spec.dtype), to_string(spec.shape));
}

void print_layers(const ModelSummary& summary) {
  std::vector<Row> rows = {{"Layer (type)", "Output shape", "Parameters"}};
  for (const LayerSummary& layer : summary.layers) {
    rows.push_back({std::string(static_cast<size_t>(2 * layer.depth), ' ') + described(layer),
                    printable(layer.output), thousands(layer.num_parameters)});
  }
  std::array<size_t, kNumColumns> widths = {};
  for (const Row& row : rows) {
    for (size_t i = 0; i < kNumColumns; ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    fmt::print("{}  {}  {}\n", pad_right(rows[i][0], widths[0]), pad_right(rows[i][1], widths[1]),
               pad_left(rows[i][2], widths[2]));
    if (i == 0) fmt::print("{}\n", std::string(widths[0] + widths[1] + widths[2] + 4, '-'));
  }
}

void print_specs(const char* title, const std::vector<TensorSpec>& specs) {
  if (specs.empty()) return;
  const std::vector<std::string> names = labels(specs);
  size_t width = 0;
  for (const std::string& name : names) width = std::max(width, display_width(printable(name)));
  fmt::print("\n{}\n", title);
  for (size_t i = 0; i < specs.size(); ++i) {
    fmt::print("  {}  {}\n", pad_right(printable(names[i]), width), described(specs[i]));
  }
}

bool is_supported(const LayerSummary& layer) { return layer.unsupported.empty(); }

void print_unsupported(const ModelSummary& summary) {
  if (std::ranges::all_of(summary.layers, is_supported)) return;
  fmt::print("\nNot supported\n");
  for (const LayerSummary& layer : summary.layers) {
    if (is_supported(layer)) continue;
    fmt::print("  {}: {}\n", described(layer), printable(layer.unsupported));
  }
}

void print_text(const ModelSummary& summary) {
  fmt::print("Model \"{}\" ({})", printable(summary.name), printable(summary.class_name));
  if (!summary.keras_version.empty()) {
    fmt::print(", saved by Keras {}", printable(summary.keras_version));
  }
  fmt::print("\n\n");
  print_layers(summary);
  fmt::print("\nTotal parameters          {}\nTrainable parameters      {}\n",
             thousands(summary.num_parameters), thousands(summary.num_trainable_parameters));
  fmt::print("Non-trainable parameters  {}\n",
             thousands(summary.num_parameters - summary.num_trainable_parameters));
  if (summary.flops_per_row > 0) {
    fmt::print("FLOP a row                {}\n", scaled(summary.flops_per_row));
  }
  print_specs("Inputs", summary.inputs);
  print_specs("Outputs", summary.outputs);
  print_unsupported(summary);
}

Json to_json(const std::vector<TensorSpec>& specs) {
  Json list = Json::array();
  for (const TensorSpec& spec : specs) {
    Json shape = Json::array();
    for (int64_t size : spec.shape) shape.push_back(size == kUnknownDim ? Json() : Json(size));
    list.push_back({{"name", spec.name},
                    {"path", spec.path},
                    {"dtype", to_string(spec.dtype)},
                    {"shape", std::move(shape)}});
  }
  return list;
}

Json to_json(const ModelSummary& summary) {
  Json layers = Json::array();
  for (const LayerSummary& layer : summary.layers) {
    layers.push_back({{"name", layer.name},
                      {"class", layer.class_name},
                      {"depth", layer.depth},
                      {"output", layer.output},
                      {"parameters", layer.num_parameters},
                      {"unsupported", is_supported(layer) ? Json() : Json(layer.unsupported)}});
  }
  return {{"name", summary.name},
          {"class", summary.class_name},
          {"keras_version", summary.keras_version},
          {"supported", std::ranges::all_of(summary.layers, is_supported)},
          {"parameters", summary.num_parameters},
          {"trainable_parameters", summary.num_trainable_parameters},
          {"flops_per_row", summary.flops_per_row},
          {"inputs", to_json(summary.inputs)},
          {"outputs", to_json(summary.outputs)},
          {"layers", std::move(layers)}};
}

std::string plan_text(const InspectArguments& arguments) {
  const Model model = load_model(arguments.model);
  const std::vector<Shape> shapes = parse_shapes(arguments.shapes, model, arguments.model.path);
  return at_stage(ExitCode::kModel, [&] { return model.plan_text(arguments.batch_size, shapes); });
}

ExitCode run(const InspectArguments& arguments) {
  const ModelSummary summary = at_stage(
      ExitCode::kModel, [&] { return summarize(arguments.model.path, arguments.model.options); });
  const bool supported = std::ranges::all_of(summary.layers, is_supported);
  if (arguments.json) {
    Json json = to_json(summary);
    if (arguments.plan && supported) json["plan"] = plan_text(arguments);
    print_json(json);
  } else if (arguments.plan && supported) {
    fmt::print("{}", plan_text(arguments));
  } else {
    print_text(summary);
  }
  if (supported) return ExitCode::kDone;
  const auto layer = std::ranges::find_if_not(summary.layers, is_supported);
  throw CommandError(ExitCode::kModel,
                     fmt::format("{}: layer {} is not supported: {}", arguments.model.path,
                                 described(*layer), layer->unsupported));
}

}  // namespace

Command add_inspect(CLI::App& app) {
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App* command = app.add_subcommand(
      "inspect", "Describe a model: layers, inputs, outputs, parameters, FLOP; or its plan");
  add_model(*command, arguments->model)->required();
  command->add_flag("--json", arguments->json, "Print JSON");
  CLI::Option* plan = command->add_flag(
      "--plan", arguments->plan, "Print the steps that predicting takes instead of the layers");
  command
      ->add_option("--batch-size", arguments->batch_size,
                   "Rows the plan computes at once [what predict would choose]")
      ->check(row_count())
      ->needs(plan)
      ->type_name("ROWS");
  add_shapes(*command, arguments->shapes)->needs(plan);
  return {command, [arguments] { return run(*arguments); }};
}

}  // namespace hornet::cli
