// Memory for arrays.
#pragma once

#include <cstddef>
#include <memory>

namespace hornet {

// Zeros, 64-byte aligned; null where there is no memory. Large blocks are mapped, on huge pages
// where the system has them: a page is zeroed when it is first touched, and weights of 100 MB take
// 50 entries of the processor's address cache instead of 25,000.
std::shared_ptr<void> allocate_zeroed(size_t bytes);

}  // namespace hornet
