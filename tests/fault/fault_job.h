// A job over rows some of which fail, and what must come of it.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/predict_job.h"
#include "data/npy.h"
#include "fault/fault_layers.h"
#include "hornet/predict.h"
#include "paths.h"
#include "unit/base/temporary_directory.h"

namespace hornet {

class FaultJob {
 public:
  static constexpr int64_t kRowElements = 6 * 4;

  FaultJob(int64_t rows, std::map<int64_t, float> marks) : rows_(rows), marks_(std::move(marks)) {
    std::vector<float> values(static_cast<size_t>(rows * kRowElements));
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>(i * 7919 % 1000) / 500 - 1;
    }
    for (const auto& [row, mark] : marks_) {
      std::fill_n(values.begin() + row * kRowElements, kRowElements, mark);
    }
    const auto sink = open_sink(input_, DType::kFloat32, {6, 4}, rows);
    sink->write(0, {values.data(), DType::kFloat32, {rows, 6, 4}});
    sink->finish();
    // Undisturbed: no row fails where its mark means nothing.
    for (const auto& [row, mark] : marks_) {
      if (mark != kIsSlow) std::fill_n(values.begin() + row * kRowElements, kRowElements, 0.0F);
    }
    const Tensor all = model().predict({{values.data(), DType::kFloat32, {rows, 6, 4}}})[0];
    expected_.assign(all.as<float>(), all.as<float>() + all.num_elements());
  }

  static const Model& model() {
    static const Model kModel =
        Model::load(std::string(HORNET_SOURCE_DIR) + "/examples/custom_layer/model.keras",
                    {.weights_path = "", .custom_layers = fault_layers()});
    return kModel;
  }

  PredictOptions options(ExecutorKind kind) const {
    PredictOptions options;
    options.executor = kind;
    options.worker_program = HORNET_FAULT_WORKER;
    options.workers = 2;
    options.batch_size = 4;
    options.chunk_size = 16;
    options.sync_interval_seconds = 0;
    options.journal_path = journal_path();
    options.errors_path = errors_path();
    return options;
  }

  PredictReport run(const PredictOptions& options, const internal::JobHooks& hooks = {}) const {
    const auto source = open_source(input_);
    const Overwrite overwrite = options.resume ? Overwrite::kResume : options.overwrite;
    const auto sinks = [&](size_t, DType dtype, const Shape& shape) {
      return open_npy_sink(output_path(), dtype, shape, rows_, overwrite, *hooks.file_system);
    };
    return internal::predict(model(), {source.get()}, sinks, options, hooks);
  }

  // Goes on where there is a journal, begins where there is none.
  PredictReport resume(PredictOptions options) const {
    options.resume = std::filesystem::exists(journal_path());
    return run(options);
  }

  // The output is complete: good rows have the bytes of an undisturbed run, bad ones are filled and
  // listed, and nothing else is left.
  void expect_complete(const std::set<int64_t>& bad) const {
    const Tensor got = read_npy(output_path());
    ASSERT_EQ(got.num_elements(), static_cast<int64_t>(expected_.size()));
    const int64_t width = got.num_elements() / std::max<int64_t>(rows_, 1);
    for (int64_t row = 0; row < rows_; ++row) {
      const float* values = got.as<float>() + row * width;
      if (bad.contains(row)) {
        EXPECT_TRUE(std::isnan(values[0]) && std::isnan(values[width - 1])) << row;
      } else {
        EXPECT_EQ(std::memcmp(values, expected_.data() + row * width,
                              static_cast<size_t>(width) * sizeof(float)),
                  0)
            << row;
      }
    }
    EXPECT_EQ(listed_rows(), std::vector<int64_t>(bad.begin(), bad.end()));
    EXPECT_FALSE(std::filesystem::exists(journal_path()));
    EXPECT_FALSE(std::filesystem::exists(output_path() + ".partial"));
  }

  std::vector<int64_t> listed_rows() const {
    std::vector<int64_t> rows;
    std::ifstream file(errors_path());
    for (std::string line; std::getline(file, line);) {
      rows.push_back(std::stoll(line.substr(line.find(':') + 1)));
    }
    return rows;
  }

  void remove_outputs() const {
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      if (entry.path() != input_) std::filesystem::remove(entry.path());
    }
  }

  std::string input_path() const { return input_; }
  std::string output_path() const { return directory_.path("y.npy"); }
  std::string journal_path() const { return directory_.path("y.npy.hornet"); }
  std::string errors_path() const { return directory_.path("y.npy.errors.jsonl"); }
  int64_t rows() const { return rows_; }

 private:
  const int64_t rows_;
  const std::map<int64_t, float> marks_;
  TemporaryDirectory directory_ = {};
  const std::string input_ = directory_.path("x.npy");
  std::vector<float> expected_;
};

}  // namespace hornet
