// The memory of a program that is there to predict.
#pragma once

namespace hornet {

// To be called first in main(), as `hornet` and its workers do: from then on what malloc() gives
// (that of glibc; another is left alone) lies on large pages, up to some megabytes in all, and
// blocks of up to 4 MB that are given back are kept for who asks next. Where the system is slow to
// find a new page, as some virtual machines are, a start takes several milliseconds less. It
// changes malloc() for the whole process: the library does not do so by itself. Not thread-safe.
void keep_heap_on_large_pages();

}  // namespace hornet
