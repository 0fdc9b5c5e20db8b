// An HDF5 file driver that reads a file image where it lies: no copy, no file descriptor, and
// nothing that could write.
#pragma once

#include <hdf5.h>

#include "keras/bytes.h"

namespace hornet::keras {

// Opens `image` as an HDF5 file; a negative id where HDF5 refuses it. The bytes must outlive the
// id. The caller holds the lock that guards the library.
hid_t open_hdf5_image(const Bytes& image);

}  // namespace hornet::keras
