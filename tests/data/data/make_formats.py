#!/usr/bin/env python3
"""Writes the files beside it that the tests of src/data read, each with the library that programs
write such files with. Needs Debian's python3-numpy, python3-h5py and python3-pil.

Where a test computes what it expects, element i of an array is i.
"""
import gzip
import os
import struct

import h5py
import numpy as np
from PIL import Image

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
    with h5py.File("growing.h5", "w", libver="latest") as file:
        file.create_dataset("rows", data=counting((150, 3)), chunks=(1, 3), maxshape=(None, 3))
        file.create_dataset("rows_gzip", data=counting((40, 4, 3)), chunks=(3, 2, 3), maxshape=(None, 4, 3),
                            compression="gzip")
        file.create_dataset("columns", data=counting((7, 50)), chunks=(3, 4), maxshape=(9, None))
        file.create_dataset("both", data=counting((30, 20)), chunks=(2, 3), maxshape=(None, None))
        file.create_dataset("both_gzip", data=counting((30, 20)), chunks=(2, 3), maxshape=(None, None),
                            compression="gzip")
        file.create_dataset("shrunk", data=counting((90, 2)), chunks=(2, 2), maxshape=(None, None)).resize((11, 1))
        gaps = file.create_dataset("gaps", (5000, 1), "f4", chunks=(2, 1), maxshape=(None, 1), fillvalue=-1)
        gaps[4000:4004] = counting((4, 1))
    with h5py.File("fletcher.h5", "w") as file:
        file.create_dataset("x", data=counting((7, 3), "u1"), chunks=(3, 3), fletcher32=True)
    with h5py.File("one.h5", "w") as file:
        file["x"] = counting((2, 3))


def write_sparse_hdf5():
    """Little is written of these; `pages` lies where the index of another array was."""
    rows = {"shape": (2100, 1), "dtype": "i2", "chunks": (1, 1), "fillvalue": -1}
    with h5py.File("sparse.h5", "w", libver="latest") as file:
        file.create_dataset("old", data=counting((2100, 1), "i2"), chunks=(1, 1))
        file["after"] = counting((3,), "i2")
    with h5py.File("sparse.h5", "r+", libver="latest") as file:
        del file["old"]
        file.create_dataset("pages", **rows)[2:5] = counting((3, 1))
        file.create_dataset("pages_gzip", compression="gzip", **rows)[2098:] = counting((2, 1))
        file.create_dataset("far", (70000, 1), "i2", chunks=(1, 1), maxshape=(None, 1), fillvalue=-1)[69998] = 0
        file.create_dataset("nothing", (1000000, 3), ">i2", fillvalue=7)
        file.create_dataset("huge_rows", (2, 1 << 20, 1 << 10), "f4")
        # All chunks of the largest shape have their place at once, one after the other.
        early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        early.set_chunk((2, 1))
        early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        space = h5py.h5s.create_simple((5, 1), (20, 1))
        early = h5py.Dataset(h5py.h5d.create(file.id, b"early", h5py.h5t.STD_I16LE, space, early))
        early[1:3] = counting((2, 1)) + 1


def write_npz():
    np.savez("stored.npz", x=counting((5, 3)), y=counting((5,), "i8"))
    np.savez_compressed("deflated.npz", x=counting((5, 3)), y=counting((5,), "i8"))
    np.savez("single.npz", x=counting((2, 3)))


