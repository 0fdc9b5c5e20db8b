// The literals Keras puts into configs as objects whose class_name is in double underscores.
#pragma once

#include "keras/value.h"

namespace hornet::keras {

// The kind a literal object stands for; any other object (and `__lambda__`) is given back as it is.
// Throws Error(kInvalidModel) for a malformed literal.
Value value_of_object(Dict object);

}  // namespace hornet::keras
