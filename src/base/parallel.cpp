#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/cpu.h"

namespace hornet {

void parallel_for(size_t count, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;  // of the next two
  std::exception_ptr error;
  size_t error_at = count;
  const auto run = [&] {
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < error_at) {
          error_at = i;
          error = std::current_exception();
        }
        next = count;
      }
    }
  };
  const size_t threads = std::min(count, static_cast<size_t>(usable_cores_of_process()));
  std::vector<std::jthread> helpers;
  try {
    for (size_t t = 1; t < threads; ++t) helpers.emplace_back(run);
  } catch (const std::system_error&) {  // no more threads to be had: those that there are do it
  }
  run();
  helpers.clear();
  if (error) std::rethrow_exception(error);
}

}  // namespace hornet
