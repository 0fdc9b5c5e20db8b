// Promise 2: the same bytes whatever the batch size, chunk size and number of workers.
#include "hornet/predict.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>
#include <stdexcept>

#include "hornet/error.h"
#include "paths.h"
#include "unit/api/npy_rows.h"

namespace hornet {
namespace {

Tensor random_rows(const TensorSpec& spec, int64_t rows, std::mt19937& generator) {
  Shape shape = spec.shape;
  shape[0] = rows;
  Tensor tensor(spec.dtype, shape);
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    if (spec.dtype == DType::kInt32) {
      tensor.mutable_as<int32_t>()[i] = static_cast<int32_t>(generator() % 3);
    } else {
      tensor.mutable_as<float>()[i] = normal(generator);
    }
  }
  return tensor;
}

std::vector<Tensor> predict_in_memory(const Model& model, const std::vector<Tensor>& inputs,
                                      const PredictOptions& options) {
  std::vector<std::unique_ptr<Source>> sources;
  std::vector<const Source*> pointers;
  for (const Tensor& input : inputs) {
    sources.push_back(memory_source(input));
    pointers.push_back(sources.back().get());
  }
  const int64_t rows = inputs[0].shape()[0];
  std::vector<Tensor> outputs(model.outputs().size());
  const SinkFactory sinks = [&](size_t k, DType dtype, const Shape& row_shape) {
    Shape shape = row_shape;
    shape.insert(shape.begin(), rows);
    outputs[k] = Tensor(dtype, shape);
    return memory_sink({outputs[k].mutable_data(), dtype, shape});
  };
  const PredictReport report = predict(model, pointers, sinks, options);
  EXPECT_EQ(report.rows, rows);
  return outputs;
}

class SameBytesTest : public ::testing::TestWithParam<const char*> {
 protected:
  static std::string path() {
    const std::string name = GetParam();
    if (name == "digits") return std::string(HORNET_SOURCE_DIR) + "/examples/digits/digits.keras";
    return test_data("api/" + name);
  }
};

TEST_P(SameBytesTest, WhateverBatchChunkAndWorkers) {
  const Model model = Model::load(path());
  std::mt19937 generator(11);
  // A prime: the last batch and chunk are short. Fewer where a sanitizer makes each cost more.
#ifdef __SANITIZE_ADDRESS__
  constexpr int64_t kRows = 37;
#else
  constexpr int64_t kRows = 131;
#endif
  std::vector<Tensor> inputs;
  for (const TensorSpec& spec : model.inputs()) {
    inputs.push_back(random_rows(spec, kRows, generator));
  }
  PredictOptions base;
  base.workers = 1;
  base.batch_size = 1;
  base.chunk_size = kRows;
  const std::vector<Tensor> expected = predict_in_memory(model, inputs, base);
#ifdef __SANITIZE_ADDRESS__
  const std::vector<int64_t> batches = {1, 3, 32};
#else
  const std::vector<int64_t> batches = {1, 2, 3, 8, 32, 256};
#endif
  for (const int workers : {1, 2, 3, 7}) {
    for (const int64_t chunk : {1, 2, 5, 64, 10000}) {
      for (const int64_t batch : batches) {
        PredictOptions options;
        options.workers = workers;
        options.chunk_size = chunk;
        options.batch_size = batch;
        const std::vector<Tensor> got = predict_in_memory(model, inputs, options);
        for (size_t k = 0; k < got.size(); ++k) {
          ASSERT_EQ(std::memcmp(got[k].data(), expected[k].data(), got[k].num_bytes()), 0)
              << "output " << k << ", " << workers << " workers, chunks of " << chunk
              << ", batches of " << batch;
        }
      }
    }
  }
  const std::vector<Tensor> by_default = predict_in_memory(model, inputs, {});
  EXPECT_EQ(std::memcmp(by_default[0].data(), expected[0].data(), expected[0].num_bytes()), 0);
}

INSTANTIATE_TEST_SUITE_P(Models, SameBytesTest,
                         ::testing::Values("digits", "tabular_mlp.keras", "gru.keras",
                                           "bidirectional_05_concat_seq/model.keras",
                                           "mha_00_self/model.keras", "io_00_multi/model.keras",
                                           "rows_moved.keras"),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name) c = std::isalnum(c) != 0 ? c : '_';
                           return name;
                         });

