// The worker program of the fault tests.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "fault/fault_layers.h"
#include "hornet/worker.h"

namespace {

// While the model is loaded: the first worker hangs, which makes a file of the name in the
// environment, or every one where no such file can be made.
void hang_if_told() {
  const char* path = std::getenv("HORNET_FAULT_HANG_AT_START");
  if (path == nullptr) return;
  const int file = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
  while (file >= 0 || access(path, F_OK) != 0) pause();
}

}  // namespace

int main(int argc, char** argv) {
  auto layers = hornet::fault_layers();
  layers[1].function = [known = layers[1].function](hornet::CustomLayer& layer) {
    hang_if_told();
    return known(layer);
  };
  return hornet::predict_worker_main(argc, argv, layers);
}
