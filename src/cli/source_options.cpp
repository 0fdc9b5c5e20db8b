#include "cli/source_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "cli/bindings.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/text.h"

namespace hornet::cli {
namespace {

// Calls `set` with the input's index and value: of NAME=VALUE for that input, else for all.
void for_each_value(const std::vector<std::string>& values, const std::vector<TensorSpec>& specs,
                    const std::function<void(size_t, const std::string&)>& set) {
  const std::vector<std::string> names = labels(specs);
  for (const std::string& value : values) {
    size_t named = specs.size();
    for (size_t i = 0; i < specs.size(); ++i) {
      if (!names[i].empty() && value.starts_with(names[i] + "=")) named = i;
    }
    if (named < specs.size()) {
      set(named, value.substr(names[named].size() + 1));
      continue;
    }
    for (size_t i = 0; i < specs.size(); ++i) set(i, value);
  }
}

[[noreturn]] void fail_value(const char* option, const std::string& value,
                             const std::string& expected) {
  throw CommandError(ExitCode::kUsage, fmt::format("{} {}: expected {}", option, value, expected));
}

template <class T>
T choice(const char* option, const std::string& value,
         const std::vector<std::pair<std::string, T>>& choices) {
  std::vector<std::string> words;
  for (const auto& [word, meaning] : choices) {
    if (word == value) return meaning;
    words.push_back(word);
  }
  fail_value(option, value, fmt::format("one of {}", enumerate(words)));
}

// "a,b,c"; a name with commas is given with --columns of its own as \"a,b\".
std::vector<std::string> split(const std::string& list) {
  if (list.size() > 1 && list.starts_with('"') && list.ends_with('"')) {
    return {list.substr(1, list.size() - 2)};
  }
  std::vector<std::string> words;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    words.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::vector<SourceOptions> options_of(const SourceArguments& arguments,
                                      const std::vector<TensorSpec>& specs) {
  std::vector<SourceOptions> options(specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    options[i].wanted_dtype = specs[i].dtype;
    if (specs[i].shape.empty()) continue;
    const Shape row_shape(specs[i].shape.begin() + 1, specs[i].shape.end());
    if (is_known(row_shape)) options[i].wanted_row_shape = row_shape;
  }
  for_each_value(arguments.formats, specs,
                 [&](size_t i, const std::string& value) { options[i].format = value; });
  for_each_value(arguments.dtypes, specs, [&](size_t i, const std::string& value) {
    options[i].dtype = at_stage(ExitCode::kUsage, [&] { return dtype_from_string(value); });
  });
  for_each_value(arguments.shapes, specs, [&](size_t i, const std::string& value) {
    options[i].row_shape = parse_shape(value);
  });
  for_each_value(arguments.columns, specs, [&](size_t i, const std::string& value) {
    for (const std::string& column : split(value)) options[i].columns.push_back(column);
  });
  for_each_value(arguments.delimiters, specs, [&](size_t i, const std::string& value) {
    if (value.size() != 1) fail_value("--delimiter", value, "one character");
    options[i].delimiter = value[0];
  });
  for_each_value(arguments.headers, specs, [&](size_t i, const std::string& value) {
    using Header = SourceOptions::Header;
    options[i].header = choice<Header>(
        "--header", value, {{"auto", Header::kAuto}, {"yes", Header::kYes}, {"no", Header::kNo}});
  });
  for_each_value(arguments.interpolations, specs, [&](size_t i, const std::string& value) {
    using Interpolation = SourceOptions::Interpolation;
    options[i].interpolation = choice<Interpolation>(
        "--interpolation", value,
        {{"bilinear", Interpolation::kBilinear}, {"nearest", Interpolation::kNearest}});
  });
  for (SourceOptions& each : options) {
    each.crop_to_aspect_ratio = arguments.crop_to_aspect_ratio;
    each.scaled_decoding = arguments.scaled_decoding;
    each.memory_bytes = arguments.memory_bytes;
  }
  return options;
}

// The members of a single file for several inputs.
std::vector<std::string> members(const std::string& path, const std::vector<TensorSpec>& specs) {
  std::vector<std::string> paths;
  for (const TensorSpec& spec : specs) paths.push_back(path + ":/" + spec.name);
  return paths;
}

std::vector<std::string> paths_of(const std::vector<std::string>& inputs, const Model& model,
                                  const std::string& model_path,
                                  const std::vector<SourceOptions>& options) {
  const std::vector<TensorSpec>& specs = model.inputs();
  const bool one_for_all =
      inputs.size() == 1 && specs.size() > 1 && has_members(inputs[0], options[0].format) &&
      inputs[0].find('=') == std::string::npos && inputs[0].find(":/") == std::string::npos;
  return one_for_all ? members(inputs[0], specs) : bind_paths(inputs, specs, "input", model_path);
}

// Flags are for no input by name: they go to those that are pictures. Where there is none all keep
// them, and refuse them.
void keep_flags_of_pictures(const std::vector<std::string>& paths,
                            std::vector<SourceOptions>& options) {
  std::vector<SourceOptions*> others;
  for (size_t i = 0; i < paths.size(); ++i) {
    if (!may_be_pictures(paths[i], options[i].format)) others.push_back(&options[i]);
  }
  if (others.size() == paths.size()) return;
  for (SourceOptions* other : others) {
    other->crop_to_aspect_ratio = false;
    other->scaled_decoding = false;
  }
}

}  // namespace

const char* const kInputHelp =
    "A file, its format told by its name, or - for the standard input; NAME=FILE for the input "
    "NAME of a model with several. FILE.h5:/DATASET and FILE.npz:/ARRAY name a member";

void add_source_options(CLI::App& command, SourceArguments& arguments, bool with_shape) {
  const auto add = [&](const char* name, std::vector<std::string>& values, const char* help,
                       const char* type) {
    command.add_option(name, values, help)->allow_extra_args(false)->type_name(type);
  };
  add("--format", arguments.formats,
      "Format of the input, where its name does not tell: npy, npz, hdf5, raw, csv, tsv, "
      "pictures, tfrecord",
      "FORMAT");
  add("--dtype", arguments.dtypes,
      "Type of the elements of a raw input, a table or bytes in records, such as float32", "TYPE");
  if (with_shape)
    add("--shape", arguments.shapes,
        "Shape of a row, such as 224,224,3, where the input leaves it open [the model's]", "SIZES");
  add("--columns", arguments.columns,
      "Columns of a table, by name or by number from 0, in this order: a,b,3,5:9; !a leaves one "
      "out",
      "NAMES");
  add("--delimiter", arguments.delimiters, "What divides the fields of a table [, or a tab]",
      "CHAR");
  add("--header", arguments.headers, "Whether a table begins with names: yes, no or auto [auto]",
      "MODE");
  add("--interpolation", arguments.interpolations,
      "How pictures are resized: bilinear or nearest, as Keras does [bilinear]", "METHOD");
  command.add_flag("--crop-to-aspect-ratio", arguments.crop_to_aspect_ratio,
                   "Cut pictures to the aspect ratio of their row before resizing");
  command.add_flag("--scaled-decoding", arguments.scaled_decoding,
                   "Decode large JPEG pictures at a smaller scale: faster, slightly other pixels");
}

std::vector<std::unique_ptr<Source>> open_inputs(const std::vector<std::string>& inputs,
                                                 const Model& model, const std::string& model_path,
                                                 const SourceArguments& arguments) {
  std::vector<SourceOptions> options = options_of(arguments, model.inputs());
  const std::vector<std::string> paths = paths_of(inputs, model, model_path, options);
  keep_flags_of_pictures(paths, options);
  std::vector<std::unique_ptr<Source>> sources;
  for (size_t i = 0; i < paths.size(); ++i) {
    sources.push_back(
        at_stage(ExitCode::kInput, [&] { return open_source(paths[i], options[i]); }));
  }
  return sources;
}

std::unique_ptr<Source> open_input(const std::string& path, const SourceArguments& arguments) {
  const std::vector<TensorSpec> unknown(1);
  const std::vector<SourceOptions> options = options_of(arguments, unknown);
  return at_stage(ExitCode::kInput, [&] { return open_source(path, options[0]); });
}

}  // namespace hornet::cli
