// The memory of a program that is there to predict.
#pragma once

namespace hornet {

// To be called first in main(), as `hornet` does and predict_worker_main() at its begin: from then
// on what malloc() gives (that of glibc; another is left alone) lies on large pages, up to some
// megabytes in all, and blocks of up to 32 MB that are given back are kept for who asks next, 64 MB
// in all, which glibc comes to by itself once such blocks were used. Where the system is slow to
// find a new page, as some virtual machines are, a start takes several milliseconds less. It
// changes malloc() for the whole process: nothing else of the library does so. Not thread-safe.
void keep_heap_on_large_pages();

}  // namespace hornet
