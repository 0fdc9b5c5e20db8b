"""Measures Hornet and its peers in one run: see script/bench, which installs what this needs."""

import argparse
import functools
import gzip
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time

import numpy as np

import keras_file
from architectures import ARCHITECTURES

ROOT = pathlib.Path(__file__).resolve().parent.parent
HORNET = ROOT / "build/release/hornet"
PEERS = ROOT / "bench/peers"
WORK = ROOT / "build/bench"
SHARED = ROOT.parent / "shared/bench"
MODELS = ["resnet50", "unet", "transformer", "bilstm", "gru", "tabular_mlp", "mobilenet_v2",
          "efficientnet_b0"]
USABLE = sorted(os.sched_getaffinity(0))
CORES = len(USABLE)
# Where one worker is measured: others use a shared machine's cores unequally.
SINGLE_CORES = USABLE[::max(CORES // 4, 1)][:4]


def log(*words):
    print(*words, file=sys.stderr, flush=True)


class Failure(Exception):
    pass


# --- Hornet -------------------------------------------------------------------------------------


def hornet(*arguments, env=None, core=None):
    pin = None if core is None else lambda: os.sched_setaffinity(0, {core})
    result = subprocess.run([HORNET, *map(str, arguments)], capture_output=True, text=True, env=env,
                            preexec_fn=pin)
    if result.returncode != 0:
        raise Failure(result.stderr.strip())
    return result.stdout


def hornet_json(*arguments, env=None, core=None):
    return json.loads(hornet(*arguments, "--json", env=env, core=core))


def close(got, expected):
    return got.shape == expected.shape and np.allclose(got, expected, rtol=1e-3, atol=1e-5)


# --- Peers --------------------------------------------------------------------------------------


class Server:
    """A process that answers a JSON line with a JSON line."""

    def __init__(self, command, env):
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True, env=env)
        try:
            self.hello = self.answer()
        except Failure:
            self.close()
            raise

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure("the process ended")
        answer = json.loads(line)
        if "error" in answer:
            raise Failure(answer["error"])
        return answer

    def peak_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Configuration:
    """Processes of a peer that compute side by side."""

    def __init__(self, peer, processes, threads, variant):
        self.peer, self.processes, self.threads, self.variant = peer, processes, threads, variant
        self.servers = []

    def __enter__(self):
        for _ in range(self.processes):
            self.servers.append(self.peer.start(self.threads, self.variant))
        return self

    def __exit__(self, *_):
        while self.servers:
            self.servers.pop().close()

    def rate(self, batch, seconds, cpu_time):
        """Rows a second of all processes together."""
        for server in self.servers:
            server.ask(do="run", seconds=seconds, **self.peer.rows(batch))
        total = 0
        for answer in [server.answer() for server in self.servers]:
            passed = answer["cpu_seconds"] / self.threads if cpu_time else answer["seconds"]
            total += answer["rows"] / passed
        return total

    def describe(self):
        how = (f"{self.processes} processes of one thread" if self.threads == 1
               else f"one process, {self.threads} threads")
        return how + (f", {self.variant}" if self.variant else "")


class Torch:
    name = "PyTorch"
    has_our_weights = True

    def __init__(self, model, rows_path, env):
        self.model, self.rows_path, self.env = model, rows_path, env
        is_image = np.load(rows_path, mmap_mode="r").ndim == 4
        self.variants = ["frozen", "optimized"] + (["channels_last"] if is_image else [])

    def start(self, threads, variant):
        env = dict(self.env, OMP_NUM_THREADS=str(threads))
        return Server(["/usr/bin/python3", PEERS / "torch_peer.py", self.model, threads, variant], env)

    def rows(self, batch):
        return {"rows": str(self.rows_path), "batch": batch}

    def predict(self, server, count):
        path = WORK / "torch.npy"
        server.ask(do="predict", rows=str(self.rows_path), to=str(path))
        server.answer()
        return np.load(path)


@functools.cache
def python_with_keras():
    """A Python in which Keras is installed: $HORNET_KERAS_PYTHON or one of the path; None for none."""
    for python in (os.environ.get("HORNET_KERAS_PYTHON"), "python3", "/usr/bin/python3"):
        if not python or not shutil.which(python):
            continue
        look = "import importlib.util as u, sys; sys.exit(u.find_spec('keras') is None)"
        if subprocess.run([python, "-c", look], capture_output=True).returncode == 0:
            return python
    return None


class Keras(Torch):
    name = "Keras"

    def __init__(self, model, rows_path, env):
        self.model, self.rows_path, self.env, self.variants = model, rows_path, env, [""]

    def start(self, threads, variant):
        env = dict(limited_to_avx2(self.env), OMP_NUM_THREADS=str(threads), TF_CPP_MIN_LOG_LEVEL="3",
                   TF_NUM_INTRAOP_THREADS=str(threads), TF_NUM_INTEROP_THREADS="1")
        return Server([python_with_keras(), PEERS / "keras_peer.py", self.model, threads], env)


@functools.cache
def cpuid_trap():
    """The library that hides AVX-512 from a process, and whether CPUID traps here (else see below)."""
    library = WORK / "avx2_only.so"
    # Other libraries ask for the processor before they are used: this one has to begin first.
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-Wl,-z,initfirst", "-o", library,
                    PEERS / "avx2_only.c", "-ldl"], check=True)
    traps = subprocess.run(["true"], env=dict(os.environ, LD_PRELOAD=str(library))).returncode == 0
    return library, traps


