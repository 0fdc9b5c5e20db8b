#include "kernels/threads.h"

#include <omp.h>

namespace hornet::kernels {

void set_up_worker_thread() { omp_set_num_threads(1); }

OneThreadScope::OneThreadScope() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
OneThreadScope::~OneThreadScope() { omp_set_num_threads(before_); }

}  // namespace hornet::kernels
