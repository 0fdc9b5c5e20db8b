// Errors of the floors below, with the file in front.
#pragma once

#include <new>
#include <stdexcept>
#include <string>

#include "base/check.h"

namespace hornet::internal {

// Runs `body`. Errors that do not name `path` are thrown again with it in front; memory that is not
// to be had is an Error as well.
template <class Body>
auto naming(const std::string& path, const Body& body) {
  try {
    return body();
  } catch (const Error& error) {
    if (error.message().find(path) != std::string::npos) throw;
    fail(error.code(), "{}: {}", path, error.message());
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, "{}: needs more memory than there is", path);
  } catch (const std::length_error&) {
    fail(ErrorCode::kOutOfMemory, "{}: needs more memory than any machine has", path);
  }
}

}  // namespace hornet::internal
