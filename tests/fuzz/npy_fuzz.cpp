#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hornet::SourceOptions options;
  options.format = "npy";
  hornet::read_all(data, size, "", options);
  return 0;
}
