// An output that cannot be written: no fault of the rows, and trying them again is of no use.
#pragma once

#include "hornet/error.h"

namespace hornet::runtime {

class OutputError : public Error {
 public:
  using Error::Error;
  explicit OutputError(const Error& error) : Error(error.code(), error.message()) {}
};

}  // namespace hornet::runtime
