"""PyTorch as a peer of the benchmark: torch_peer.py MODEL.keras THREADS VARIANT

Reads a JSON command a line and answers each with a line:
  {"do": "predict", "rows": X.npy, "to": Y.npy}     computes all rows at once
  {"do": "run", "rows": X.npy, "batch": B, "seconds": S}   the first B rows again and again
"""

import json
import os
import resource
import sys
import time

import numpy as np
import torch

import torch_model

MODEL, THREADS, VARIANT = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(THREADS)
torch.set_num_interop_threads(1)
torch.set_grad_enabled(False)


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def load_rows(path, batch=None):
    rows = np.load(path, mmap_mode="r")
    if batch is not None:
        rows = np.resize(rows, (batch,) + rows.shape[1:])
    rows = torch.from_numpy(np.array(rows))
    if rows.dim() == 4:
        rows = rows.permute(0, 3, 1, 2)
        if VARIANT != "channels_last":
            rows = rows.contiguous()
    return rows.long() if rows.dtype == torch.int32 else rows


class Engine:
    def __init__(self):
        self.module = torch_model.KerasModel(MODEL).eval()
        if VARIANT == "channels_last":
            self.module = self.module.to(memory_format=torch.channels_last)
        self.scripts = {}

    def script(self, rows):
        if rows.shape not in self.scripts:
            script = torch.jit.freeze(torch.jit.trace(self.module, rows, check_trace=False))
            if VARIANT == "optimized":
                script = torch.jit.optimize_for_inference(script)
            for _ in range(2):  # the first calls specialise it
                script(rows)
            self.scripts[rows.shape] = script
        return self.scripts[rows.shape]

    def predict(self, command):
        rows = load_rows(command["rows"])
        y = self.script(rows)(rows)
        if y.dim() == 4:
            y = y.permute(0, 2, 3, 1)
        np.save(command["to"], y.contiguous().numpy())
        return {}

    def run(self, command):
        rows = load_rows(command["rows"], command["batch"])
        script = self.script(rows)
        script(rows)
        start, cpu, calls = time.perf_counter(), cpu_seconds(), 0
        while calls == 0 or time.perf_counter() - start < command["seconds"]:
            script(rows)
            calls += 1
        return {"rows": calls * command["batch"], "seconds": time.perf_counter() - start,
                "cpu_seconds": cpu_seconds() - cpu}


def main():
    try:
        engine = Engine()
    except torch_model.Unsupported as error:
        print(json.dumps({"error": f"not supported: {error}"}), flush=True)
        return
    print(json.dumps({"version": torch.__version__, "pid": os.getpid()}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(getattr(engine, command["do"])(command)), flush=True)


main()
