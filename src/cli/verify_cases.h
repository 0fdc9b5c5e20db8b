// Folders with a model, inputs and the outputs Keras gave for them.
#pragma once

#include <string>
#include <vector>

#include "cli/comparison.h"

namespace hornet::cli {

// The folders of the cases in `folder`: itself if it has a case.json, those its index.json lists,
// or else its subfolders with a case.json, sorted by name. Throws Error where there is none.
std::vector<std::string> find_cases(const std::string& folder);

// Every model file of a case with every run.
struct CaseResult {
  Comparison comparison;
  std::vector<std::string> failures;  // one a model file and run that fails
};

// Never throws for what a case is made of: that is a failure of the case.
// `override_tolerance` instead of the case's own, unless null.
CaseResult run_case(const std::string& folder, const Tolerance* override_tolerance);

}  // namespace hornet::cli
