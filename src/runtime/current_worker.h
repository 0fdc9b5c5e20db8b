// Which worker the calling thread works for.
#pragma once

namespace hornet::internal {

// What Executor::current_worker() says on this thread from now on.
void set_current_worker(int worker);

}  // namespace hornet::internal
