#!/usr/bin/env python3
"""Writes model.keras, rows.npy and expected.npy beside it, as Keras 3 does for these classes. Needs h5py, numpy.

    @keras.saving.register_keras_serializable("my_package")
    class GatedResidual(keras.layers.Layer):
        def __init__(self, units, power=1.0, **kwargs): ...        # get_config() saves both
        def build(self, shape):
            self.project = keras.layers.Dense(self.units, activation="tanh")
            self.gate = self.add_weight(shape=(self.units,), name="gate")
        def call(self, x):
            return x + ops.sigmoid(self.gate) * ops.power(self.project(x), self.power)

    @keras.saving.register_keras_serializable("my_package")
    class PeakHold(keras.layers.Layer):                            # the largest value so far, fading
        def __init__(self, decay, **kwargs): ...
        def call(self, x):                                         # [batch, time, channels]
            ...
"""
import io
import json
import pathlib
import zipfile

import h5py
import numpy as np

STEPS, UNITS, CLASSES = 6, 4, 3
FIXED_TIME = (2024, 1, 1, 0, 0, 0)
folder = pathlib.Path(__file__).parent
rng = np.random.default_rng(7)


def layer(class_name, name, package=None, **config):
    return {"module": "my_package.layers" if package else "keras.layers", "class_name": class_name,
            "config": {"name": name, "trainable": True, **config},
            "registered_name": f"{package}>{class_name}" if package else None}


def dense(x, kernel, bias):
    return x @ kernel + bias


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


config = {
    "module": "keras", "class_name": "Sequential", "registered_name": None,
    "build_config": {"input_shape": [None, STEPS, UNITS]},
    "config": {"name": "sensor", "trainable": True, "layers": [
        {"module": "keras.layers", "class_name": "InputLayer", "registered_name": None,
         "config": {"batch_shape": [None, STEPS, UNITS], "dtype": "float32", "name": "signal"}},
        layer("GatedResidual", "mix", "my_package", units=UNITS, power=2.0),
        layer("PeakHold", "peaks", "my_package", decay=0.5),
        layer("Flatten", "flatten", data_format="channels_last"),
        layer("Dense", "classes", units=CLASSES, activation="softmax", use_bias=True)]}}

weights = {
    "layers/gated_residual/vars/0": rng.normal(size=UNITS),
    "layers/gated_residual/project/vars/0": rng.normal(size=(UNITS, UNITS)),
    "layers/gated_residual/project/vars/1": rng.normal(size=UNITS),
    "layers/dense/vars/0": rng.normal(size=(STEPS * UNITS, CLASSES)) / 4,
    "layers/dense/vars/1": rng.normal(size=CLASSES)}
weights = {path: array.astype("float32") for path, array in weights.items()}

rows = rng.normal(size=(10, STEPS, UNITS)).astype("float32")
gate, kernel, bias, out_kernel, out_bias = (array.astype("float64") for array in weights.values())
x = rows.astype("float64")
x = x + 1 / (1 + np.exp(-gate)) * np.tanh(dense(x, kernel, bias)) ** 2
for t in range(1, STEPS):
    x[:, t] = np.maximum(x[:, t], 0.5 * x[:, t - 1])
expected = softmax(dense(x.reshape(len(x), -1), out_kernel, out_bias)).astype("float32")

h5 = io.BytesIO()
with h5py.File(h5, "w") as file:
    for path, array in weights.items():
        file.create_dataset(path, data=array)
with zipfile.ZipFile(folder / "model.keras", "w") as archive:
    for name, data in [("metadata.json", json.dumps({"keras_version": "3.9.0"})), ("config.json", json.dumps(config)),
                       ("model.weights.h5", h5.getvalue())]:
        archive.writestr(zipfile.ZipInfo(name, FIXED_TIME), data)
np.save(folder / "rows.npy", rows)
np.save(folder / "expected.npy", expected)
