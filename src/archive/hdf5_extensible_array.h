// Where HDF5 keeps what it knows of the chunks of an array that grows in one direction.
#pragma once

#include <cstdint>
#include <functional>

#include "archive/hdf5_bytes.h"

namespace hornet {

// Calls `visit` with the number, from 0, of each element of the extensible array at `address`, and
// the element. Parts that were never written have none. Throws Error(kInvalidModel) where it is
// damaged.
void for_each_element(const Hdf5Bytes& file, uint64_t address,
                      const std::function<void(uint64_t, Hdf5Cursor)>& visit);

}  // namespace hornet
