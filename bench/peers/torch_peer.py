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


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def load_rows(path, batch=None, channels_last=False):
    """Images as PyTorch has them, in memory with channels first or last."""
    rows = np.load(path, mmap_mode="r")
    if batch is not None:
        rows = np.resize(rows, (batch,) + rows.shape[1:])
    rows = torch.from_numpy(np.array(rows))
    if rows.dim() == 4:
        rows = rows.permute(0, 3, 1, 2)
        if not channels_last:
            rows = rows.contiguous()
    return rows.long() if rows.dtype == torch.int32 else rows


class Engine:
    def __init__(self, model, variant):
        self.module = torch_model.KerasModel(model).eval()
        self.channels_last = variant == "channels_last"
        if self.channels_last:
            self.module = self.module.to(memory_format=torch.channels_last)
        self.optimized = variant == "optimized"
        self.scripts = {}

    def script(self, rows):
        if rows.shape not in self.scripts:
            script = torch.jit.freeze(torch.jit.trace(self.module, rows, check_trace=False))
            if self.optimized:
                script = torch.jit.optimize_for_inference(script)
            for _ in range(2):  # the first calls specialise it
                script(rows)
            self.scripts[rows.shape] = script
        return self.scripts[rows.shape]

    def predict(self, command):
        rows = load_rows(command["rows"], channels_last=self.channels_last)
        np.save(command["to"], self.script(rows)(rows).contiguous().numpy())
        return {}

    def run(self, command):
        rows = load_rows(command["rows"], command["batch"], self.channels_last)
        script = self.script(rows)
        script(rows)
        start, cpu, calls = time.perf_counter(), cpu_seconds(), 0
        while calls == 0 or time.perf_counter() - start < command["seconds"]:
            script(rows)
            calls += 1
        return {"rows": calls * command["batch"], "seconds": time.perf_counter() - start,
                "cpu_seconds": cpu_seconds() - cpu}


def main():
    model, threads, variant = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.set_num_interop_threads(1)
    torch.set_grad_enabled(False)
    try:
        engine = Engine(model, variant)
    except torch_model.Unsupported as error:
        print(json.dumps({"error": f"not supported: {error}"}), flush=True)
        return
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
        return
    print(json.dumps({"version": torch.__version__, "pid": os.getpid()}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(getattr(engine, command["do"])(command)), flush=True)


if __name__ == "__main__":
    main()
