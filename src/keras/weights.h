// Where a model's weights are wanted (WeightOwner, built by lowering) and where they are found
// (WeightFile, one subclass a file dialect).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hornet/tensor.h"

namespace hornet::keras {

// An object inside an owner: its id, and how much of a slot's path leads to it.
struct SharedPlace {
  int64_t id = -1;
  size_t path_length = 0;
};

// One weight variable that a layer wants.
struct WeightSlot {
  std::string name;  // "kernel", for messages
  // Place below the layer's group in a Keras 3 weights file: "vars/0", "cell/vars/1",
  // "forward_layer/cell/vars/0".
  std::string path;
  Shape shape;
  bool trainable = true;
  int64_t id = -1;              // the caller's handle, given back with the data
  bool frozen = false;          // the config says that its layer is not trainable
  std::string class_name = {};  // of the very layer, which may be a wrapped one
  bool channels_first = false;  // by that layer's data_format
  // Objects inside the owner that hold the variable and may be met elsewhere as well (a wrapped
  // layer, a cell), outermost first.
  std::vector<SharedPlace> shared = {};
};

// A layer or a (nested) model, in the order of the model's `layers` list; InputLayers and
// operations are left out. Layers without weights are in the tree too: they take part in the
// numbering of groups.
struct WeightOwner {
  std::string name;
  std::string class_name;
  // Group names put between the parent's group and this one: "" for a child of a model (which
  // becomes "layers/<snake_case>[_n]"), "layer" for the model wrapped by TimeDistributed.
  std::string path_in_wrapper;
  bool is_model = false;
  std::vector<WeightSlot> slots;      // in the order Keras creates them
  std::vector<WeightOwner> children;  // of a model, or models inside a wrapper
  int64_t shared_object_id = -1;
};

// Receives the data of slot `id`, with the slot's shape and the file's dtype (numeric kinds only).
using WeightSink = std::function<void(int64_t id, Tensor data)>;

class WeightFile {
 public:
  virtual ~WeightFile() = default;
  // Finds every slot of the tree and hands its data to `sink`. Throws Error(kInvalidModel /
  // kShapeMismatch) that names the file, the layer, what was found and what was expected.
  // Legacy files match by order, and give a layer's trainable weights before the others.
  virtual void bind(const WeightOwner& root, const WeightSink& sink) const = 0;
  // Of the file's contents: no weights take more, unless they are compressed in it. Known at once.
  virtual size_t size_in_bytes() const = 0;
  // Waits where the file is still being read. Throws what bind() would throw whatever the tree.
  virtual void wait() const {}
};

// "Conv2DTranspose" -> "conv2d_transpose": Keras 3's name for a class in weights files.
std::string snake_case(const std::string& class_name);

}  // namespace hornet::keras
