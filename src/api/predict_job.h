// predict() with what only tests replace.
#pragma once

#include "base/file_system.h"
#include "hornet/predict.h"
#include "runtime/batch_runner.h"

namespace hornet::internal {

struct JobHooks {
  FileSystem* file_system = &FileSystem::real();  // for the journal, the errors and the report
  std::function<void(const std::vector<TensorView>& inputs)> inspect = {};  // see BatchOptions
};

PredictReport predict(const Model& model, const std::vector<const Source*>& sources,
                      const SinkFactory& open_sink, const PredictOptions& options,
                      const JobHooks& hooks);

}  // namespace hornet::internal
