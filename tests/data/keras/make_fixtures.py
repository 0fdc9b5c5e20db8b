#!/usr/bin/env python3
"""Writes the model files beside it that the tests of src/keras read. Needs h5py and numpy.

Weights are filled with consecutive numbers, so that a test can tell which array it was given.
"""
import io
import json
import os
import struct
import zipfile

import h5py
import numpy as np

FIXED_TIME = (2024, 1, 1, 0, 0, 0)


class Counter:
    def __init__(self):
        self.next = 0

    def array(self, shape, dtype="float32"):
        size = int(np.prod(shape))
        values = np.arange(self.next, self.next + size).reshape(shape).astype(dtype)
        self.next += size
        return values


def tensor(layer, call=0, output=0):
    return {"class_name": "__keras_tensor__",
            "config": {"shape": [None, 4], "dtype": "float32", "keras_history": [layer, call, output]}}


def layer(class_name, name, calls=None, module="keras.layers", shared=None, **config):
    entry = {"module": module, "class_name": class_name, "config": {"name": name, "trainable": True, **config},
             "registered_name": None}
    if shared is not None:
        entry["shared_object_id"] = shared
    if calls is not None:
        entry["name"] = name
        entry["inbound_nodes"] = [{"args": args, "kwargs": {}} for args in calls]
    return entry


def input_layer(name, functional=True):
    entry = layer("InputLayer", name, calls=[] if functional else None, batch_shape=[None, 4], dtype="float32")
    del entry["config"]["trainable"]
    return entry


def functional(name, layers, inputs, outputs, calls=None, shared=None):
    entry = {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional",
             "config": {"name": name, "trainable": True, "layers": layers, "input_layers": inputs,
                        "output_layers": outputs}}
    if shared is not None:
        entry["shared_object_id"] = shared
    if calls is not None:
        entry["name"] = name
        entry["inbound_nodes"] = [{"args": args, "kwargs": {"mask": None}} for args in calls]
    return entry


def sequential(name, layers, calls=None):
    entry = {"module": "keras", "class_name": "Sequential", "registered_name": None,
             "config": {"name": name, "trainable": True, "layers": layers, "build_input_shape": [None, 4]}}
    if calls is not None:
        entry["name"] = name
        entry["inbound_nodes"] = [{"args": args, "kwargs": {"mask": None}} for args in calls]
    return entry


def image_of(write):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write(file)
    return buffer.getvalue()


def add_entry(archive, name, data, compression=zipfile.ZIP_STORED):
    info = zipfile.ZipInfo(name, FIXED_TIME)
    info.compress_type = compression
    archive.writestr(info, data)


