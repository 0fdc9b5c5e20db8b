// Which Keras wrote a file, and what its words meant then where Keras 3 means something else.
#pragma once

#include <limits>
#include <string>
#include <string_view>

#include "keras/value.h"

namespace hornet::keras {

struct KerasVersion {
  static constexpr int kNewest = std::numeric_limits<int>::max();
  int major = 3, minor = kNewest;
  bool tensorflow = false;  // "2.2.4-tf": the Keras that came with TensorFlow
  bool before(int other_major, int other_minor) const {
    return major != other_major ? major < other_major : minor < other_minor;
  }
};

// hard_sigmoid of Keras 1 and 2, clip(0.2 x + 0.5, 0, 1). No function of Python has such a name.
inline constexpr std::string_view kOlderHardSigmoid = "hard_sigmoid of Keras 2";

// The version that a file states; where it states none (""), that of the newest Keras, or of Keras
// 1 for a model that only Keras 1 wrote in this form. A model that holds what only Keras 3 writes
// is Keras 3's whatever the file states: it was brought into the older form, and computes as it
// did.
KerasVersion version_of(const std::string& stated, const Dict& model);

// The object of a model with all that is in it, wrapped layers and cells included: activations and
// defaults of Keras 1 and 2 as Keras 3 states them. An object of Keras 3 stays as it is.
Dict translated(const Dict& object, const KerasVersion& version);

}  // namespace hornet::keras
