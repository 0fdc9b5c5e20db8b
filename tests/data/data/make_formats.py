#!/usr/bin/env python3
"""Writes the files beside it that the tests of src/data read, each with the library that programs
write such files with. Needs Debian's python3-numpy, python3-h5py and python3-pil.

Where a test computes what it expects, element i of an array is i.
"""
import os

import h5py
import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def counting(shape, dtype="f4"):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def write_hdf5():
    with h5py.File("formats.h5", "w") as file:
        rows = counting((50, 4, 6))
        file["contiguous"] = rows
        file["big_endian"] = rows.astype(">f4")
        file["group/inner"] = counting((3, 2), "i8")
        file["scalar"] = np.float32(7)
        file["numbers"] = counting((5,), "f8")
        file["bools"] = np.array([True, False, True])
        file["texts"] = np.array([b"a", b"b"])
        file["no_rows"] = np.zeros((0, 3), "f4")
        file.create_dataset("no_rows_chunked", (0, 3), "f4", maxshape=(None, 3))
        file.create_dataset("gzip", data=rows, chunks=(7, 4, 6), compression="gzip")
        file.create_dataset("gzip_shuffle", data=rows, chunks=(7, 4, 6), compression="gzip", shuffle=True)
        file.create_dataset("lzf", data=rows, chunks=(8, 4, 6), compression="lzf")
        file.create_dataset("lzf_shuffle_f8", data=rows.astype("f8"), chunks=(8, 4, 6), compression="lzf",
                            shuffle=True)
        file.create_dataset("pieces", data=rows, chunks=(7, 3, 4), compression="gzip", shuffle=True,
                            fletcher32=True)
        file.create_dataset("chunked_plain", data=rows.astype(">i2"), chunks=(9, 4, 5))
        file.create_dataset("numbers_gzip", data=counting((100,), "i4"), chunks=(16,), compression="gzip")
        # Random bytes do not compress: the filter is skipped for such chunks.
        noise = np.random.default_rng(1).integers(0, 256, (20, 100), dtype="u1")
        file.create_dataset("noise", data=noise, chunks=(10, 100), compression="lzf")
        np.save("noise.npy", noise)
        gaps = file.create_dataset("gaps", (40, 3), "f4", chunks=(10, 3), compression="gzip", fillvalue=-1)
        gaps[10:20] = counting((10, 3))
    with h5py.File("one.h5", "w") as file:
        file["x"] = counting((2, 3))


def write_npz():
    np.savez("stored.npz", x=counting((5, 3)), y=counting((5,), "i8"))
    np.savez_compressed("deflated.npz", x=counting((5, 3)), y=counting((5,), "i8"))
    np.savez("single.npz", x=counting((2, 3)))


if __name__ == "__main__":
    write_hdf5()
    write_npz()