def write_keras(path, config, weights, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w") as archive:
        add_entry(archive, "metadata.json", json.dumps({"keras_version": "3.16.0"}), compression)
        add_entry(archive, "config.json", json.dumps(config), compression)
        add_entry(archive, "model.weights.h5", image_of(weights), compression)


def put(file, counter, path, *arrays):
    for i, array in enumerate(arrays):
        file[f"{path}/vars/{i}"] = counter.array(array) if isinstance(array, tuple) else array


def nested():
    """Two Denses around a nested Functional (called twice) and a Bidirectional LSTM."""
    inner = functional("inner", [input_layer("x"), layer("Dense", "d", [[tensor("x")]], units=4),
                                 layer("BatchNormalization", "bn", [[tensor("d")]])],
                       ["x", 0, 0], ["bn", 0, 0], calls=[[tensor("d")], [tensor("inner")]])
    config = functional("outer", [
        input_layer("x"), layer("Dense", "d", [[tensor("x")]], units=4), inner,
        {"module": "keras.src.ops.numpy", "class_name": "Add", "config": {"name": "add"},
         "registered_name": "Add", "name": "add",
         "inbound_nodes": [{"args": [tensor("inner", 1), 1.5], "kwargs": {}}]},
        layer("Dense", "z", [[tensor("add")]], units=3)], [["x", 0, 0]], [["z", 0, 0], ["inner", 1, 0]])
    def weights(file):
        counter = Counter()
        put(file, counter, "layers/dense", (4, 4), (4,))
        put(file, counter, "layers/functional/layers/dense", (4, 4), (4,))
        put(file, counter, "layers/functional/layers/batch_normalization", (4,), (4,), (4,), (4,))
        put(file, counter, "layers/dense_1", (4, 3), (3,))

    write_keras("nested.keras", config, weights)
    write_keras("nested_deflated.keras", config, weights, zipfile.ZIP_DEFLATED)


def wide():
    """More than a megabyte of weights in a small file."""
    config = sequential("wide", [input_layer("x", False), layer("Dense", "d", units=70000)])

    def weights(file):
        kernel = np.zeros((4, 70000), "float32")
        kernel[0, 0] = 7
        put(file, Counter(), "layers/dense", kernel, np.full(70000, 8, "float32"))

    write_keras("wide.keras", config, weights, zipfile.ZIP_DEFLATED)


def keras213():
    """The archive of Keras 2.13: calls as in Keras 2, groups of layers with gaps in their numbers."""
    config = functional("m", [
        {**input_layer("x"), "inbound_nodes": []},
        {**layer("Dense", "a", units=4), "name": "a", "inbound_nodes": [[["x", 0, 0, {}]]]},
        {**layer("Dense", "b", units=4), "name": "b", "inbound_nodes": [[["a", 0, 0, {}]]]},
        {**layer("Dense", "c", units=4), "name": "c", "inbound_nodes": [[["b", 0, 0, {}]]]}],
        [["x", 0, 0]], [["c", 0, 0]])

    def weights(file):
        counter = Counter()
        for group in ["dense", "dense_2", "dense_4"]:
            put(file, counter, f"_layer_checkpoint_dependencies/{group}", (4, 4), (4,))

    write_keras("keras213.keras", config, weights)


def shared():
    """The same Dense (shared_object_id 7) inside a nested model and outside it, stored once."""
    inner = sequential("inner", [input_layer("x", False), layer("Dense", "one", shared=7, units=4)],
                       calls=[[tensor("x")]])
    config = functional("outer", [input_layer("x"), inner,
                                  layer("Dense", "one", [[tensor("inner")]], shared=7, units=4),
                                  layer("Dense", "two", [[tensor("one")]], units=4)],
                        ["x", 0, 0], ["two", 0, 0])

    def weights(file):
        counter = Counter()
        put(file, counter, "layers/sequential/layers/dense", (4, 4), (4,))
        put(file, counter, "layers/dense_1", (4, 4), (4,))

    write_keras("shared.keras", config, weights)


def arrays(path="arrays.h5", **options):
    """One array of each kind that Hornet reads."""
    with h5py.File(path, "w", **options) as file:
        values = np.array([[1, 2, 3], [4, 5, 6]])
        for dtype in ["float32", "float64", "float16", "int8", "uint8", "int16", "int32", "int64", "bool"]:
            file[dtype] = values.astype(dtype)
        file["big_endian"] = values.astype(">f4")
        file["big_endian_half"] = values.astype(">f2")
        file["scalar"] = np.float32(7)
        file["no_rows"] = np.zeros((0, 3), "float32")
        file.create_dataset("chunked", data=values.astype("float32"), chunks=(1, 2))
        file.create_dataset("deflated", data=values.astype("float32"), chunks=(2, 3), compression="gzip", shuffle=True,
                            fletcher32=True)
        bfloat16 = (values.astype("float32").view("uint32") >> 16).astype("uint16").view("V2")
        file["bfloat16"] = bfloat16
        file["bfloat16"].attrs["dtype"] = "bfloat16"
        file["opaque"] = bfloat16
        file["text"] = np.array([b"a", b"b"])
        file["compound"] = np.zeros(2, [("a", "f4"), ("b", "f4")])
        file.create_dataset("sparse", (1 << 20, 1 << 20), "float32")
        file.create_dataset("sparse_chunks", (1 << 20, 1 << 20), "float32", chunks=(1024, 1024))
        file["soft"] = h5py.SoftLink("/float32")
        file["external"] = h5py.ExternalLink("arrays.h5", "/float32")
        file.create_group("group")
        file["empty"] = h5py.Empty("f")
        layout = h5py.VirtualLayout((2, 3), "float32")
        layout[:] = h5py.VirtualSource("elsewhere.h5", "float32", (2, 3))
        file.create_virtual_dataset("virtual", layout)
        space = h5py.h5s.create_simple((2, 3))
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_external(b"/etc/hostname", 0, 24)
        h5py.h5d.create(file.id, b"elsewhere", h5py.h5t.IEEE_F32LE, space, properties)
        file.attrs["variable"] = "text of any length"
        file.attrs.create("fixed", np.bytes_(b"fixed"))
        file.attrs["list"] = np.array([b"one", b"three"])
        file.attrs["empty_list"] = np.array([], dtype=float)
        file.attrs["number"] = 3
        # More members, attributes and chunks than one block of each structure holds.
        many = file.create_group("many")
        for i in range(300):
            many[f"member {i}"] = file["group"]
        many.attrs["first"] = "first attribute"
        for i in range(30):
            many.attrs[f"attribute {i}"] = f"text {i}"
        counting = np.arange(2100, dtype="float32").reshape(3, 700)
        file.create_dataset("many_chunks", data=counting, chunks=(2, 1))
        file.create_dataset("many_deflated", data=counting, chunks=(2, 3), compression="gzip")
        file.create_dataset("one_chunk", data=counting[:2, :3] + 1, chunks=(2, 3))
        file.create_dataset("growing", data=counting[:2, :3] + 1, chunks=(1, 2), maxshape=(4, 5))


def newer_arrays():
    """The same in the file structures that HDF5 1.8 and 1.10 brought."""
    arrays("arrays_v108.h5", libver=("v108", "v110"), track_order=True, userblock_size=1024)
    arrays("arrays_v110.h5", libver=("v110", "v110"))


def write_legacy(path, config, groups, split=0, version="2.4.0", backend="tensorflow", variable=False):
    """`groups`: [(layer name, [(weight name, array), ...]), ...]."""
    def text(names):
        return np.array([n.encode() for n in names]) if not variable else np.array(names, dtype=object)

    with h5py.File(path, "w", libver="earliest") as file:
        if config is not None:
            file.attrs["model_config"] = json.dumps(config) if variable else np.bytes_(json.dumps(config))
            file.attrs["keras_version"] = version if variable else np.bytes_(version)
            file.attrs["backend"] = backend if variable else np.bytes_(backend)
        root = file.create_group("model_weights") if config is not None else file
        names = [name for name, _ in groups]
        if split:
            for i in range(0, len(names), split):
                root.attrs[f"layer_names{i // split}"] = text(names[i:i + split])
        else:
            root.attrs["layer_names"] = text(names)
        root.attrs["keras_version"] = np.bytes_(version)
        root.attrs["backend"] = np.bytes_(backend)
        for name, weights in groups:
            group = root.create_group(name)
            group.attrs["weight_names"] = text([n for n, _ in weights]) if weights else np.array([], dtype=float)
            for weight_name, array in weights:
                group[weight_name] = array


def keras2_layer(class_name, name, nodes=None, **config):
    entry = {"class_name": class_name, "config": {"name": name, "trainable": True, **config}}
    if nodes is not None:
        entry["name"] = name
        entry["inbound_nodes"] = nodes
    return entry


def keras2():
    """A nested model whose calls count from 1, whose weights are stored trainable first."""
    inner = keras2_layer("Sequential", "inner", [[["d", 0, 0, {}]], [["inner", 1, 0, {}]]],
                         layers=[keras2_layer("Dense", "d1", batch_input_shape=[None, 4], units=4, dtype="float32"),
                                 keras2_layer("BatchNormalization", "bn", axis=[1]),
                                 keras2_layer("Dense", "d2", units=4)])
    del inner["config"]["trainable"]
    config = {"class_name": "Model", "config": {"name": "outer", "layers": [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "x"},
         "name": "x", "inbound_nodes": []},
        keras2_layer("Dense", "d", [[["x", 0, 0, {}]]], units=4), inner,
        keras2_layer("LeakyReLU", "act", [[["inner", 2, 0, {}]]], alpha={"type": "ndarray", "value": 0.25}),
        keras2_layer("Concatenate", "cat", [[["act", 0, 0, {}], ["d", 0, 0, {}]]], axis=-1)],
        "input_layers": [["x", 0, 0]], "output_layers": [["cat", 0, 0]]}}
    counter = Counter()

    def weights():
        counter.next = 0
        d = [("d/kernel:0", counter.array((4, 4))), ("d/bias:0", counter.array((4,)))]
        first = [("d1/kernel:0", counter.array((4, 4))), ("d1/bias:0", counter.array((4,))),
                 ("bn/gamma:0", counter.array((4,))), ("bn/beta:0", counter.array((4,))),
                 ("d2/kernel:0", counter.array((4, 4))), ("d2/bias:0", counter.array((4,))),
                 ("bn/moving_mean:0", counter.array((4,))), ("bn/moving_variance:0", counter.array((4,)))]
        return [("x", []), ("d", d), ("inner", first), ("act", []), ("cat", [])]

    write_legacy("keras2.h5", config, weights())
    write_legacy("keras2_split.h5", config, weights(), split=2, variable=True)
    write_legacy("keras2_weights.h5", None, weights())
    with open("keras2.json", "w") as file:
        json.dump({**config, "keras_version": "2.4.0", "backend": "tensorflow"}, file)
    # The first layer was frozen when the file was written: it comes with those not trainable.
    frozen = weights()
    inner_weights = frozen[2][1]
    frozen[2] = ("inner", inner_weights[2:6] + inner_weights[:2] + inner_weights[6:])
    write_legacy("keras2_frozen.h5", config, frozen)


