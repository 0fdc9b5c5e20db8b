#pragma once

namespace hornet::cli {

// Pages for what commands allocate in small parts, from the system at once: reading a model takes
// hundreds of them, each of which costs as much as thousands of allocations on some virtual
// machines. Before the first thread starts.
void warm_heap();

}  // namespace hornet::cli