TEST(Predict, FewRows_AllComeOut) {
  const Model model = Model::load(test_data("api/tabular_mlp.keras"));
  std::mt19937 generator(5);
  for (const int64_t rows : {0, 1, 2, 3}) {
    const std::vector<Tensor> inputs = {random_rows(model.inputs()[0], rows, generator)};
    PredictOptions options;
    options.workers = 7;
    const Tensor got = predict_in_memory(model, inputs, options)[0];
    EXPECT_EQ(got.shape(), (Shape{rows, 1}));
    const Tensor expected = model.predict({inputs[0].view()})[0];
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.num_bytes()), 0);
  }
}

TEST(Predict, BatchSizeFarBeyondTheRows_IsNoMoreThanThese) {
  const Model model = Model::load(test_data("api/tabular_mlp.keras"));
  std::mt19937 generator(5);
  for (const int64_t rows : {0, 1, 5}) {
    const std::vector<Tensor> inputs = {random_rows(model.inputs()[0], rows, generator)};
    PredictOptions options;
    options.batch_size = int64_t{1} << 60;
    const Tensor got = predict_in_memory(model, inputs, options)[0];
    const Tensor expected = model.predict({inputs[0].view()})[0];
    ASSERT_EQ(got.shape(), expected.shape());
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.num_bytes()), 0);
  }
}

TEST(Predict, SourcesOfDifferentLength_AreRefused) {
  const Model model = Model::load(test_data("api/io_00_multi/model.keras"));
  std::mt19937 generator(5);
  std::vector<Tensor> inputs;
  for (const TensorSpec& spec : model.inputs()) inputs.push_back(random_rows(spec, 4, generator));
  inputs[1] = random_rows(model.inputs()[1], 5, generator);
  EXPECT_THROW(predict_in_memory(model, inputs, {}), Error);
}