def keras1():
    """A Sequential of Keras 1.2: a list of layers, older keys, an LSTM in 12 arrays."""
    config = {"class_name": "Sequential", "config": [
        {"class_name": "LSTM", "config": {"name": "lstm_1", "batch_input_shape": [None, 5, 2], "input_dtype": "float32",
                                          "output_dim": 2, "inner_activation": "hard_sigmoid", "activation": "tanh",
                                          "return_sequences": True, "consume_less": "cpu"}},
        {"class_name": "Convolution1D", "config": {"name": "convolution1d_1", "nb_filter": 3, "filter_length": 2,
                                                   "border_mode": "valid", "subsample_length": 1, "bias": True}},
        {"class_name": "Flatten", "config": {"name": "flatten_1"}},
        {"class_name": "Dense", "config": {"name": "dense_1", "output_dim": 3, "bias": False}}]}
    counter = Counter()
    lstm = [(f"lstm_1_{kind}_{gate}", counter.array(shape)) for gate in "icfo"
            for kind, shape in [("W", (2, 2)), ("U", (2, 2)), ("b", (2,))]]
    write_legacy("keras1.h5", config, [
        ("lstm_1", lstm), ("convolution1d_1", [("convolution1d_1_W", counter.array((2, 1, 2, 3))),
                                               ("convolution1d_1_b", counter.array((3,)))]),
        ("flatten_1", []), ("dense_1", [("dense_1_W", counter.array((12, 3)))])], version="1.2.2")


