// The outputs of one predict call.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "api/compiled_model.h"
#include "base/file_system.h"
#include "hornet/predict.h"
#include "hornet/sink.h"
#include "job/journal.h"

namespace hornet::internal {

// A sink an output, in the order of the model's. Outputs that are neither finished nor kept go with
// it.
class JobOutputs {
 public:
  // Opens them all. `options` and `fs` must outlive it. Throws Error(kIo) as open_sink() does.
  JobOutputs(const CompiledModel& model, ModelPlans& plans, const PredictOptions& options,
             const SinkFactory& open_sink, FileSystem& fs);

  const std::vector<Sink*>& sinks() const { return sink_pointers_; }
  const std::vector<DType>& dtypes() const { return dtypes_; }

  // Writes into `header` what they are called and where they lie.
  void describe(job::JournalHeader& header) const;
  // Whether these are the outputs of the job that is gone on with: throws Error(kInvalidArgument)
  // for others, or where another job has taken the rows of one, Error(kIo) where they are complete
  // and the job is not, or where somebody else's file lies in the place of one.
  void check_continued(const job::Journal& journal, const job::JournalHeader& now) const;

  // Puts the fill value where a failed row belongs; docs/reliability.md lists the values.
  void fill(int64_t row) const;
  // Unfinished outputs stay when this goes, marked as those of the job; false, and none stays,
  // where one cannot.
  bool keep(const std::string& job) const;
  void drop() const;
  bool are_marked() const;
  void finish() const;

 private:
  std::string place_of(const std::string& output) const;
  std::string journal_from(const std::string& output) const;
  void check_owners(const job::Journal& journal) const;

  const PredictOptions& options_;
  FileSystem& fs_;
  std::vector<DType> dtypes_;
  std::vector<Tensor> fill_rows_;
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::vector<Sink*> sink_pointers_;
};

}  // namespace hornet::internal
