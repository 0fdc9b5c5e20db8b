#!/usr/bin/env python3
"""Writes the small inputs in corpus/ that fuzzers begin with. Needs Debian's python3-numpy,
python3-h5py and python3-pil. Findings are added to the folders by hand."""
import io
import os
import sys

import h5py
import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../data/data"))
from make_formats import example, record  # noqa: E402


def write(folder, name, data):
    os.makedirs(os.path.join(HERE, "corpus", folder), exist_ok=True)
    with open(os.path.join(HERE, "corpus", folder, name), "wb") as file:
        file.write(data)


def hdf5(fill, **options):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer.getvalue()


def npz(save):
    buffer = io.BytesIO()
    save(buffer, x=np.arange(6, dtype="f4").reshape(2, 3))
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def picture(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


rows = np.arange(24, dtype="f4").reshape(4, 6)
write("csv", "plain", b"\x17a,b\n1,2.5\n-3e2,NA\n")
write("csv", "quotes", b"\x17a,b\r\n\"1\",\"2\n\"\r\n\r\n\"\"\"x\",4")
write("csv", "tabs", b"\x161\t 2 \n\t4\n")
write("csv", "integers", b"\x0b1,-2\n+3,true\n")
write("hdf5", "contiguous", hdf5(lambda f: f.create_dataset("a", data=rows)))
write("hdf5", "gzip", hdf5(lambda f: f.create_dataset("a", data=rows, chunks=(3, 4), compression="gzip", shuffle=True)))
write("hdf5", "lzf", hdf5(lambda f: f.create_dataset("g/b", data=rows * 0, chunks=(2, 6), compression="lzf",
                                                      fletcher32=True)))
write("hdf5", "growing", hdf5(lambda f: f.create_dataset("a", data=rows.repeat(6, axis=0), chunks=(1, 6),
                                                          maxshape=(None, 6), fletcher32=True), libver="latest"))
write("hdf5", "growing_both", hdf5(lambda f: f.create_dataset("g/b", data=rows, chunks=(2, 3), maxshape=(None, None),
                                                               compression="gzip"), libver="latest"))
write("npz", "stored", npz(np.savez))
write("npz", "deflated", npz(np.savez_compressed))
write("npy", "f4", npy(rows))
write("npy", "i2_big_endian", npy(rows.astype(">i2")))
small = Image.fromarray(np.arange(9 * 11 * 3, dtype="u1").reshape(9, 11, 3))
for i, (format, options) in enumerate((("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}))):
    write("picture", f"rgb_{i}", bytes([8 + i]) + picture(small, format, **options))
write("picture", "palette", b"\x05" + picture(small.quantize(5), "PNG"))
write("picture", "cmyk", b"\x18" + picture(small.convert("CMYK"), "JPEG"))
message = example(x=np.array([1.5, 2], "f4"), y=np.array([-1, 300]), z=b"bytes")
write("example", "all", message)
write("tfrecord", "two", record(example(x=np.array([1, 2], "f4"))) * 2)