def towers():
    """Groups of two models with a Dense of the same name each, the first of them frozen."""
    counter = Counter()

    def dense(path):
        return [(path + "/kernel", counter.array((4, 4))), (path + "/bias", counter.array((4,)))]

    write_legacy("towers.h5", None, [("inner", dense("b/dense") + dense("a/dense"))])
    # Where TensorFlow numbered the second of two scopes that the layers call the same.
    counter = Counter()
    write_legacy("towers_numbered.h5", None, [("inner", dense("dense_1") + dense("dense"))])
    write_legacy("towers_unclear.h5", None, [
        ("inner", [(name, counter.array((4,))) for name in ["f/w", "d/one/w", "d/two/w"]])])


def shared_parts():
    """Denses alone and inside TimeDistributed, a cell in two RNNs; the same as one model in another."""
    def part(class_name, name, shared, **config):
        return layer(class_name, name, shared=shared, units=4, **config)

    def time_distributed(name, source, inner):
        return layer("TimeDistributed", name, [[tensor(source)]], layer=inner)

    def rnn(name, source):
        cell = part("SimpleRNNCell", "c", 8)
        return layer("RNN", name, [[tensor(source)]], cell=cell, return_sequences=True)

    x = input_layer("x")
    x["config"]["batch_shape"] = [None, 3, 4]
    layers = [x, layer("Dense", "d", [[tensor("x")]], shared=7, units=4),
              time_distributed("t1", "d", part("Dense", "d", 7)),
              time_distributed("t2", "t1", part("Dense", "d", 7)),
              time_distributed("t3", "t2", part("Dense", "e", 9)),
              layer("Dense", "e", [[tensor("t3")]], shared=9, units=4), rnn("r1", "e"), rnn("r2", "r1")]
    config = functional("m", layers, [["x", 0, 0]], [["r2", 0, 0]])

    def weights(file):
        counter = Counter()
        put(file, counter, "layers/dense", (4, 4), (4,))
        put(file, counter, "layers/time_distributed_2/layer", (4, 4), (4,))
        put(file, counter, "layers/rnn/cell", (4, 4), (4, 4), (4,))

    write_keras("shared_parts.keras", config, weights)
    outer = functional("outer", [x, {**config, "name": "m", "inbound_nodes": [{"args": [tensor("x")], "kwargs": {}}]}],
                       [["x", 0, 0]], [["m", 1, 0]])
    counter = Counter()
    write_legacy("shared_parts.h5", outer, [("x", []), ("m", [
        (name, counter.array(shape)) for name, shape in [
            ("m/d/kernel", (4, 4)), ("m/d/bias", (4,)), ("m/t3/e/kernel", (4, 4)), ("m/t3/e/bias", (4,)),
            ("m/r1/c/kernel", (4, 4)), ("m/r1/c/recurrent_kernel", (4, 4)), ("m/r1/c/bias", (4,))]])],
        version="3.16.0")


