#include "cli/bindings.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "cli/exit_code.h"
#include "cli/text.h"

namespace hornet::cli {
namespace {

template <class... Args>
[[noreturn]] void fail_usage(fmt::format_string<Args...> format, Args&&... args) {
  throw CommandError(ExitCode::kUsage, fmt::format(format, std::forward<Args>(args)...));
}

bool has_duplicates(const std::vector<TensorSpec>& specs, const std::string& name) {
  return std::ranges::count(specs, name, &TensorSpec::name) > 1;
}

std::string plural(size_t count, const std::string& word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

struct Binding {
  std::optional<size_t> spec;  // nothing for a plain path
  std::string path;
};

// The specs whose `field` with a '=' begins the argument: those with the longest.
std::vector<size_t> matches(const std::string& argument, const std::vector<TensorSpec>& specs,
                            std::string TensorSpec::*field) {
  std::vector<size_t> found;
  size_t longest = 0;
  for (size_t i = 0; i < specs.size(); ++i) {
    const std::string& key = specs[i].*field;
    if (key.empty() || key.size() < longest || !argument.starts_with(key + "=")) continue;
    if (key.size() > longest) found.clear();
    longest = key.size();
    found.push_back(i);
  }
  return found;
}

Binding parse(const std::string& argument, const std::vector<TensorSpec>& specs,
              const std::string& role, const std::string& model) {
  for (std::string TensorSpec::*field : {&TensorSpec::name, &TensorSpec::path}) {
    const std::vector<size_t> found = matches(argument, specs, field);
    if (found.empty()) continue;
    const std::string& key = specs[found[0]].*field;
    if (found.size() > 1) {
      fail_usage("{} {}s of {} are called \"{}\": say which by its place: {}", found.size(), role,
                 model, key, enumerate(labels(specs)));
    }
    Binding binding = {found[0], argument.substr(key.size() + 1)};
    if (binding.path.empty()) fail_usage("{} \"{}\" has no file after the \"=\"", role, key);
    return binding;
  }
  const size_t equals = argument.find('=');
  if (equals != std::string::npos && argument.find('/') > equals) {
    fail_usage("{} has no {} \"{}\"; it has {} (a file of this name is given as ./{})", model, role,
               argument.substr(0, equals), enumerate(labels(specs)), argument);
  }
  return {std::nullopt, argument};
}

}  // namespace

std::vector<std::string> labels(const std::vector<TensorSpec>& specs) {
  std::vector<std::string> result;
  for (const TensorSpec& spec : specs) {
    if (spec.name.empty()) {
      result.push_back(spec.path);
    } else if (has_duplicates(specs, spec.name) && !spec.path.empty()) {
      result.push_back(fmt::format("{} at {}", spec.name, spec.path));
    } else {
      result.push_back(spec.name);
    }
  }
  return result;
}

std::vector<std::string> bind_paths(const std::vector<std::string>& arguments,
                                    const std::vector<TensorSpec>& specs, const std::string& role,
                                    const std::string& model) {
  std::vector<Binding> bindings;
  for (const std::string& argument : arguments) {
    bindings.push_back(parse(argument, specs, role, model));
  }
  const auto is_plain = [](const Binding& binding) { return !binding.spec; };
  const auto num_plain = static_cast<size_t>(std::ranges::count_if(bindings, is_plain));
  if (num_plain != 0 && num_plain != bindings.size()) {
    fail_usage("name either all {}s, as NAME=path, or none of them", role);
  }
  if (num_plain != 0 && num_plain != specs.size()) {
    fail_usage("{} has {} ({}), but {} given", model, plural(specs.size(), role),
               enumerate(labels(specs)),
               num_plain == 1 ? "1 file is" : fmt::format("{} files are", num_plain));
  }
  std::vector<std::string> paths(specs.size());
  for (size_t i = 0; i < bindings.size(); ++i) {
    std::string& path = paths[bindings[i].spec.value_or(i)];
    if (!path.empty()) {
      fail_usage("{} \"{}\" is given twice", role, labels(specs)[*bindings[i].spec]);
    }
    if (bindings[i].path.empty()) fail_usage("the path of an {} is empty", role);
    path = bindings[i].path;
  }
  for (size_t i = 0; i < specs.size(); ++i) {
    if (paths[i].empty()) {
      fail_usage("{} \"{}\" of {} is not given; give each as NAME=path", role, labels(specs)[i],
                 model);
    }
  }
  return paths;
}

std::vector<std::string> file_names(const std::vector<TensorSpec>& specs) {
  std::set<std::string> taken;
  std::vector<std::string> names;
  for (size_t i = 0; i < specs.size(); ++i) {
    std::string name = specs[i].name.empty() ? fmt::format("output_{}", i) : specs[i].name;
    if (has_duplicates(specs, specs[i].name)) {
      name += "_" + (specs[i].path.empty() ? std::to_string(i) : specs[i].path);
    }
    // A name from a model must not lead out of the folder.
    std::ranges::replace_if(
        name, [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20; }, '_');
    while (!taken.insert(name).second) name += fmt::format("_{}", i);
    names.push_back(name);
  }
  return names;
}

}  // namespace hornet::cli
