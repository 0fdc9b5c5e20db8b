"""Keras's own predict as a peer of the benchmark: keras_peer.py MODEL.keras THREADS

Commands and answers are those of torch_peer.py. THREADS is set by the environment it is started in.
"""

import json
import os
import resource
import sys
import time

import keras
import numpy as np

# Rows of one call of predict(), in batches: what a call costs beside its batches is spread over them.
BATCHES_A_CALL = 16


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Engine:
    def __init__(self, path):
        self.model = keras.models.load_model(path, compile=False)

    def predict(self, command):
        rows = np.load(command["rows"])
        np.save(command["to"], self.model.predict(rows, batch_size=len(rows), verbose=0))
        return {}

    def run(self, command):
        batch = command["batch"]
        rows = np.load(command["rows"])
        rows = np.resize(rows, (BATCHES_A_CALL * batch,) + rows.shape[1:])

        def call():
            self.model.predict(rows, batch_size=batch, verbose=0)

        call()
        start, cpu, calls = time.perf_counter(), cpu_seconds(), 0
        while calls == 0 or time.perf_counter() - start < command["seconds"]:
            call()
            calls += 1
        return {"rows": calls * len(rows), "seconds": time.perf_counter() - start,
                "cpu_seconds": cpu_seconds() - cpu}


def main():
    engine = Engine(sys.argv[1])
    print(json.dumps({"version": f"{keras.__version__} ({keras.backend.backend()})", "pid": os.getpid()}),
          flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(getattr(engine, command["do"])(command)), flush=True)


main()