@functools.cache
def onnxruntime_without_cpuid():
    """A copy of ONNX Runtime in which UD2, which can be trapped anywhere, stands for CPUID."""
    original = next(pathlib.Path(os.environ["HORNET_PEERS"]).glob(
        "node_modules/onnxruntime-node/bin/*/linux/x64/libonnxruntime.so.1"))
    sections = subprocess.run(["objdump", "-h", "-j", ".text", original], capture_output=True,
                              text=True, check=True).stdout
    _, address, _, offset = re.search(r"\.text\s+(\w+)\s+(\w+)\s+(\w+)\s+(\w+)", sections).groups()
    listing = subprocess.run(["objdump", "-d", "-j", ".text", original], capture_output=True,
                             text=True, check=True).stdout
    code = bytearray(original.read_bytes())
    places = list(re.finditer(r"^\s*(\w+):\s+0f a2\s+cpuid", listing, re.MULTILINE))
    assert places, "no CPUID was found"
    for found in places:
        at = int(found[1], 16) - int(address, 16) + int(offset, 16)
        assert code[at:at + 2] == b"\x0f\xa2", "the listing does not fit the library"
        code[at:at + 2] = b"\x0f\x0b"
    copy = WORK / original.name
    copy.write_bytes(code)
    return copy


def is_avx2(env):
    return env.get("HORNET_MAX_ISA") == "avx2"


def limited_to_avx2(env):
    """`env` with AVX-512 hidden from a peer that has no option for it, where it is to be."""
    library, traps = cpuid_trap() if is_avx2(env) else (None, False)
    return dict(env, LD_PRELOAD=str(library)) if traps else env


def onnxruntime_limited_to_avx2(env):
    """The same for ONNX Runtime, also where processor or kernel cannot trap CPUID."""
    if not is_avx2(env) or cpuid_trap()[1]:
        return limited_to_avx2(env)
    return dict(env, LD_PRELOAD=f"{cpuid_trap()[0]}:{onnxruntime_without_cpuid()}",
                HORNET_CPUID_IS_UD2="1")


