#include "api/custom_layers.h"

#include "base/check.h"
#include "graph/ops/custom.h"
#include "keras/json.h"
#include "layers/activations.h"

namespace hornet {
namespace {

layers::Argument tensor_argument(LayerTensor tensor) {
  return {layers::Symbol{tensor.id, layers::kNoValue}};
}

// What a user's kernel is to the graph.
class KernelFunction final : public graph::CustomFunction {
 public:
  KernelFunction(std::shared_ptr<const CustomKernel> kernel, std::string label)
      : kernel_(std::move(kernel)), label_(std::move(label)) {}

  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    std::vector<TensorType> types = kernel_->infer(inputs);
    require(!types.empty(), ErrorCode::kInvalidArgument, "{}: its kernel has no outputs", label_);
    const bool known = std::all_of(inputs.begin(), inputs.end(),
                                   [](const TensorType& type) { return is_known(type.shape); });
    for (const TensorType& type : types) {
      require(!known || is_known(type.shape), ErrorCode::kInvalidArgument,
              "{}: its kernel gives {} for inputs of known shapes", label_, to_string(type));
    }
    return types;
  }
  void run(std::span<const TensorView> inputs,
           std::span<const MutableTensorView> outputs) const override {
    try {
      kernel_->run(inputs, outputs);
    } catch (const Error&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      fail(ErrorCode::kInvalidInput, "{}", error.what());  // the plan names the layer
    }
  }

 private:
  const std::shared_ptr<const CustomKernel> kernel_;
  const std::string label_;
};

}  // namespace

class CustomLayer::Impl {
 public:
  Impl(layers::LayerContext& context, const layers::CallArguments& call)
      : context_(context), call_(call) {
    for (const layers::Symbol& symbol : call.tensors()) inputs_.push_back({symbol.value});
  }

  layers::LayerContext& context() const { return context_; }
  const layers::CallArguments& call() const { return call_; }
  const std::vector<LayerTensor>& inputs() const { return inputs_; }

  layers::ValueId value(LayerTensor tensor) const {
    const auto count = static_cast<int32_t>(context_.lowering().graph().values().size());
    require(tensor.id >= 0 && tensor.id < count, ErrorCode::kInvalidArgument,
            "{}: a tensor is used that is none of this model", context_.label());
    return tensor.id;
  }
  const TensorType& type(LayerTensor tensor) const { return context_.build().type(value(tensor)); }

  keras::Dict parse(const std::string& json, const std::string& what) const {
    const keras::Value value = keras::parse_json(json, context_.label() + ": " + what);
    const auto* dict = value.get_if<keras::Dict>();
    require(dict != nullptr, ErrorCode::kInvalidArgument, "{}: {} is {}; expected an object",
            context_.label(), what, value.to_string());
    return *dict;
  }

  // A layer or operation of Keras as a model file would hold it.
  keras::Dict object(const std::string& name, const char* module, const std::string& class_name,
                     const std::string& config) const {
    keras::Dict settings = parse(config, "the config of " + name);
    if (settings.find("name") == nullptr) {
      settings.set("name", keras::Value(context_.config().name + "/" + name));
    }
    return keras::Dict({{"module", keras::Value(std::string(module))},
                        {"class_name", keras::Value(class_name)},
                        {"config", keras::Value(std::move(settings))}});
  }

  // The one result of a layer or operation inside this one.
  LayerTensor apply(layers::LayerContext& inner, const layers::CallArguments& arguments) const {
    const layers::Symbols results = inner.call(arguments);
    if (results.size() != 1) {
      context_.fail_unsupported(
          fmt::format("{} gives {} tensors where one is expected", inner.label(), results.size()));
    }
    return {results[0].value};
  }

 private:
  layers::LayerContext& context_;
  const layers::CallArguments& call_;
  std::vector<LayerTensor> inputs_;
};

const std::string& CustomLayer::label() const { return impl_.context().label(); }

bool CustomLayer::has(const std::string& key) const {
  return impl_.context().attributes().has(key);
}
int64_t CustomLayer::integer(const std::string& key, std::optional<int64_t> absent) const {
  const layers::Attributes& attributes = impl_.context().attributes();
  return absent ? attributes.integer(key, *absent) : attributes.integer(key);
}
double CustomLayer::number(const std::string& key, std::optional<double> absent) const {
  const layers::Attributes& attributes = impl_.context().attributes();
  return absent ? attributes.number(key, *absent) : attributes.number(key);
}
bool CustomLayer::boolean(const std::string& key, bool absent) const {
  return impl_.context().attributes().boolean(key, absent);
}
std::string CustomLayer::text(const std::string& key, std::optional<std::string> absent) const {
  const layers::Attributes& attributes = impl_.context().attributes();
  return absent ? attributes.text(key, *absent) : attributes.text(key);
}
std::vector<int64_t> CustomLayer::integers(const std::string& key) const {
  return impl_.context().attributes().integers(key);
}
std::vector<double> CustomLayer::numbers(const std::string& key) const {
  return impl_.context().attributes().numbers(key);
}