def zips():
    """Archives that are broken, or unusual."""
    config = json.dumps(sequential("s", [input_layer("x", False)]))

    def archive(path, **entries):
        with zipfile.ZipFile(path, "w") as file:
            for name, data in entries.items():
                add_entry(file, name.replace("_json", ".json").replace("_h5", ".weights.h5"), data)

    weights = image_of(lambda file: file.create_group("layers"))
    with zipfile.ZipFile("zip64.keras", "w") as file:
        for name, data in [("model.weights.h5", weights), ("config.json", config)]:
            with file.open(zipfile.ZipInfo(name, FIXED_TIME), "w", force_zip64=True) as entry:
                entry.write(data.encode() if isinstance(data, str) else data)
    # zipfile writes 64-bit sizes into local headers only; move those of the directory there as well.
    data = bytearray(open("zip64.keras", "rb").read())
    end = data.rfind(b"PK\5\6")
    size, offset = struct.unpack_from("<II", data, end + 12)
    directory, out = data[offset:offset + size], b""
    while directory:
        name_size, extra_size = struct.unpack_from("<HH", directory, 28)
        header, name = directory[:46], directory[46:46 + name_size]
        compressed, plain = struct.unpack_from("<II", header, 20)
        at = struct.unpack_from("<I", header, 42)[0]
        struct.pack_into("<II", header, 20, 0xffffffff, 0xffffffff)
        struct.pack_into("<H", header, 30, 28)
        struct.pack_into("<I", header, 42, 0xffffffff)
        out += header + name + struct.pack("<HHQQQ", 1, 24, plain, compressed, at)
        directory = directory[46 + name_size + extra_size:]
    end64 = struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, 2, 2, len(out), offset)
    locator = struct.pack("<IIQI", 0x07064b50, 0, offset + len(out), 1)
    end = struct.pack("<IHHHHIIH", 0x06054b50, 0xffff, 0xffff, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0)
    open("zip64.keras", "wb").write(data[:offset] + out + end64 + locator + end)

    archive("plain.zip", config_json=config, other="x" * 5)
    good = bytearray(open("plain.zip", "rb").read())
    place = good.find(b"xxxxx")
    bad = bytearray(good)
    bad[place] = ord("y")
    open("bad_checksum.zip", "wb").write(bad)
    bad = bytearray(good)
    bad[place - 5] = ord("O")
    open("bad_name.zip", "wb").write(bad)


os.chdir(os.path.dirname(os.path.abspath(__file__)))
for fixture in [nested, wide, keras213, shared, arrays, newer_arrays, keras2, keras1, towers, shared_parts, zips]:
    fixture()