class Onnx:
    name = "ONNX Runtime"
    variants = [""]

    def __init__(self, model, rows_path, env, is_exported):
        self.model, self.source, self.env = model, np.load(rows_path), env
        self.has_our_weights = is_exported
        self.shape = self.dtype = None
        self.files = {}

    def start(self, threads, variant):
        server = Server(["node", PEERS / "onnx_peer.cjs", self.model, threads],
                        onnxruntime_limited_to_avx2(self.env))
        self.shape, self.dtype = server.hello["shape"], server.hello["dtype"]
        return server

    def rows(self, batch):
        if batch not in self.files:
            x = np.resize(self.source, (batch,) + self.source.shape[1:])
            wanted = [d for d in (self.shape or [])[1:]]
            is_channels_first = self.has_our_weights or (
                len(wanted) == 3 and x.ndim == 4 and wanted[0] == x.shape[3] != x.shape[1])
            if x.ndim == 4 and is_channels_first:
                x = x.transpose(0, 3, 1, 2)
            kind = "int64" if self.dtype == "int64" or x.dtype.kind in "iu" else "float32"
            path = WORK / f"onnx-{batch}.bin"
            np.ascontiguousarray(x, kind).tofile(path)
            self.files[batch] = {"rows": str(path), "shape": list(x.shape), "dtype": kind}
        return self.files[batch]

    def predict(self, server, count):
        path = WORK / "onnx-out.bin"
        server.ask(do="predict", to=str(path), **self.rows(count))
        shape = server.answer()["shape"]
        return np.fromfile(path, np.float32).reshape(shape)


def best_batch(configuration, cpu_time, seconds):
    """Powers of two, until the last three bring nothing or a batch takes too long."""
    best, best_rate, without_gain, batch = 1, 0, 0, 1
    while without_gain < 3 and batch <= 4096:
        rate = configuration.rate(batch, seconds, cpu_time)
        without_gain = without_gain + 1 if rate < 1.01 * best_rate else 0
        if rate > best_rate:
            best, best_rate = batch, rate
        if batch * configuration.processes / rate > max(seconds, 0.25):
            break
        batch *= 2
    return best, best_rate


def best_variant(peer, options, seconds):
    rates = {}
    for variant in peer.variants:
        try:
            with Configuration(peer, 1, 1, variant) as one:
                rates[variant] = max(one.rate(b, seconds, options.cpu_time) for b in (1, 8))
        except Failure as failure:
            log(f"    {peer.name} {variant}: {failure}")
    if not rates:
        raise Failure("cannot run this model")
    return max(rates, key=rates.get)


def best_configuration(peer, options):
    """One process with all cores or one a core; the variant; the batch."""
    seconds = options.seconds / 4
    variant = best_variant(peer, options, seconds) if len(peer.variants) > 1 else peer.variants[0]
    found = []
    for processes, threads in {(CORES, 1), (1, CORES)}:
        with Configuration(peer, processes, threads, variant) as configuration:
            batch, rate = best_batch(configuration, options.cpu_time, seconds)
        found.append((rate, processes, threads, batch))
    _, processes, threads, batch = max(found)
    return Configuration(peer, processes, threads, variant), batch


def start_up(command, env, wait_for_exit, ask=None):
    """Seconds from the start of a process to its first prediction."""
    begin = time.perf_counter()
    if wait_for_exit:
        subprocess.run(list(map(str, command)), check=True, capture_output=True, env=env)
        return time.perf_counter() - begin
    server = ask()
    passed = time.perf_counter() - begin
    server.close()
    return passed


# --- One model ----------------------------------------------------------------------------------


