#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hornet::SourceOptions options;
  options.format = "tfrecord";
  for (const char* member : {"", ":/x"}) hornet::read_all(data, size, member, options);
  return 0;
}
