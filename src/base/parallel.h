// Short work on several threads, done when the call returns.
#pragma once

#include <cstddef>
#include <functional>

namespace hornet {

// Calls `work` for 0 ... count - 1, on as many threads as there are usable cores; each thread takes
// the next number. Rethrows the error of the lowest number. For what is done once, before there are
// workers (runtime/).
void parallel_for(size_t count, const std::function<void(size_t)>& work);

}  // namespace hornet