class ModelBench:
    def __init__(self, name, model, onnx, options, env):
        self.name, self.model, self.options, self.env = name, model, options, env
        self.x_path, self.y_path = WORK / f"{name}.x.npy", WORK / f"{name}.y.npy"
        self.make_rows()
        self.peers = []
        self.result = {"model": name, "notes": []}
        if "onnx" in options.peers:
            path = onnx or self.exported_onnx()
            if path:
                self.peers.append(Onnx(path, self.x_path, env, is_exported=onnx is None))
        if "torch" in options.peers:
            self.peers.append(Torch(model, self.x_path, env))
        if "keras" in options.peers and python_with_keras():
            self.peers.append(Keras(model, self.x_path, env))

    def make_rows(self):
        given = self.model.with_suffix(".x.npy")
        if given.exists():
            shutil.copyfile(given, self.x_path)
            return
        inputs = hornet_json("inspect", self.model)["inputs"]
        if len(inputs) != 1 or None in inputs[0]["shape"][1:]:
            raise Failure("only models with one input of known sizes are compared")
        shape = [4] + inputs[0]["shape"][1:]
        generator = np.random.default_rng(1)
        rows = (generator.standard_normal(shape) if "float" in inputs[0]["dtype"]
                else generator.integers(0, 2, shape))
        np.save(self.x_path, rows.astype(inputs[0]["dtype"]))

    def exported_onnx(self):
        """The model as PyTorch writes it; None where it cannot."""
        path = WORK / f"{self.name}.onnx"
        result = subprocess.run(["/usr/bin/python3", PEERS / "torch_to_onnx.py", self.model,
                                 self.x_path, path], capture_output=True, text=True, env=self.env)
        if result.returncode == 0:
            return path
        why = (result.stderr.strip() or "no reason given").splitlines()[-1]
        self.result["notes"].append(f"ONNX Runtime: no ONNX file was given, and to write one: {why}")
        return None

    def check_values(self):
        hornet("predict", self.model, self.x_path, "-o", self.y_path, "--force", "--progress",
               "none", env=self.env)
        ours = np.load(self.y_path)
        expected = self.model.with_suffix(".y.npy")
        if expected.exists() and not close(ours, np.load(expected)):
            raise Failure("Hornet's predictions are not Keras's")
        self.result["values"] = {"Hornet": "Keras's" if expected.exists() else "not compared"}
        for peer in list(self.peers):
            try:
                with Configuration(peer, 1, 1, peer.variants[0]) as one:
                    theirs = peer.predict(one.servers[0], len(ours))
                    self.result.setdefault("versions", {})[peer.name] = one.servers[0].hello["version"]
            except Failure as failure:
                self.result["notes"].append(f"{peer.name}: {failure}")
                self.peers.remove(peer)
                continue
            agrees = close(theirs.reshape(ours.shape) if theirs.size == ours.size else theirs, ours)
            usable = theirs.size == ours.size and np.isfinite(theirs).all()
            if not agrees and (peer.has_our_weights or not usable):
                raise Failure(f"{peer.name} computes something else")
            self.result["values"][peer.name] = "ours" if agrees else "other weights, same shape"

    def measure(self):
        options, r = self.options, self.result
        clock = ["--cpu-time"] if options.cpu_time else []
        chosen = hornet_json("bench", self.model, "--rounds", 1, "--seconds", 0.05, "--batch-size", 1,
                             *clock, env=self.env)
        r["batch_size"], r["flops_per_row"] = chosen["chosen_batch_size"], chosen["flops_per_row"]
        configurations = []
        for peer in self.peers:
            configuration, batch = best_configuration(peer, options)
            log(f"    {peer.name}: {configuration.describe()}, batch {batch}")
            configurations.append((peer, configuration, batch))
        for _, configuration, _ in configurations:
            configuration.__enter__()
        try:
            self.rounds(configurations, clock)
        finally:
            for _, configuration, _ in configurations:
                configuration.__exit__()

    def bench_plan(self, clock, workers, core=None):
        report = hornet_json("bench", self.model, "--batch-size", self.result["batch_size"],
                             "--workers", workers, "--rounds", 1, "--seconds", self.options.seconds,
                             *clock, env=self.env, core=core)
        measurement = report["measurements"][0]
        self.result["arena_bytes"] = measurement["arena_bytes"]
        return measurement["rows_per_second"], report["machine"]["flops_per_second"]

    def rounds(self, configurations, clock):
        options, r = self.options, self.result
        ours, of_peak, scaling, file_rates, file_shares = [], [], [], [], []
        theirs = {peer.name: [] for peer, _, _ in configurations}
        files = self.make_file()
        for _ in range(options.rounds):
            # The plan with all workers before, between and after what is compared with it.
            plan = [self.bench_plan(clock, CORES)]
            file_rates.append(self.predict_file(files))
            plan.append(self.bench_plan(clock, CORES))
            alone = [self.bench_plan(clock, 1, core)[0] for core in SINGLE_CORES]
            plan.append(self.bench_plan(clock, CORES))
            rates = [rate for rate, _ in plan]
            ours.append(statistics.mean(rates))
            of_peak += [rate * r["flops_per_row"] / peak for rate, peak in plan]
            file_shares.append(file_rates[-1] / statistics.mean(rates[:2]))
            scaling.append(statistics.mean(rates[1:]) / statistics.mean(alone))
            for peer, configuration, batch in configurations:
                theirs[peer.name].append(configuration.rate(batch, options.seconds, options.cpu_time))
        rate = statistics.median(ours)
        r["rows_per_second"], r["rounds"] = rate, ours
        r["gflops"] = rate * r["flops_per_row"] / 1e9
        r["share_of_peak"] = statistics.median(of_peak)
        r["scaling"] = statistics.median(scaling)
        r["file_rows_per_second"] = statistics.median(file_rates)
        r["file_share"] = statistics.median(file_shares)
        r["peers"] = {}
        for peer, configuration, batch in configurations:
            rates = theirs[peer.name]
            r["peers"][peer.name] = {
                "rows_per_second": statistics.median(rates), "rounds": rates,
                "configuration": configuration.describe(), "batch_size": batch,
                "ratio": statistics.median(o / t for o, t in zip(ours, rates)),
                "peak_bytes": sum(server.peak_bytes() for server in configuration.servers)}
        if r["peers"]:
            best = max(r["peers"], key=lambda n: r["peers"][n]["rows_per_second"])
            r["best_peer"], r["ratio"] = best, r["peers"][best]["ratio"]
        self.start_up_times(configurations)

    def make_file(self):
        """Rows for some seconds, at most 1 GB, and a few rows: in a short job the plan counts, which
        is made once."""
        rows = np.load(self.x_path)
        seconds = max(3 * self.options.seconds, 4)
        wanted = int(seconds * 2e11 * CORES / self.result["flops_per_row"])
        count = max(min(wanted, int(1e9 / rows[0].nbytes)), 8 * CORES)
        paths = WORK / "rows.npy", WORK / "few.npy"
        np.save(paths[0], np.resize(rows, (count,) + rows.shape[1:]))
        np.save(paths[1], np.resize(rows, (CORES,) + rows.shape[1:]))
        return paths, count

    def run_predict(self, path, workers):
        output = WORK / "out.npy"
        output.unlink(missing_ok=True)  # to free the blocks of an earlier one is not its work
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        text = hornet("predict", self.model, path, "-o", output, "--force", "--progress", "none",
                      "--workers", workers, env=self.env)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return text, cpu

    def predict_file(self, files):
        """Rows a second of `hornet predict`: what it reports; of CPU time what it takes more than
        for a few rows."""
        (path, few), count = files
        text, cpu = self.run_predict(path, CORES)
        if self.options.cpu_time:
            _, cpu_few = self.run_predict(few, CORES)
            return (count - CORES) / (cpu - cpu_few) * CORES
        return float(re.search(r": ([\d,.]+) rows/s", text)[1].replace(",", ""))

    def start_up_times(self, configurations):
        r = self.result
        one = WORK / "one.npy"
        np.save(one, np.load(self.x_path)[:1])
        command = [HORNET, "predict", self.model, one, "-o", WORK / "out.npy", "--force", "--progress",
                   "none"]
        ours, theirs, memory = [], {}, {}
        for _ in range(5):
            ours.append(start_up(command, self.env, True))
        for peer, configuration, _ in configurations:
            def first(peer=peer, configuration=configuration):
                server = peer.start(CORES, configuration.variant)
                if isinstance(peer, Torch):  # Keras too
                    server.ask(do="predict", rows=str(one), to=str(WORK / "torch.npy"))
                else:
                    server.ask(do="predict", to=str(WORK / "onnx-out.bin"), **peer.rows(1))
                server.answer()
                return server
            times = [start_up(None, None, False, first) for _ in range(3)]
            r["peers"][peer.name]["start_up_seconds"] = statistics.median(times)
        r["start_up_seconds"] = statistics.median(ours)
        for workers in {1, CORES}:
            text, _ = self.run_predict(WORK / "rows.npy", workers)
            match = re.search(r"([\d,.]+) ([kMG]?B) peak memory", text)
            scale = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}[match[2]]
            memory[workers] = float(match[1].replace(",", "")) * scale
        r["peak_bytes"], r["peak_bytes_one_worker"] = memory[CORES], memory[1]


