#include "api/worker.h"

#include <cstring>

#include "api/compiled_model.h"
#include "base/check.h"
#include "base/fault_guard.h"
#include "base/memory_file.h"
#include "data/file_rows.h"
#include "hornet/memory.h"
#include "hornet/worker.h"
#include "kernels/simd/speed.h"
#include "kernels/threads.h"
#include "runtime/message.h"

namespace hornet::internal {
namespace {

using runtime::MessageReader;
using runtime::MessageWriter;

template <class T>
void encode_optional(MessageWriter& message, const std::optional<T>& value) {
  message.number(static_cast<uint8_t>(value.has_value())).number(value.value_or(T()));
}
template <class T>
std::optional<T> decode_optional(MessageReader& message) {
  const bool is_there = message.number<uint8_t>() != 0;
  const T value = message.number<T>();
  return is_there ? std::optional(value) : std::nullopt;
}

void encode_shape(MessageWriter& message, const std::optional<Shape>& shape) {
  message.number(static_cast<uint8_t>(shape.has_value())).numbers(shape.value_or(Shape()));
}
std::optional<Shape> decode_shape(MessageReader& message) {
  const bool is_there = message.number<uint8_t>() != 0;
  const Shape shape = message.numbers<int64_t>();
  return is_there ? std::optional(shape) : std::nullopt;
}

void encode_location(MessageWriter& message, const SourceLocation& location) {
  const SourceOptions& options = location.options;
  message.text(location.path).text(location.place).text(location.version);
  message.text(options.format);
  encode_optional(message, options.dtype);
  encode_shape(message, options.row_shape);
  encode_optional(message, options.wanted_dtype);
  encode_shape(message, options.wanted_row_shape);
  message.number(static_cast<uint64_t>(options.columns.size()));
  for (const std::string& column : options.columns) message.text(column);
  message.number(options.delimiter).number(options.header).number(options.interpolation);
  message.number(options.crop_to_aspect_ratio).number(options.scaled_decoding);
  message.number(static_cast<uint64_t>(options.memory_bytes));
}

SourceLocation decode_location(MessageReader& message) {
  SourceLocation location;
  SourceOptions& options = location.options;
  location.path = message.text();
  location.place = message.text();
  location.version = message.text();
  options.format = message.text();
  options.dtype = decode_optional<DType>(message);
  options.row_shape = decode_shape(message);
  options.wanted_dtype = decode_optional<DType>(message);
  options.wanted_row_shape = decode_shape(message);
  for (auto count = message.number<uint64_t>(); count > 0; --count) {
    options.columns.push_back(message.text());
  }
  options.delimiter = message.number<char>();
  options.header = message.number<SourceOptions::Header>();
  options.interpolation = message.number<SourceOptions::Interpolation>();
  options.crop_to_aspect_ratio = message.number<bool>();
  options.scaled_decoding = message.number<bool>();
  options.memory_bytes = message.number<uint64_t>();
  return location;
}

void encode_rows(MessageWriter& message, const std::vector<WorkerRows>& all) {
  message.number(static_cast<uint64_t>(all.size()));
  for (const WorkerRows& rows : all) {
    message.text(rows.name).text(rows.version).number(rows.dtype).numbers(rows.row_shape);
    message.number(static_cast<uint8_t>(rows.location.has_value()));
    if (rows.location) encode_location(message, *rows.location);
    message.number(static_cast<uint8_t>(rows.file.has_value()));
    message.text(rows.file ? rows.file->path : "");
    message.number(static_cast<uint64_t>(rows.file ? rows.file->offset : 0));
    message.number(rows.slot_offset);
  }
}

std::vector<WorkerRows> decode_rows(MessageReader& message) {
  std::vector<WorkerRows> all(message.number<uint64_t>());
  for (WorkerRows& rows : all) {
    rows.name = message.text();
    rows.version = message.text();
    rows.dtype = message.number<DType>();
    rows.row_shape = message.numbers<int64_t>();
    if (message.number<uint8_t>() != 0) rows.location = decode_location(message);
    const bool has_file = message.number<uint8_t>() != 0;
    FileRows file = {message.text(), 0};
    file.offset = message.number<uint64_t>();
    if (has_file) rows.file = file;
    rows.slot_offset = message.number<uint64_t>();
  }
  return all;
}

Shape with_rows(int64_t rows, const Shape& row_shape) {
  Shape shape = row_shape;
  shape.insert(shape.begin(), rows);
  return shape;
}

// A part of this worker's slot of the shared memory, which holds rows from `first` on.
class SlotRows {
 public:
  SlotRows(const WorkerRows& rows, std::byte* slot, const int64_t& first)
      : rows_(rows),
        data_(slot + rows.slot_offset),
        row_bytes_(num_bytes(rows.dtype, rows.row_shape)),
        first_(first) {}

