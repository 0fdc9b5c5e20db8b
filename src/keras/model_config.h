// One description of a model for every dialect Keras has written: the loaders translate names, call
// lists and layer-list configs of Keras 1, 2 and 3 into this, and nothing behind it knows dialects.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "keras/dialect.h"
#include "keras/value.h"

namespace hornet::keras {

// One call of a layer: tensors are TensorRefs anywhere in the nesting of args and kwargs.
// Keyword arguments that are null are left out.
struct CallConfig {
  List args;
  Dict kwargs;
};

struct ModelConfig;

struct LayerConfig {
  std::string class_name;  // Keras 3's spelling: "Conv2D" also where the file says "Convolution2D"
  std::string name;        // unique within its model
  std::string registered_name;  // "Package>Name" of a custom class, else empty
  bool is_operation = false;    // a keras.ops call ("Add" of keras.src.ops.numpy), not a layer
  Dict config;                  // Keras 3's keys also where the file has older ones
  Dict build_config;            // empty where absent
  int64_t shared_object_id = -1;
  std::vector<CallConfig> calls;             // Functional models only
  std::shared_ptr<const ModelConfig> model;  // set when the layer is itself a model

  // `layer "dense_2" (Dense)`, as messages name it.
  std::string label() const;
};

enum class ModelKind { kSequential, kFunctional };

struct ModelConfig {
  ModelKind kind = ModelKind::kSequential;
  std::string class_name;  // "Sequential", "Functional"
  std::string name;
  std::vector<LayerConfig> layers;  // in the order of the file
  // Functional: TensorRefs in their nesting (a lone TensorRef, List, Dict), call numbers counted
  // from 0 whatever the file says.
  Value inputs, outputs;
  // Sequential without InputLayer: the shape it was built for, batch included; null if unknown.
  Value build_input_shape;
  // Of the outermost model: which Keras's rules hold (masks); nested models go by it.
  KerasVersion version;
};

// A leaf of a nested structure, with its path ("", "0", "pair.0", "beta").
struct NestedLeaf {
  std::string path;
  TensorRef ref;
};
// Leaves depth first with dict keys sorted: the order of model.inputs and model.outputs.
std::vector<NestedLeaf> flatten(const Value& nested);

// Parses one serialised layer object ({"class_name", "config", ...}), as found in `layers` lists
// and inside the configs of wrappers (Bidirectional, TimeDistributed, RNN cells, activation
// layers). Throws Error(kInvalidModel) or Error(kUnsupported: Lambda, byte code), naming the layer.
LayerConfig parse_layer(const Dict& object);

}  // namespace hornet::keras