# --- Results ------------------------------------------------------------------------------------


def environment(isa):
    env = dict(os.environ)
    if isa == "avx2":
        env.update(HORNET_MAX_ISA="avx2", ONEDNN_MAX_CPU_ISA="AVX2", DNNL_MAX_CPU_ISA="AVX2",
                   ATEN_CPU_CAPABILITY="avx2")
    return env


def cpu_name():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(results):
    machine, lines = results["machine"], []
    lines += ["# Results of script/bench", "",
              f"{cpu_name()}, {CORES} cores, kernels for {machine['instruction_set']}; "
              f"{machine['flops_per_second'] / 1e9:.0f} GFLOP/s of float32 multiply-adds and "
              f"{machine['bytes_per_second'] / 1e9:.0f} GB/s read, all cores. Time is "
              + ("what the processes had of the cores: others used the machine too."
                 if results["cpu_time"] else "on the wall.")
              + f" Medians of {results['rounds']} rounds in which all take turns."]
    if results["isa"] == "avx2":
        lines += ["", "All are limited to AVX2: ONNX Runtime, which has no option for it, by hiding AVX-512 "
                  "from its processes (bench/peers/avx2_only.c); Keras, where it takes part and CPUID "
                  "cannot be trapped, by oneDNN's option alone."]
    done = [r for r in results["models"] if "rows_per_second" in r]
    peers = ["ONNX Runtime", "PyTorch"] + ["Keras"] * any("Keras" in r["peers"] for r in done)

    def row(*cells):
        return f"| {' | '.join(map(str, cells))} |"

    def of_peers(r, text):
        return [text(r["peers"][name]) if name in r["peers"] else "-" for name in peers]

    def add_table(*names):
        lines.extend(["", row(*names), row(*["---"] * len(names)).replace(" ", "")])

    add_table("model", "Hornet rows/s", "GFLOP/s", "of peak", *[f"{p} rows/s" for p in peers],
              "times the best peer", f"workers 1 to {CORES}", "predict, file to file")
    for r in done:
        lines.append(row(
            r["model"], number(r["rows_per_second"]), f"{r['gflops']:.0f}",
            f"{100 * r['share_of_peak']:.0f} %", *of_peers(r, lambda p: number(p["rows_per_second"])),
            f"{r.get('ratio', 0):.2f}", f"{r['scaling']:.2f}", f"{100 * r['file_share']:.1f} %"))
    ratios = [r["ratio"] for r in done if "ratio" in r]
    if ratios:
        lines += ["", f"Geometric mean of the ratios: {statistics.geometric_mean(ratios):.2f}; "
                  f"the lowest: {min(ratios):.2f}."]
    add_table("model", "start-up ms: Hornet", *peers, "peak memory MB: Hornet", "with one worker",
              "arena of a worker", *peers)
    for r in done:
        lines.append(row(
            r["model"], f"{1e3 * r['start_up_seconds']:.0f}",
            *of_peers(r, lambda p: f"{1e3 * p['start_up_seconds']:.0f}"),
            f"{r['peak_bytes'] / 1e6:.0f}", f"{r['peak_bytes_one_worker'] / 1e6:.0f}",
            f"{r['arena_bytes'] / 1e6:.1f}", *of_peers(r, lambda p: f"{1e-6 * p['peak_bytes']:.0f}")))
    add_table("model", "batch", *peers, "values checked")
    for r in done:
        values = "; ".join(f"{n}: {v}" for n, v in r["values"].items())
        lines.append(row(r["model"], r["batch_size"],
                         *of_peers(r, lambda p: f"{p['configuration']}, batch {p['batch_size']}"),
                         values))
    if results.get("call_seconds"):
        lines += ["", f"A call of `Model::predict` with one row of tabular_mlp takes "
                  f"{1e6 * results['call_seconds']:.2f} microseconds."]
    for r in results["models"]:
        for note in r.get("notes", []):
            lines.append(f"\n{r['model']}: {note}")
    versions = {n: v for r in results["models"] for n, v in r.get("versions", {}).items()}
    lines += ["", f"Peers: {', '.join(f'{n} {v}' for n, v in versions.items()) or 'none'}."
              + ("" if "Keras" in peers else " Keras itself was not measured.")]
    return "\n".join(lines) + "\n"


