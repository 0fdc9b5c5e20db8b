// The worker program of the fault tests.
#include "fault/fault_layers.h"
#include "hornet/worker.h"

int main(int argc, char** argv) {
  return hornet::predict_worker_main(argc, argv, hornet::fault_layers());
}
