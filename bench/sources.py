"""Measures how fast Hornet reads its inputs, beside the libraries that others read them with, in
one run: see script/bench-sources, which installs what this needs."""

import argparse
import ctypes
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
HORNET = ROOT / "build/release/hornet"
WORK = ROOT / "build/bench/sources"
CORES = len(os.sched_getaffinity(0))
COLUMNS = 32
PICTURE = (480, 640, 3)


def log(*words):
    print(*words, file=sys.stderr, flush=True)


def hornet(path, workers, *options):
    """Bytes a second: of rows, and of the file."""
    command = [HORNET, "bench", "--source", path, "--workers", str(workers), "--json", *options]
    report = json.loads(subprocess.run(list(map(str, command)), capture_output=True, text=True,
                                       check=True).stdout)
    seconds = report["open_seconds"] + report["read_seconds"]
    return report["row_bytes_per_second"] * report["read_seconds"] / seconds, \
        report["file_bytes_per_second"] * report["read_seconds"] / seconds


# --- Inputs -------------------------------------------------------------------------------------


def measured_values(rows):
    """As instruments give them: neighbours alike, few digits."""
    generator = np.random.default_rng(1)
    return np.round(np.cumsum(generator.standard_normal((rows, COLUMNS)), 0) / 50, 3).astype(np.float32)


def make_npy():
    path = WORK / "rows.npy"
    np.save(path, np.zeros((8 << 20, COLUMNS), np.float32))
    return path


def make_csv():
    path = WORK / "rows.csv"
    values = measured_values(50_000)
    lines = "\n".join(",".join(f"{v:.3f}" for v in row) for row in values.tolist()) + "\n"
    with open(path, "w") as file:
        file.write(",".join(f"c{i}" for i in range(COLUMNS)) + "\n")
        for _ in range(20):
            file.write(lines)
    return path


def make_hdf5(name, **options):
    path = WORK / f"{name}.h5"
    values = measured_values(2 << 20)
    with h5py.File(path, "w") as file:
        file.create_dataset("rows", data=values, chunks=(2048, COLUMNS), **options)
    return path


class TurboJpeg:
    """libjpeg-turbo by its own interface."""

    RGB, HALF_CHROMA = 0, 2

    def __init__(self):
        self.library = ctypes.CDLL("libturbojpeg.so.0")
        self.library.tjInitDecompress.restype = ctypes.c_void_p
        self.library.tjInitCompress.restype = ctypes.c_void_p
        self.decoder = ctypes.c_void_p(self.library.tjInitDecompress())
        self.encoder = ctypes.c_void_p(self.library.tjInitCompress())
        self.to = np.empty(PICTURE, np.uint8)

    def encode(self, pixels, quality):
        height, width, _ = pixels.shape
        buffer, size = ctypes.c_void_p(None), ctypes.c_ulong(0)
        failed = self.library.tjCompress2(
            self.encoder, pixels.ctypes.data_as(ctypes.c_void_p), width, 0, height, self.RGB,
            ctypes.byref(buffer), ctypes.byref(size), self.HALF_CHROMA, quality, 0)
        assert not failed
        data = ctypes.string_at(buffer, size.value)
        self.library.tjFree(buffer)
        return data

    def decode(self, data):
        height, width, _ = PICTURE
        failed = self.library.tjDecompress2(
            self.decoder, data, ctypes.c_ulong(len(data)), self.to.ctypes.data_as(ctypes.c_void_p), width,
            0, height, self.RGB, 0)
        assert not failed