def unpacked(onnx):
    if onnx.suffix != ".gz":
        return onnx
    target = WORK / onnx.stem
    with gzip.open(onnx) as source, open(target, "wb") as file:
        shutil.copyfileobj(source, file)
    return target


def made_architectures(names):
    """Files of the models of architectures.py, all of them without names."""
    folder = WORK / "architectures"
    folder.mkdir(exist_ok=True)
    made = []
    for name in names.split(",") if names else ARCHITECTURES:
        if name not in ARCHITECTURES:
            raise SystemExit(f"script/bench: no architecture {name}; there are: "
                             + ", ".join(ARCHITECTURES))
        model = keras_file.Model()
        model.save(folder / f"{name}.keras", *ARCHITECTURES[name](model))
        made.append((name, folder / f"{name}.keras", None))
    return made


def models_to_measure(options):
    if options.model:
        return [(options.model.stem, options.model, options.onnx)]
    if options.architectures is not None:
        return made_architectures(options.architectures)
    if not SHARED.is_dir():
        raise SystemExit(f"script/bench: no {SHARED}; give a MODEL.keras")
    names = options.models.split(",") if options.models else MODELS
    return [(n, SHARED / f"{n}.keras", SHARED / f"{n}.onnx.gz") for n in names]


def main():
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("model", nargs="?", type=pathlib.Path, help="a .keras file of your own")
    parser.add_argument("onnx", nargs="?", type=pathlib.Path, help="the same model as ONNX; without one PyTorch writes it")
    parser.add_argument("--models", help="of ../shared/bench: resnet50,unet,...")
    parser.add_argument("--architectures", nargs="?", const="",
                        help="models of bench/architectures.py: vgg,audio,...; all without names")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement")
    parser.add_argument("--peers", default="onnx,torch,keras",
                        help="some of onnx,torch,keras; Keras where it is installed")
    parser.add_argument("--isa", choices=["best", "avx2"], default="best",
                        help="limit Hornet and its peers to AVX2")
    parser.add_argument("--cpu-time", action="store_true",
                        help="count the time that a process has a core: on a machine used by others")
    parser.add_argument("--output", type=pathlib.Path,
                        help="without .md and .json; bench/results, or bench/architectures")
    options = parser.parse_args()
    if options.output is None:
        options.output = ROOT / ("bench/results" if options.architectures is None
                                 else "bench/architectures")
    WORK.mkdir(parents=True, exist_ok=True)
    env = environment(options.isa)
    machine = hornet_json("bench", "--machine", *(["--cpu-time"] if options.cpu_time else []), env=env)
    results = {"machine": machine, "cpu": cpu_name(), "cores": CORES, "isa": options.isa,
               "cpu_time": options.cpu_time, "rounds": options.rounds, "models": []}
    failed = False
    for name, model, onnx in models_to_measure(options):
        log(f"{name}")
        bench = None
        try:
            bench = ModelBench(name, model, unpacked(onnx) if onnx else None, options, env)
            bench.check_values()
            bench.measure()
            if name == "tabular_mlp":
                results["call_seconds"] = hornet_json("bench", model, "--call", env=env)["seconds"]
        except Failure as failure:
            failed = True
            log(f"    failed: {failure}")
            notes = bench.result["notes"] if bench else []
            results["models"].append({"model": name, "notes": notes + [str(failure)]})
            continue
        r = bench.result
        log(f"    {number(r['rows_per_second'])} rows/s, {100 * r['share_of_peak']:.0f} % of peak, "
            f"{r.get('ratio', 0):.2f} times the best peer")
        results["models"].append(r)
        text = markdown(results)
        options.output.with_suffix(".md").write_text(text)
        options.output.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    print(markdown(results))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
