#include "data/example.h"
#include "hornet/error.h"

// Records carry checksums, which a fuzzer does not guess: their content on its own.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hornet;
  const std::span<const std::byte> example = std::as_bytes(std::span(data, size));
  try {
    for (const std::string& name : feature_names(example, "x")) {
      const auto feature = find_feature(example, name, "x");
      std::vector<float> floats;
      std::vector<int64_t> integers;
      read_floats(*feature, floats, "x");
      read_integers(*feature, integers, "x");
      read_bytes(*feature, "x");
    }
  } catch (const Error&) {
  }
  return 0;
}
