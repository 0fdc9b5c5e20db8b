"""Measures how much memory `hornet predict` takes for small and large inputs of several formats:
see script/bench-sources --memory."""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import time

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
HORNET = ROOT / "build/release/hornet"
WORK = ROOT / "build/bench/memory"
CHUNK = 2048


def log(*words):
    print(*words, file=sys.stderr, flush=True)


def some_rows(columns):
    return np.round(np.random.default_rng(1).standard_normal((CHUNK, columns)), 3).astype(np.float32)


def make_npy(path, columns, size):
    """Zeros, which take no place on the disk."""
    rows = size // (4 * columns)
    header = np.lib.format.header_data_from_array_1_0(np.empty((0, columns), np.float32))
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {**header, "shape": (rows, columns)})
        file.truncate(file.tell() + rows * columns * 4)
    return path


def make_csv(path, columns, size):
    text = "".join(",".join(f"{v:.3f}" for v in row) + "\n" for row in some_rows(columns).tolist())
    block = text.encode() * max(1, (8 << 20) // len(text))
    with open(path, "wb") as file:
        file.write(",".join(f"c{i}" for i in range(columns)).encode() + b"\n")
        while file.tell() < size:
            file.write(block)
    return path


def make_hdf5(path, columns, size):
    """Chunks of gzip, the same one again and again; `size` is of the rows."""
    chunks = size // (CHUNK * columns * 4)
    with h5py.File(path, "w") as file:
        rows = file.create_dataset("rows", (chunks * CHUNK, columns), np.float32,
                                   chunks=(CHUNK, columns), compression="gzip")
        rows[:CHUNK] = some_rows(columns)
        _, data = rows.id.read_direct_chunk((0, 0))
        for i in range(1, chunks):
            rows.id.write_direct_chunk((i * CHUNK, 0), data)
    return f"{path}:/rows"


FORMATS = {"npy": make_npy, "csv": make_csv, "h5": make_hdf5}


def resident_peaks(pid):
    """Bytes at most of a process and those that it started, by their number."""
    found = {}
    children = [int(child) for file in pathlib.Path(f"/proc/{pid}/task").glob("*/children")
                for child in file.read_text().split()]
    for process in [pid, *children]:
        try:
            status = pathlib.Path(f"/proc/{process}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        match = re.search(r"VmHWM:\s+(\d+)", status)
        if match:
            found[process] = int(match[1]) * 1024
    return found


def peak(model, rows, options):
    """Megabytes at most, as the system tells it, of all processes, and what the command prints."""
    command = [HORNET, "predict", model, rows, "-o", WORK / "out.npy", "--force", "--progress", "none",
               *options]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    peaks = {}
    while process.poll() is None:
        try:
            peaks.update(resident_peaks(process.pid))
        except (FileNotFoundError, ProcessLookupError):
            pass  # it, or one of its threads, has ended
        time.sleep(0.05)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed")
    return sum(peaks.values()) / 1e6, process.stdout.read().strip()


def main():
    parser = argparse.ArgumentParser(prog="script/bench-sources --memory")
    parser.add_argument("--model", type=pathlib.Path,
                        default=ROOT.parent / "shared/bench/tabular_mlp.keras")
    parser.add_argument("--sizes", default="1,20", help="of the inputs, in GB")
    parser.add_argument("--formats", default=",".join(FORMATS))
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    inspected = subprocess.run([HORNET, "inspect", options.model, "--json"], check=True,
                               capture_output=True, text=True).stdout
    columns = json.loads(inspected)["inputs"][0]["shape"][-1]
    ways = {"threads": [], "processes": ["--executor", "processes"]}
    sizes = [float(s) for s in options.sizes.split(",")]
    print("| input | executor | " + " | ".join(f"{s:g} GB" for s in sizes) + " | times the first |")
    print("|---|---|" + "---|" * len(sizes) + "---|")
    for name in options.formats.split(","):
        found = {way: [] for way in ways}
        for size in sizes:
            rows = FORMATS[name](WORK / f"rows.{name}", columns, int(size * 1e9))
            for way, arguments in ways.items():
                megabytes, text = peak(options.model, rows, arguments)
                log(f"{name}, {size:g} GB, {way}: {megabytes:.1f} MB; {text}")
                found[way].append(megabytes)
            (WORK / f"rows.{name}").unlink()
        for way, values in found.items():
            print(f"| {name} | {way} | " + " | ".join(f"{v:.1f} MB" for v in values)
                  + f" | {values[-1] / values[0]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
