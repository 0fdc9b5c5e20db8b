#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hornet;
  if (size == 0) return 0;
  SourceOptions options;
  options.format = data[0] % 2 ? "csv" : "tsv";
  options.dtype = static_cast<DType>(data[0] / 2 % 13);
  read_all(data + 1, size - 1, "", options);
  return 0;
}