TEST(Predict, IdsOutsideTheEmbedding_NameTheRowsAndTheLayer) {
  const Model model = Model::load(test_data("api/io_00_multi/model.keras"));
  std::mt19937 generator(5);
  std::vector<Tensor> inputs;
  for (const TensorSpec& spec : model.inputs()) inputs.push_back(random_rows(spec, 40, generator));
  inputs[2].mutable_as<int32_t>()[4 * 33] = 1000;
  PredictOptions options;
  options.chunk_size = options.batch_size = 1;
  try {
    predict_in_memory(model, inputs, options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
    EXPECT_NE(error.message().find("row 33:"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("(Embedding)"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("1000"), std::string::npos) << error.message();
  }
}

// A caller's own source, which gives rows as `change` makes them.
class ChangedSource : public Source {
 public:
  ChangedSource(const Tensor& rows, std::function<void(TensorView&)> change)
      : rows_(memory_source(rows)), change_(std::move(change)) {}
  int64_t num_rows() const override { return rows_->num_rows(); }
  const Shape& row_shape() const override { return rows_->row_shape(); }
  DType dtype() const override { return rows_->dtype(); }
  std::string name() const override { return "feed"; }
  TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>& scratch) const override {
    TensorView view = rows_->rows(begin, end, scratch);
    change_(view);
    return view;
  }

 private:
  const std::unique_ptr<Source> rows_;
  const std::function<void(TensorView&)> change_;
};

TEST(Predict, SourceThatGivesOtherRowsThanAsked_IsAnErrorThatNamesIt) {
  const Model model = Model::load(test_data("api/tabular_mlp.keras"));
  std::mt19937 generator(5);
  const Tensor rows = random_rows(model.inputs()[0], 10, generator);
  const std::pair<std::function<void(TensorView&)>, const char*> cases[] = {
      {[](TensorView& view) { view.shape[0] -= 1; }, "given as float32"},
      {[](TensorView& view) { view.shape[0] += 1; }, "given as float32"},
      {[](TensorView& view) { view.dtype = DType::kInt32; }, "given as int32"},
      {[](TensorView& view) { view.data = nullptr; }, "without data"},
  };
  for (const auto& [change, found] : cases) {
    const ChangedSource source(rows, change);
    const std::vector<const Source*> sources = {&source};
    std::vector<float> predictions(10);
    const SinkFactory sinks = [&](size_t, DType dtype, const Shape& row_shape) {
      Shape shape = row_shape;
      shape.insert(shape.begin(), 10);
      return memory_sink({predictions.data(), dtype, shape});
    };
    PredictOptions options;
    options.workers = 1;
    options.chunk_size = 10;
    options.retries = 0;
    try {
      predict(model, sources, sinks, options);
      ADD_FAILURE() << found;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
      EXPECT_NE(error.message().find("feed: rows "), std::string::npos) << error.message();
      EXPECT_NE(error.message().find(found), std::string::npos) << error.message();
    }
  }
}

TEST(Predict, NullsAndTimeoutsThatCannotBe_AreRefused) {
  const Model model = Model::load(test_data("api/tabular_mlp.keras"));
  std::mt19937 generator(5);
  const Tensor rows = random_rows(model.inputs()[0], 10, generator);
  const auto source = memory_source(rows);
  const std::vector<const Source*> sources = {source.get()}, no_source = {nullptr};
  const SinkFactory no_sinks = [](size_t, DType, const Shape&) { return nullptr; };
  const auto message = [&](const std::vector<const Source*>& from, const PredictOptions& options) {
    try {
      predict(model, from, no_sinks, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.message();
    }
    return std::string();
  };
  EXPECT_EQ(message(no_source, {}), "a source is null");
  EXPECT_EQ(message(sources, {}), "the sink of output 0 is null");
  for (const double seconds : {0.0, -1.0, std::nan("")}) {
    PredictOptions options;
    options.executor = ExecutorKind::kProcesses;
    options.timeout = std::chrono::duration<double>(seconds);
    EXPECT_NE(message(sources, options).find("expected more than 0"), std::string::npos);
  }
}

// Whatever it throws.
TEST(Predict, SinkThatCannotWrite_StopsTheJobAndBlamesNoRow) {
  class FullSink : public Sink {
   public:
    std::string name() const override { return "database"; }
    void write(int64_t, const TensorView&) override { throw std::runtime_error("disk full"); }
    void finish() override {}
  };
  const Model model = Model::load(test_data("api/tabular_mlp.keras"));
  std::mt19937 generator(5);
  const Tensor rows = random_rows(model.inputs()[0], 10, generator);
  const auto source = memory_source(rows);
  const std::vector<const Source*> sources = {source.get()};
  const SinkFactory sinks = [](size_t, DType, const Shape&) {
    return std::make_unique<FullSink>();
  };
  for (const OnError on_error : {OnError::kStop, OnError::kSkip}) {
    PredictOptions options;
    options.on_error = on_error;
    try {
      predict(model, sources, sinks, options);
      ADD_FAILURE();
    } catch (const RowError& error) {
      ADD_FAILURE() << "row " << error.row() << ": " << error.message();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kIo);
      EXPECT_NE(error.message().find("database: disk full"), std::string::npos) << error.message();
    }
  }
}

TEST(Predict, Cancelled_Throws) {
  const Model model = Model::load(test_data("api/tabular_mlp.keras"));
  std::mt19937 generator(5);
  const std::atomic<bool> cancel{true};
  PredictOptions options;
  options.cancel = &cancel;
  try {
    predict_in_memory(model, {random_rows(model.inputs()[0], 10, generator)}, options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
}

}  // namespace
}  // namespace hornet
