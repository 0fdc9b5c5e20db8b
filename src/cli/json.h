// What commands print for programs.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace hornet::cli {

// Members stay in the order in which they are added.
using Json = nlohmann::ordered_json;

// Names from broken files may be no UTF-8.
inline void print_json(const Json& json) {
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace hornet::cli