  const WorkerRows& description() const { return rows_; }
  MutableTensorView view(int64_t begin, int64_t end) const {
    HORNET_CHECK(begin >= first_);
    return {data_ + static_cast<size_t>(begin - first_) * row_bytes_, rows_.dtype,
            with_rows(end - begin, rows_.row_shape)};
  }

 private:
  const WorkerRows rows_;
  std::byte* const data_;
  const size_t row_bytes_;
  const int64_t& first_;
};

class SlotSource : public Source {
 public:
  SlotSource(SlotRows rows, int64_t num_rows) : rows_(std::move(rows)), num_rows_(num_rows) {}
  int64_t num_rows() const override { return num_rows_; }
  const Shape& row_shape() const override { return rows_.description().row_shape; }
  DType dtype() const override { return rows_.description().dtype; }
  std::string name() const override { return rows_.description().name; }
  TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>&) const override {
    return rows_.view(begin, end);
  }

 private:
  const SlotRows rows_;
  const int64_t num_rows_;
};

class SlotSink : public Sink {
 public:
  explicit SlotSink(SlotRows rows) : rows_(std::move(rows)) {}
  std::string name() const override { return rows_.description().name; }
  void write(int64_t begin, const TensorView& rows) override {
    const MutableTensorView to = rows_.view(begin, begin + rows.shape[0]);
    if (rows.data != to.data) {
      std::memcpy(to.data, rows.data, num_bytes(rows.dtype, rows.shape));
    }
  }
  void* direct(int64_t begin, int64_t end) override { return rows_.view(begin, end).data; }
  void finish() override {}

 private:
  const SlotRows rows_;
};

// The model and the rows of one worker.
class PredictWorker {
 public:
  PredictWorker(WorkerSetup setup, const std::vector<CustomLayerDefinition>& custom_layers)
      : setup_(std::move(setup)) {
    kernels::set_up_worker_thread();
    kernels::limit_instruction_set(setup_.instruction_set);
    LoadOptions options;
    options.weights_path = setup_.weights_path;
    options.custom_layers = custom_layers;
    model_ = CompiledModel::load(setup_.model_path, options, kWeightsDescriptor);
    check_job_files(setup_, *model_, {});  // before the plan is compared
    ModelPlans& plans = model_->plans_for(setup_.row_shapes);
    require(
        plans.for_rows(setup_.batch_size).to_string() == setup_.plan_text, ErrorCode::kInvalidModel,
        "{} is another model in the worker than in the process that started it", setup_.model_path);
    std::byte* slot = nullptr;
    if (setup_.slot_bytes > 0) {
      shared_rows_ = std::make_unique<MappedMemory>(kRowsDescriptor, true);
      slot =
          shared_rows_->data() + static_cast<size_t>(runtime::served_worker()) * setup_.slot_bytes;
    }
    open_rows(slot);
    runtime::BatchOptions batch;
    batch.batch_size = setup_.batch_size;
    batch.check_finite = setup_.check_finite;
    std::vector<const Source*> sources;
    for (const auto& source : sources_) sources.push_back(source.get());
    check_job_files(setup_, *model_, sources);
    std::vector<Sink*> sinks;
    std::vector<DType> dtypes;
    for (size_t k = 0; k < sinks_.size(); ++k) {
      sinks.push_back(sinks_[k].get());
      dtypes.push_back(setup_.outputs[k].dtype);
    }
    runner_ = std::make_unique<runtime::BatchRunner>(plans, std::move(batch), std::move(sources),
                                                     std::move(sinks), std::move(dtypes));
  }

  void predict(int64_t begin, int64_t end, int64_t first_in_slot) {
    first_in_slot_ = first_in_slot;
    runner_->run(begin, end);
  }

 private:
  void open_rows(std::byte* slot) {
    for (const WorkerRows& input : setup_.inputs) {
      if (!input.location) {
        sources_.push_back(
            std::make_unique<SlotSource>(SlotRows(input, slot, first_in_slot_), setup_.rows));
        continue;
      }
      sources_.push_back(open_source(input.location->path, input.location->options));
    }
    for (const WorkerRows& output : setup_.outputs) {
      if (output.file) {
        sinks_.push_back(
            open_file_rows(*output.file, output.name, output.dtype, output.row_shape, setup_.rows));
      } else {
        sinks_.push_back(std::make_unique<SlotSink>(SlotRows(output, slot, first_in_slot_)));
      }
    }
  }

