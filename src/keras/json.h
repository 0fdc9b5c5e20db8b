// Reads JSON as Python writes it into Values.
#pragma once

#include <string>
#include <string_view>

#include "keras/value.h"

namespace hornet::keras {

// Accepts the bare words NaN, Infinity and -Infinity, a byte order mark and repeated keys, and
// turns Keras's literals (`__keras_tensor__`, `__numpy__`, ...) into their kinds; `__lambda__`
// objects stay Dicts. Throws Error(kInvalidModel) that names `origin` ("config.json"), also for
// text nested deeper than 500 levels, longer than 32 MiB or of more than 2 million values.
Value parse_json(std::string_view text, const std::string& origin);

}  // namespace hornet::keras