const std::vector<LayerTensor>& CustomLayer::inputs() const { return impl_.inputs(); }

LayerTensor CustomLayer::argument(const std::string& keyword) const {
  const layers::Argument* given = impl_.call().find(keyword);
  const layers::Symbol* symbol = given == nullptr ? nullptr : given->symbol();
  return symbol == nullptr ? LayerTensor{} : LayerTensor{symbol->value};
}

LayerTensor CustomLayer::mask() const { return {impl_.call().passed_mask()}; }

DType CustomLayer::dtype(LayerTensor tensor) const { return impl_.type(tensor).dtype; }
const Shape& CustomLayer::shape(LayerTensor tensor) const { return impl_.type(tensor).shape; }

LayerTensor CustomLayer::weight(const std::string& name, const Shape& shape) {
  return {impl_.context().weight(name, shape)};
}

LayerTensor CustomLayer::constant(const TensorView& data) {
  Tensor copy(data.dtype, data.shape);
  convert_elements(data.dtype, data.data, data.dtype, copy.mutable_data(), copy.num_elements());
  return {impl_.context().build().constant(std::move(copy))};
}

LayerTensor CustomLayer::op(const std::string& class_name,
                            const std::vector<LayerOperand>& operands, const std::string& config) {
  layers::CallArguments arguments;
  for (const LayerOperand& operand : operands) {
    if (const auto* tensor = std::get_if<LayerTensor>(&operand)) {
      impl_.value(*tensor);
      arguments.args.push_back(tensor_argument(*tensor));
    } else if (const auto* integer = std::get_if<int64_t>(&operand)) {
      arguments.args.push_back({keras::Value(*integer)});
    } else {
      arguments.args.push_back({keras::Value(std::get<double>(operand))});
    }
  }
  const keras::Dict object = impl_.object(class_name, "keras.src.ops.numpy", class_name, config);
  const auto operation = impl_.context().lowering().make_layer(keras::parse_layer(object));
  return impl_.apply(*operation, arguments);
}

LayerTensor CustomLayer::activation(const std::string& name, LayerTensor x) {
  return {layers::activate_by_name(impl_.context(), name, impl_.value(x))};
}

LayerTensor CustomLayer::layer(const std::string& attribute, const std::string& class_name,
                               const std::string& config, const std::vector<LayerTensor>& inputs) {
  layers::CallArguments arguments;
  for (const LayerTensor tensor : inputs) {
    impl_.value(tensor);
    arguments.args.push_back(tensor_argument(tensor));
  }
  const keras::Dict object = impl_.object(attribute, "keras.layers", class_name, config);
  return impl_.apply(impl_.context().sublayer(attribute, object), arguments);
}

std::vector<LayerTensor> CustomLayer::kernel(std::shared_ptr<const CustomKernel> kernel,
                                             const std::vector<LayerTensor>& inputs) {
  require(kernel != nullptr, ErrorCode::kInvalidArgument, "{}: its kernel is null", label());
  std::vector<layers::ValueId> ids;
  for (const LayerTensor tensor : inputs) ids.push_back(impl_.value(tensor));
  auto function = std::make_shared<KernelFunction>(std::move(kernel), label());
  std::vector<LayerTensor> outputs;
  for (const layers::ValueId id :
       impl_.context().build().add(std::make_shared<graph::Custom>(std::move(function)), ids)) {
    outputs.push_back({id});
  }
  return outputs;
}

void CustomLayer::fail(const std::string& message) const {
  impl_.context().fail_unsupported(message);
}

namespace internal {
namespace {

layers::LayerDefinition definition_of(const CustomLayerDefinition& custom) {
  require(!custom.class_name.empty() && custom.function != nullptr, ErrorCode::kInvalidArgument,
          "custom layer \"{}\" is defined without a {}", custom.class_name,
          custom.class_name.empty() ? "class name" : "function");
  const auto lower = [function = custom.function](layers::LayerContext& context,
                                                  const layers::CallArguments& call) {
    CustomLayer::Impl impl(context, call);
    CustomLayer layer(impl);
    layers::Symbols outputs;
    for (const LayerTensor tensor : function(layer)) {
      outputs.push_back({impl.value(tensor), layers::kNoValue});
    }
    require(!outputs.empty(), ErrorCode::kInvalidArgument, "{}: its function gives no outputs",
            context.label());
    return outputs;
  };
  const auto mask = custom.supports_masking ? layers::MaskRule::kPass : layers::MaskRule::kDrop;
  return {custom.class_name, lower, mask, "", ""};
}

}  // namespace

layers::Registry registry_with(const std::vector<CustomLayerDefinition>& custom_layers) {
  std::vector<layers::LayerDefinition> definitions;
  for (const CustomLayerDefinition& custom : custom_layers) {
    definitions.push_back(definition_of(custom));
  }
  return layers::Registry::keras().with(std::move(definitions));
}

}  // namespace internal
}  // namespace hornet
