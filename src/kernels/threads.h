// The thread count of the libraries below, which is OpenMP's and so one for each thread.
#pragma once

namespace hornet::kernels {

// To be called once by each worker: what runs on this thread stays on it. A job has one worker a
// core; nothing inside a layer runs in parallel.
void set_up_worker_thread();

// The same for a thread of the caller, which gets its own setting back.
class OneThreadScope {
 public:
  OneThreadScope();
  ~OneThreadScope();
  OneThreadScope(const OneThreadScope&) = delete;
  OneThreadScope& operator=(const OneThreadScope&) = delete;

 private:
  int before_;
};

}  // namespace hornet::kernels