  const FaultGuard guard_;
  const WorkerSetup setup_;
  std::shared_ptr<const CompiledModel> model_;
  std::unique_ptr<MappedMemory> shared_rows_;
  int64_t first_in_slot_ = 0;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::unique_ptr<runtime::BatchRunner> runner_;
};

}  // namespace

std::string WorkerSetup::encode() const {
  MessageWriter message;
  message.text(model_path).text(weights_path).text(model_version).text(weights_version);
  message.number(static_cast<uint64_t>(row_shapes.size()));
  for (const Shape& shape : row_shapes) message.numbers(shape);
  message.number(rows).number(batch_size).number(static_cast<uint8_t>(check_finite));
  message.number(slot_bytes).text(instruction_set).text(plan_text);
  encode_rows(message, inputs);
  encode_rows(message, outputs);
  return message.bytes();
}

WorkerSetup WorkerSetup::decode(std::string_view bytes) {
  MessageReader message(bytes);
  WorkerSetup setup;
  setup.model_path = message.text();
  setup.weights_path = message.text();
  setup.model_version = message.text();
  setup.weights_version = message.text();
  for (auto count = message.number<uint64_t>(); count > 0; --count) {
    setup.row_shapes.push_back(message.numbers<int64_t>());
  }
  setup.rows = message.number<int64_t>();
  setup.batch_size = message.number<int64_t>();
  setup.check_finite = message.number<uint8_t>() != 0;
  setup.slot_bytes = message.number<uint64_t>();
  setup.instruction_set = message.text();
  setup.plan_text = message.text();
  setup.inputs = decode_rows(message);
  setup.outputs = decode_rows(message);
  return setup;
}

void check_job_files(const WorkerSetup& setup, const CompiledModel& model,
                     const std::vector<const Source*>& sources) {
  const auto check = [](const std::string& path, const ReadFile& file, const std::string& version) {
    require(file.version() == version, ErrorCode::kInvalidModel,
            "{} has changed since the job began", path);
  };
  check(setup.model_path, model.file(), setup.model_version);
  if (model.weights_file()) check(setup.weights_path, *model.weights_file(), setup.weights_version);
  for (size_t i = 0; i < sources.size(); ++i) {
    const WorkerRows& input = setup.inputs[i];
    if (!input.location) continue;
    const Source& source = *sources[i];
    bool is_same = source.num_rows() == setup.rows && source.dtype() == input.dtype &&
                   source.row_shape() == input.row_shape;
    // A source of the caller's own may say where its rows lie, and no more.
    if (!input.location->place.empty()) {
      const SourceLocation here = source.location().value_or(SourceLocation());
      const bool has_own = input.version != input.location->version;
      is_same =
          is_same && here.place == input.location->place &&
          (has_own ? source.version() == input.version : here.version == input.location->version);
    }
    require(is_same, ErrorCode::kInvalidInput, "{} has changed since the job began", input.name);
  }
}

std::string encode_range(int64_t begin, int64_t end, int64_t first_in_slot) {
  return MessageWriter().number(begin).number(end).number(first_in_slot).bytes();
}

runtime::WorkerFunctions predict_functions(
    const std::vector<CustomLayerDefinition>& custom_layers) {
  auto worker = std::make_shared<std::unique_ptr<PredictWorker>>();
  runtime::WorkerFunctions functions;
  functions[kOpenFunction] = [worker, custom_layers](std::string_view argument) {
    *worker = std::make_unique<PredictWorker>(WorkerSetup::decode(argument), custom_layers);
    return std::string();
  };
  functions[kPredictFunction] = [worker](std::string_view argument) {
    HORNET_CHECK(*worker != nullptr);
    MessageReader range(argument);
    const auto begin = range.number<int64_t>(), end = range.number<int64_t>(),
               first = range.number<int64_t>();
    (*worker)->predict(begin, end, first);
    return std::string();
  };
  return functions;
}

}  // namespace hornet::internal

namespace hornet {

int predict_worker_main(int argc, char** argv,
                        const std::vector<CustomLayerDefinition>& custom_layers) {
  keep_heap_on_large_pages();
  return runtime::serve({argv, argv + argc}, internal::predict_functions(custom_layers));
}

}  // namespace hornet
