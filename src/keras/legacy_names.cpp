#include "keras/legacy_names.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>

#include "base/check.h"

namespace hornet::keras {
namespace {

struct Renamed {
  std::string_view old_name;
  std::string_view name;
};

constexpr Renamed kClasses[] = {
    // Aliases of Keras 2 and 3.
    {"AvgPool1D", "AveragePooling1D"},
    {"AvgPool2D", "AveragePooling2D"},
    {"AvgPool3D", "AveragePooling3D"},
    {"BatchNormalizationV1", "BatchNormalization"},
    {"BatchNormalizationV2", "BatchNormalization"},
    {"Convolution1DTranspose", "Conv1DTranspose"},
    {"Convolution2DTranspose", "Conv2DTranspose"},
    {"Convolution3DTranspose", "Conv3DTranspose"},
    {"CuDNNGRU", "GRU"},
    {"CuDNNLSTM", "LSTM"},
    {"DenseV2", "Dense"},
    {"DropoutV2", "Dropout"},
    {"GRUCellV2", "GRUCell"},
    {"GRUV2", "GRU"},
    {"GlobalAvgPool1D", "GlobalAveragePooling1D"},
    {"GlobalAvgPool2D", "GlobalAveragePooling2D"},
    {"GlobalAvgPool3D", "GlobalAveragePooling3D"},
    {"GlobalMaxPool1D", "GlobalMaxPooling1D"},
    {"GlobalMaxPool2D", "GlobalMaxPooling2D"},
    {"GlobalMaxPool3D", "GlobalMaxPooling3D"},
    {"GroupedQueryAttention", "GroupQueryAttention"},
    {"LSTMCellV2", "LSTMCell"},
    {"LSTMV2", "LSTM"},
    {"MaxPool1D", "MaxPooling1D"},
    {"MaxPool2D", "MaxPooling2D"},
    {"MaxPool3D", "MaxPooling3D"},
    {"NormalizationV1", "Normalization"},
    {"SeparableConvolution1D", "SeparableConv1D"},
    {"SeparableConvolution2D", "SeparableConv2D"},
    {"SyncBatchNormalization", "BatchNormalization"},
    // Keras 1.
    {"AtrousConv1D", "Conv1D"},
    {"AtrousConv2D", "Conv2D"},
    {"AtrousConvolution1D", "Conv1D"},
    {"AtrousConvolution2D", "Conv2D"},
    {"Convolution1D", "Conv1D"},
    {"Convolution2D", "Conv2D"},
    {"Convolution3D", "Conv3D"},
    {"Deconv2D", "Conv2DTranspose"},
    {"Deconvolution2D", "Conv2DTranspose"},
    {"Deconvolution3D", "Conv3DTranspose"},
    {"TimeDistributedDense", "Dense"},
};

// Keys that mean the same in every layer that has them.
constexpr Renamed kConvolutionKeys[] = {
    {"nb_filter", "filters"},         {"filter_length", "kernel_size"},
    {"subsample_length", "strides"},  {"subsample", "strides"},
    {"border_mode", "padding"},       {"dim_ordering", "data_format"},
    {"atrous_rate", "dilation_rate"}, {"bias", "use_bias"},
};
constexpr Renamed kPoolingKeys[] = {
    {"pool_length", "pool_size"},
    {"stride", "strides"},
    {"border_mode", "padding"},
    {"dim_ordering", "data_format"},
};
constexpr Renamed kSpatialKeys[] = {{"dim_ordering", "data_format"}, {"length", "size"}};
constexpr Renamed kDenseKeys[] = {{"output_dim", "units"}, {"bias", "use_bias"}};
constexpr Renamed kRecurrentKeys[] = {
    {"output_dim", "units"},
    {"inner_activation", "recurrent_activation"},
    {"dropout_W", "dropout"},
    {"dropout_U", "recurrent_dropout"},
};
constexpr Renamed kConvRecurrentKeys[] = {
    {"nb_filter", "filters"},
    {"border_mode", "padding"},
    {"subsample", "strides"},
    {"dim_ordering", "data_format"},
    {"inner_activation", "recurrent_activation"},
};
constexpr Renamed kNoiseKeys[] = {
    {"p", "rate"}, {"sigma", "stddev"}, {"dim_ordering", "data_format"}};
constexpr Renamed kLeakyKeys[] = {{"alpha", "negative_slope"}};
constexpr Renamed kInputKeys[] = {{"batch_input_shape", "batch_shape"}, {"input_dtype", "dtype"}};

struct KeyTable {
  std::string_view class_name;
  const Renamed* begin;
  const Renamed* end;
};

template <size_t n>
constexpr KeyTable table(std::string_view class_name, const Renamed (&keys)[n]) {
  return {class_name, keys, keys + n};
}

constexpr KeyTable kKeys[] = {
    table("AveragePooling1D", kPoolingKeys),
    table("AveragePooling2D", kPoolingKeys),
    table("AveragePooling3D", kPoolingKeys),
    table("Conv1D", kConvolutionKeys),
    table("Conv2D", kConvolutionKeys),
    table("Conv2DTranspose", kConvolutionKeys),
    table("Conv3D", kConvolutionKeys),
    table("Conv3DTranspose", kConvolutionKeys),
    table("ConvLSTM2D", kConvRecurrentKeys),
    table("Cropping2D", kSpatialKeys),
    table("Cropping3D", kSpatialKeys),
    table("Dense", kDenseKeys),
    table("Dropout", kNoiseKeys),
    table("GRU", kRecurrentKeys),
    table("GaussianDropout", kNoiseKeys),
    table("GaussianNoise", kNoiseKeys),
    table("GlobalAveragePooling2D", kSpatialKeys),
    table("GlobalAveragePooling3D", kSpatialKeys),
    table("GlobalMaxPooling2D", kSpatialKeys),
    table("GlobalMaxPooling3D", kSpatialKeys),
    table("InputLayer", kInputKeys),
    table("LSTM", kRecurrentKeys),
    table("LeakyReLU", kLeakyKeys),
    table("LocallyConnected1D", kConvolutionKeys),
    table("LocallyConnected2D", kConvolutionKeys),
    table("MaxPooling1D", kPoolingKeys),
    table("MaxPooling2D", kPoolingKeys),
    table("MaxPooling3D", kPoolingKeys),
    table("SeparableConv1D", kConvolutionKeys),
    table("SeparableConv2D", kConvolutionKeys),
    table("SimpleRNN", kRecurrentKeys),
    table("SpatialDropout1D", kNoiseKeys),
    table("SpatialDropout2D", kNoiseKeys),
    table("SpatialDropout3D", kNoiseKeys),
    table("UpSampling1D", kSpatialKeys),
    table("UpSampling2D", kSpatialKeys),
    table("UpSampling3D", kSpatialKeys),
    table("ZeroPadding2D", kSpatialKeys),
    table("ZeroPadding3D", kSpatialKeys),
};

// Kernel sizes that Keras 1 wrote one key a dimension.
constexpr std::string_view kKernelKeys2d[] = {"nb_row", "nb_col"};
constexpr std::string_view kKernelKeys3d[] = {"kernel_dim1", "kernel_dim2", "kernel_dim3"};

constexpr Renamed kDataFormats[] = {
    {"tf", "channels_last"}, {"th", "channels_first"}, {"default", "channels_last"}};

constexpr Renamed kMergeModes[] = {
    {"sum", "Add"},     {"mul", "Multiply"},       {"ave", "Average"}, {"max", "Maximum"},
    {"min", "Minimum"}, {"concat", "Concatenate"}, {"dot", "Dot"},     {"cos", "Dot"},
};

template <class Table>
const Renamed* find(const Table& entries, std::string_view old_name) {
  const auto found = std::find_if(std::begin(entries), std::end(entries),
                                  [&](const Renamed& entry) { return entry.old_name == old_name; });
  return found == std::end(entries) ? nullptr : &*found;
}

const std::string* string_at(const Dict& config, std::string_view key) {
  const Value* value = config.find(key);
  return value ? value->get_if<std::string>() : nullptr;
}

bool is_true(const Dict& config, std::string_view key) {
  const Value* value = config.find(key);
  const bool* flag = value ? value->get_if<bool>() : nullptr;
  return flag != nullptr && *flag;
}

void rename_key(Dict& config, std::string_view old_key, std::string_view key) {
  const Value* value = config.find(old_key);
  if (value == nullptr) return;
  if (config.find(key) == nullptr) config.set(std::string(key), *value);
  config.erase(old_key);
}

void rename_keys(const std::string& class_name, Dict& config) {
  const auto table = std::find_if(std::begin(kKeys), std::end(kKeys), [&](const KeyTable& entry) {
    return entry.class_name == class_name;
  });
  if (table == std::end(kKeys)) return;
  std::for_each(table->begin, table->end,
                [&](const Renamed& entry) { rename_key(config, entry.old_name, entry.name); });
  const std::string* format = string_at(config, "data_format");
  const Renamed* renamed = format ? find(kDataFormats, *format) : nullptr;
  if (renamed != nullptr) config.set("data_format", Value(std::string(renamed->name)));
}

template <size_t n>
void gather_kernel_size(const std::string_view (&keys)[n], Dict& config) {
  List sizes;
  for (const std::string_view key : keys) {
    const Value* size = config.find(key);
    if (size == nullptr) return;
    sizes.push_back(*size);
  }
  if (config.find("kernel_size") == nullptr) config.set("kernel_size", Value(std::move(sizes)));
  for (const std::string_view key : keys) config.erase(key);
}

// Keras 2 wrote arrays and numpy scalars as {"type": "ndarray", "value": ...}.
void unwrap_arrays(Dict& config) {
  std::vector<Dict::Item> unwrapped;
  for (const auto& [key, value] : config) {
    const Dict* object = value.get_if<Dict>();
    const std::string* type = object ? string_at(*object, "type") : nullptr;
    const Value* contents = object ? object->find("value") : nullptr;
    if (type != nullptr && *type == "ndarray" && contents != nullptr) {
      unwrapped.emplace_back(key, *contents);
    }
  }
  for (auto& [key, value] : unwrapped) config.set(key, std::move(value));
}

void modernise_merge(std::string& class_name, Dict& config) {
  const std::string* mode = string_at(config, "mode");
  const Renamed* merge = mode ? find(kMergeModes, *mode) : nullptr;
  require(merge != nullptr, ErrorCode::kUnsupported,
          "Keras 1's Merge layer of mode {} has no equal in Keras 3",
          config.find("mode") ? config.find("mode")->to_string() : "null");
  require(config.find("layers") == nullptr, ErrorCode::kUnsupported,
          "Keras 1's Merge layer of other models is supported as the first layer of a Sequential "
          "alone");
  if (*mode == "cos") config.set("normalize", Value(true));
  class_name = merge->name;
  rename_key(config, class_name == "Dot" ? "dot_axes" : "concat_axis",
             class_name == "Dot" ? "axes" : "axis");
  if (class_name != "Concatenate" && class_name != "Dot") config.erase("axis");
  config.erase("mode");
}

// x where x > theta, else 0: what Keras 3's ReLU does with a threshold.
void modernise_thresholded_relu(std::string& class_name, Dict& config) {
  class_name = "ReLU";
  rename_key(config, "theta", "threshold");
  config.set("negative_slope", Value(0.0));
  config.set("max_value", Value());
}

// `original` is the class name in the file.
void modernise_recurrent(std::string_view original, Dict& config) {
  if (original.starts_with("CuDNN")) {
    config.set("activation", Value(std::string("tanh")));
    config.set("recurrent_activation", Value(std::string("sigmoid")));
    config.set("use_bias", Value(true));
    if (original == "CuDNNGRU") config.set("reset_after", Value(true));
  }
}

// Keras 1 named the sides, or listed all four: top, bottom, left, right.
void modernise_padding(const std::string& class_name, Dict& config) {
  const Value* padding = config.find("padding");
  if (padding == nullptr) return;
  List sides;
  if (const Dict* named = padding->get_if<Dict>()) {
    const auto side = [&](std::string_view key) {
      const Value* size = named->find(key);
      sides.push_back(size == nullptr ? Value(int64_t{0}) : *size);
    };
    if (class_name == "ZeroPadding2D") {
      side("top_pad");
      side("bottom_pad");
    }
    side("left_pad");
    side("right_pad");
  } else if (const List* list = padding->get_if<List>();
             list != nullptr && list->size() == 4 && class_name == "ZeroPadding2D") {
    sides = *list;
  }
  if (sides.size() == 4) {
    sides = {Value(List{sides[0], sides[1]}), Value(List{sides[2], sides[3]})};
  }
  if (!sides.empty()) config.set("padding", Value(std::move(sides)));
}

}  // namespace

std::string current_class_name(const std::string& class_name) {
  const Renamed* entry = find(kClasses, class_name);
  return entry ? std::string(entry->name) : class_name;
}

void modernise_config(std::string& class_name, Dict& config) {
  const std::string original = class_name;
  class_name = current_class_name(original);
  unwrap_arrays(config);
  rename_keys(class_name, config);
  gather_kernel_size(kKernelKeys2d, config);
  gather_kernel_size(kKernelKeys3d, config);
  if (class_name == "Merge") modernise_merge(class_name, config);
  if (class_name == "ZeroPadding1D" || class_name == "ZeroPadding2D") {
    modernise_padding(class_name, config);
  }
  if (class_name == "ThresholdedReLU") modernise_thresholded_relu(class_name, config);
  // A class of Keras 2; Keras 3 has the setting.
  if (original == "SyncBatchNormalization") config.set("synchronized", Value(true));
  const bool gated = class_name == "LSTM" || class_name == "GRU" || class_name == "SimpleRNN";
  if (gated) modernise_recurrent(original, config);
  if (gated || class_name == "RNN" || class_name.starts_with("ConvLSTM")) {
    require(!is_true(config, "time_major"), ErrorCode::kUnsupported, "time_major is not supported");
  }
  // Keras 1: mode 0 is the one that later releases have.
  const Value* mode = class_name == "BatchNormalization" ? config.find("mode") : nullptr;
  require(mode == nullptr || mode->is_null() || mode->integer() == 0, ErrorCode::kUnsupported,
          "mode is {}, which Keras 1 alone has; supported: 0", mode ? mode->to_string() : "");
  // Keras 2.0 gave the type of the indices here; the table is floating.
  const std::string* dtype = string_at(config, "dtype");
  if (class_name == "Embedding" && dtype != nullptr && dtype->starts_with("int")) {
    config.set("dtype", Value(std::string("float32")));
  }
}

}  // namespace hornet::keras