def picture(height, width):
    """Smooth colours with some edges."""
    y, x = np.mgrid[0:height, 0:width]
    red = 255 * x / max(width - 1, 1)
    green = 255 * y / max(height - 1, 1)
    blue = 127 + 120 * np.sin(x / 3.0) * np.cos(y / 5.0)
    pixels = np.stack([red, green, blue], -1).astype("u1")
    pixels[height // 4 : height // 2, width // 3 : width // 2] = (250, 20, 60)
    return pixels


def resized(pixels, height, width, nearest=False, crop=False):
    """tf.image.resize without antialiasing, half-pixel centres, in float64; with crop, first the box of
    keras.utils.image_utils.smart_resize."""
    pixels = pixels.astype("f8")
    rows, columns = pixels.shape[:2]
    if crop:
        box_height = max(min(rows, int(np.float32(columns * height) / np.float32(width))), 1)
        box_width = max(min(columns, int(np.float32(rows * width) / np.float32(height))), 1)
        top, left = int((rows - box_height) / 2), int((columns - box_width) / 2)
        pixels = pixels[top : top + box_height, left : left + box_width]
        rows, columns = pixels.shape[:2]
    if nearest:
        y = np.minimum(np.floor((np.arange(height) + 0.5) * (rows / height)).astype(int), rows - 1)
        x = np.minimum(np.floor((np.arange(width) + 0.5) * (columns / width)).astype(int), columns - 1)
        return pixels[y][:, x].astype("u1")

    def weights(size_in, size_out):
        at = (np.arange(size_out) + 0.5) * (size_in / size_out) - 0.5
        lower = np.maximum(np.floor(at).astype(int), 0)
        upper = np.minimum(np.ceil(at).astype(int), size_in - 1)
        return lower, upper, at - np.floor(at)

    y0, y1, ty = weights(rows, height)
    x0, x1, tx = weights(columns, width)
    ty, tx = ty[:, None, None], tx[None, :, None]
    above = pixels[y0][:, x0] * (1 - tx) + pixels[y0][:, x1] * tx
    below = pixels[y1][:, x0] * (1 - tx) + pixels[y1][:, x1] * tx
    return (above * (1 - ty) + below * ty).astype("f4")


def write_pictures():
    for folder in ("pictures/b", "pictures/a", "kinds"):
        os.makedirs(folder, exist_ok=True)
    rgb = Image.fromarray(picture(37, 53))
    rgb.save("pictures/b/1.jpg", quality=90)
    rgb.save("pictures/a/z.PNG", format="PNG")
    Image.fromarray(picture(20, 64)).save("pictures/a/y.jpeg", quality=75, progressive=True)
    with open("pictures/a/notes.txt", "w") as file:
        file.write("not a picture\n")
    with open("pictures.txt", "w") as file:
        file.write("pictures/b/1.jpg\npictures/a/z.PNG\r\n\n")

    kinds = {
        "rgb.png": rgb,
        "rgba.png": Image.merge("RGBA", (*rgb.split(), rgb.convert("L"))),
        "grey.png": rgb.convert("L"),
        "grey_alpha.png": rgb.convert("LA"),
        "palette.png": rgb.quantize(16),
        "bit.png": rgb.convert("1"),
        "rgb.jpg": rgb,
        "rgb_420.jpg": Image.fromarray(picture(35, 41)),
        "grey.jpg": rgb.convert("L"),
        "cmyk.jpg": rgb.convert("CMYK"),
        "pixel.png": Image.fromarray(picture(1, 1)),
    }
    expected = {}
    for name, image in kinds.items():
        path = "kinds/" + name
        options = {"quality": 85} if name.endswith("jpg") else {}
        image.save(path, **options)
        with Image.open(path) as read:
            for mode in ("RGB", "RGBA", "L"):
                # Of coloured JPEG, Keras takes the file's own luma, not the one PIL computes again.
                if mode == "L" and name.endswith("jpg") and name != "cmyk.jpg":
                    with Image.open(path) as luma:
                        luma.draft("L", luma.size)
                        assert luma.mode == "L"
                        expected[f"{name}_L"] = np.array(luma)
                    continue
                expected[f"{name}_{mode}"] = np.array(Image.open(path).convert(mode))
    np.savez("kinds.npz", **expected)

    row = {}
    for name, path in (("b1", "pictures/b/1.jpg"), ("ay", "pictures/a/y.jpeg"), ("az", "pictures/a/z.PNG")):
        pixels = np.array(Image.open(path).convert("RGB"))
        for height, width in ((16, 16), (37, 53), (80, 30)):
            size = f"{name}_{height}_{width}"
            row[size] = resized(pixels, height, width)
            row[size + "_nearest"] = resized(pixels, height, width, nearest=True)
            row[size + "_crop"] = resized(pixels, height, width, crop=True)
    np.savez_compressed("resized.npz", **row)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def example(**features):
    """tf.train.Example as proto/example.proto has it."""
    entries = b""
    for name, value in features.items():
        if isinstance(value, bytes):
            feature = field(1, field(1, value))
        elif value.dtype.kind == "f":
            feature = field(2, field(1, value.astype("<f4").tobytes()))
        else:
            feature = field(3, field(1, b"".join(varint(int(v)) for v in value)))
        entries += field(1, field(1, name.encode()) + field(2, feature))
    return field(1, entries)


def record(data):
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def write_tfrecords():
    with open("pictures/b/1.jpg", "rb") as file:
        jpeg = file.read()
    records = b""
    for i in range(40):
        records += record(example(x=counting((6,)) + 6 * i, label=np.array([i - 20]),
                                  raw=(counting((4,), "<i2") + i).tobytes(), image=jpeg))
    with open("rows.tfrecord", "wb") as file:
        file.write(records)
    with gzip.GzipFile("single.tfrecord", "wb", mtime=0) as file:
        file.write(b"".join(record(example(x=counting((2,)) + 2 * i)) for i in range(3)))


if __name__ == "__main__":
    write_pictures()
    write_tfrecords()
    write_hdf5()
    write_sparse_hdf5()
    write_npz()
