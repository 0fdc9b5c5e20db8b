// The two dialects of weights files.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "archive/bytes.h"
#include "base/check.h"
#include "keras/weights.h"

namespace hornet::keras {

// `file` names the file in messages. Both throw Error(kInvalidModel) where HDF5 cannot open
// `image`.

// The layout of Keras 3: "layers/dense_1/vars/0".
std::unique_ptr<WeightFile> open_keras3_weights(Bytes image, std::string file);
// The layout of Keras 1 and 2: attributes with the names of layers and of their weights. `group` is
// "model_weights", or "" for a file of weights alone.
std::unique_ptr<WeightFile> open_legacy_weights(Bytes image, std::string file, std::string group);

// What bind() found, handed to the sink once the HDF5 file is closed.
using FoundWeights = std::vector<std::pair<int64_t, Tensor>>;

// `layer "dense_2" (Dense) in net.keras`.
std::string weight_place(const WeightOwner& owner, const std::string& file);

// Runs `read`; an error that is not about the weight's shape gets the names of layer and weight.
template <class Read>
auto naming_weight(const WeightOwner& owner, const WeightSlot& slot, Read read) {
  try {
    return read();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kShapeMismatch) throw;
    fail(error.code(), "layer \"{}\" ({}): {}: {}", owner.name, owner.class_name, slot.name,
         error.message());
  }
}

// Throws Error(kShapeMismatch) unless the shape is the slot's.
void require_shape(const Shape& found, const WeightSlot& slot, const WeightOwner& owner,
                   const std::string& file);

}  // namespace hornet::keras
