#include "api/job_outputs.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>

#include "base/check.h"

namespace hornet::internal {
namespace {

template <class Value>
void fill_with(void* data, int64_t count, Value value) {
  std::fill_n(static_cast<Value*>(data), count, value);
}

// One row that says that it is none.
Tensor fill_row(DType dtype, const Shape& row_shape) {
  Shape shape = row_shape;
  shape.insert(shape.begin(), 1);
  Tensor row(dtype, shape);  // zeros, which for bool is false
  void* data = row.mutable_data();
  const int64_t count = row.num_elements();
  switch (dtype) {
    case DType::kBool:
      break;
    case DType::kInt8:
      fill_with(data, count, std::numeric_limits<int8_t>::min());
      break;
    case DType::kInt16:
      fill_with(data, count, std::numeric_limits<int16_t>::min());
      break;
    case DType::kInt32:
      fill_with(data, count, std::numeric_limits<int32_t>::min());
      break;
    case DType::kInt64:
      fill_with(data, count, std::numeric_limits<int64_t>::min());
      break;
    case DType::kUInt8:
    case DType::kUInt16:
    case DType::kUInt32:
    case DType::kUInt64:
      std::memset(data, 0xff, row.num_bytes());
      break;
    case DType::kFloat16:
      fill_with(data, count, uint16_t{0x7e00});
      break;
    case DType::kBFloat16:
      fill_with(data, count, uint16_t{0x7fc0});
      break;
    case DType::kFloat32:
      fill_with(data, count, std::numeric_limits<float>::quiet_NaN());
      break;
    case DType::kFloat64:
      fill_with(data, count, std::numeric_limits<double>::quiet_NaN());
      break;
  }
  return row;
}

// The path of `file` from the folder of `other`.
std::string path_from(const std::string& other, const std::string& file) {
  namespace stdfs = std::filesystem;
  std::error_code error;  // a name that is no path has an empty place, or a part of one
  const auto folder_of = [&](const stdfs::path& path) {
    return stdfs::weakly_canonical(stdfs::absolute(path, error).parent_path(), error);
  };
  return (folder_of(file) / stdfs::path(file).filename())
      .lexically_relative(folder_of(other))
      .string();
}

}  // namespace

JobOutputs::JobOutputs(const CompiledModel& model, ModelPlans& plans, const PredictOptions& options,
                       const SinkFactory& open_sink, FileSystem& fs)
    : options_(options), fs_(fs) {
  for (size_t k = 0; k < model.outputs().size(); ++k) {
    const Shape shape = plans.for_rows(1).output_types()[k].shape;
    const Shape row_shape(shape.begin() + 1, shape.end());
    const DType computed = model.outputs()[k].dtype;
    const DType dtype = is_floating(computed) ? options.output_dtype.value_or(computed) : computed;
    sinks_.push_back(open_sink(k, dtype, row_shape));
    require(sinks_.back() != nullptr, ErrorCode::kInvalidArgument, "the sink of output {} is null",
            k);
    sink_pointers_.push_back(sinks_.back().get());
    fill_rows_.push_back(fill_row(dtype, row_shape));
    dtypes_.push_back(dtype);
  }
}

void JobOutputs::describe(job::JournalHeader& header) const {
  header.overwrites = options_.overwrite == Overwrite::kAllowed;
  for (const auto& sink : sinks_) {
    header.outputs.push_back(sink->name());
    header.places.push_back(place_of(sink->name()));
    header.overwrites = header.overwrites || exists(sink->name(), fs_);
  }
}

// The path of an output from the journal's folder; "" without a journal.
std::string JobOutputs::place_of(const std::string& output) const {
  return options_.journal_path.empty() ? "" : path_from(options_.journal_path, output);
}

// The path of the journal from an output's folder.
std::string JobOutputs::journal_from(const std::string& output) const {
  return path_from(output, options_.journal_path);
}

void JobOutputs::check_continued(const job::Journal& journal, const job::JournalHeader& now) const {
  const job::JournalHeader& then = journal.header();
  for (const auto& sink : sinks_) {
    require(!sink->is_finished() || journal.state().is_complete, ErrorCode::kIo,
            "cannot resume: {} is complete, and the job of {} is not", sink->name(),
            journal.path());
  }
  job::check_same_outputs(journal.path(), then, now);
  // Where the job was begun without such a file, it is not the job's. (Other sinks may have
  // theirs at once; older journals do not say.)
  const bool may_overwrite =
      then.overwrites || then.places.empty() || options_.overwrite == Overwrite::kAllowed;
  for (const auto& sink : sinks_) {
    require(
        may_overwrite || sink->is_finished() || !sink->file_rows() || !exists(sink->name(), fs_),
        ErrorCode::kIo,
        "{} was created by another program in the meantime, and is not overwritten unless "
        "asked to",
        sink->name());
  }
  check_owners(journal);
}

// Where nothing is done yet, or nothing is left to do, the mark may be missing.
void JobOutputs::check_owners(const job::Journal& journal) const {
  const job::JournalState& state = journal.state();
  const std::string& job = journal.header().job;
  for (const auto& sink : sinks_) {
    const std::optional<RowsOwner> owner = sink->owner();
    const bool needs_mark = state.chunks_done > 0 && !state.is_complete;
    require(job.empty() || (owner ? owner->job == job : !needs_mark), ErrorCode::kInvalidArgument,
            "cannot resume: {}.partial is another than the one the job of {} was begun with: "
            "another job has taken its name; --force begins anew",
            sink->name(), journal.path());
  }
}

void JobOutputs::fill(int64_t row) const {
  for (size_t k = 0; k < sinks_.size(); ++k) sinks_[k]->write(row, fill_rows_[k]);
}

bool JobOutputs::keep(const std::string& job) const {
  bool kept = true;
  for (const auto& sink : sinks_) kept = sink->keep() && kept;
  if (!kept) {
    drop();
    return false;
  }
  for (const auto& sink : sinks_) {
    if (!job.empty() && !sink->is_finished()) sink->set_owner({job, journal_from(sink->name())});
  }
  return true;
}

void JobOutputs::drop() const {
  for (const auto& sink : sinks_) sink->keep(false);
}

bool JobOutputs::are_marked() const {
  return std::ranges::all_of(sinks_, [](const auto& sink) { return sink->owner().has_value(); });
}

void JobOutputs::finish() const {
  for (const auto& sink : sinks_) sink->finish();
}

}  // namespace hornet::internal
