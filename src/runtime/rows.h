// Rows from sources and to sinks that callers may have written themselves.
#pragma once

#include <cstddef>
#include <exception>
#include <new>
#include <vector>

#include "hornet/sink.h"
#include "hornet/source.h"
#include "runtime/output_error.h"

namespace hornet::runtime {

// Source::rows(). Throws Error(kInvalidInput) where it gives others than were asked for.
TensorView read_rows(const Source& source, int64_t begin, int64_t end,
                     std::vector<std::byte>& scratch);

// Calls the sink. Whatever it throws is an OutputError: no fault of the rows.
template <class Call>
auto for_output(const Sink& sink, Call&& call) {
  try {
    return call();
  } catch (const Error& error) {
    throw OutputError(error);
  } catch (const std::bad_alloc&) {
    throw OutputError(ErrorCode::kOutOfMemory, sink.name() + ": no memory");
  } catch (const std::exception& error) {
    throw OutputError(ErrorCode::kIo, sink.name() + ": " + error.what());
  } catch (...) {
    throw OutputError(ErrorCode::kIo, sink.name() + ": an unknown exception");
  }
}

}  // namespace hornet::runtime
