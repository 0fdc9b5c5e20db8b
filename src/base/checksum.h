// A checksum for what is written to disk and read back.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hornet {

// CRC-32C (Castagnoli), as iSCSI and ext4 have it. The checksum of two pieces one after the other
// is crc32c(second, n, crc32c(first, m)). The same on every machine.
uint32_t crc32c(const void* data, size_t size, uint32_t crc = 0);

// That of two pieces one after the other, from those of each.
uint32_t crc32c_of_both(uint32_t first, uint32_t second, uint64_t second_size);

// The plain loop, which crc32c must agree with wherever it uses the processor's instruction.
uint32_t crc32c_portable(const void* data, size_t size, uint32_t crc = 0);

}  // namespace hornet
