#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hornet::SourceOptions options;
  options.format = "hdf5";
  // Chunks that claim many megabytes take the time of thousands of other files.
  options.memory_bytes = size_t{4} << 20;
  for (const char* member : {"", ":/a", ":/g/b"}) hornet::read_all(data, size, member, options);
  return 0;
}