def make_pictures(turbo, count):
    """Smooth shapes and some grain: about 50 KB each, as photographs of this size have."""
    folder = WORK / "pictures"
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(2)
    height, width, _ = PICTURE
    for i in range(count):
        pixels = np.zeros(PICTURE, np.float32)
        for size in (4, 16, 64):
            coarse = generator.standard_normal((height // size + 2, width // size + 2, 3)) * size
            pixels += np.kron(coarse, np.ones((size, size, 1)))[:height, :width]
        pixels += generator.standard_normal(PICTURE) * 6
        (folder / f"{i:04}.jpg").write_bytes(
            turbo.encode(np.clip(pixels + 128, 0, 255).astype(np.uint8), 85))
    return folder


# --- Measuring ----------------------------------------------------------------------------------


def h5py_rate(path):
    begin = time.perf_counter()
    with h5py.File(path) as file:
        rows = file["rows"]
        count = sum(len(rows[first:first + 2048]) for first in range(0, len(rows), 2048))
    return count * COLUMNS * 4 / (time.perf_counter() - begin)


def turbo_rate(turbo, folder):
    """Pictures a second, read from files as Hornet reads them."""
    paths = sorted(folder.iterdir())
    begin = time.perf_counter()
    for path in paths:
        turbo.decode(path.read_bytes())
    return len(paths) / (time.perf_counter() - begin)


def in_turns(rounds, **measure):
    """name: median; all take turns."""
    rates = {name: [] for name in measure}
    for _ in range(rounds):
        for name, function in measure.items():
            rates[name].append(function())
    return {name: statistics.median(values) for name, values in rates.items()}


def main():
    parser = argparse.ArgumentParser(prog="script/bench-sources")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    turbo = TurboJpeg()
    lines = ["| input | one worker | all workers | beside it, one thread | one worker to it | "
             "all workers to it |", "|---|---|---|---|---|---|"]

    def report(name, found, unit, scale, peer=""):
        peer_rate = found.get("peer")
        ratios = ([f"{found[w] / peer_rate:.2f}" for w in ("one", "all")] if peer_rate else ["", ""])
        rate = (lambda value: f"{value / scale:,.0f} {unit}")
        lines.append(f"| {name} | {rate(found['one'])} | {rate(found['all'])} | "
                     f"{peer + ' ' + rate(peer_rate) if peer_rate else ''} | {ratios[0]} | {ratios[1]} |")
        log(lines[-1])

    path = make_npy()
    report(".npy, mapped", in_turns(options.rounds, one=lambda: hornet(path, 1)[0],
                                    all=lambda: hornet(path, CORES)[0]), "MB/s", 1e6)
    path.unlink()
    path = make_csv()
    report(f"CSV, {COLUMNS} columns, opening included",
           in_turns(options.rounds, one=lambda: hornet(path, 1)[1], all=lambda: hornet(path, CORES)[1]),
           "MB/s of the file", 1e6)
    path.unlink()
    for name, how in {"gzip": {"compression": "gzip"},
                      "gzip and shuffle": {"compression": "gzip", "shuffle": True},
                      "lzf and shuffle": {"compression": "lzf", "shuffle": True}}.items():
        path = make_hdf5(name.replace(" ", "-"), **how)
        report(f"HDF5, {name}, chunks of 256 KB",
               in_turns(options.rounds, one=lambda: hornet(f"{path}:/rows", 1)[0],
                        all=lambda: hornet(f"{path}:/rows", CORES)[0], peer=lambda: h5py_rate(path)),
               "MB/s of rows", 1e6, "h5py")
        path.unlink()
    count = 400
    folder = make_pictures(turbo, count)
    kilobytes = sum(p.stat().st_size for p in folder.iterdir()) / count / 1e3

    def pictures(workers):
        row_bytes, _ = hornet(folder, workers, "--shape", "224,224,3")
        return row_bytes / (224 * 224 * 3 * 4)
    report(f"JPEG, 640 x 480 ({kilobytes:.0f} KB), resized to 224 x 224",
           in_turns(options.rounds, one=lambda: pictures(1), all=lambda: pictures(CORES),
                    peer=lambda: turbo_rate(turbo, folder)), "pictures/s", 1, "libjpeg-turbo, not resized")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
