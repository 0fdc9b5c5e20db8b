#!/usr/bin/env python3
"""Writes the pictures, the model and the table of these two examples from examples/digits. Needs Debian's
python3-numpy and python3-pil."""
import copy
import json
import os
import zipfile

import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
DIGITS = os.path.join(HERE, "../digits")
FIXED_TIME = (2024, 1, 1, 0, 0, 0)
SCALE = 15  # the 16 steps of a pixel become 15, 30, ..., 240

images = np.load(os.path.join(DIGITS, "images.npy"))
labels = np.load(os.path.join(DIGITS, "labels.npy"))

for row in range(40):
    folder = os.path.join(HERE, "images", str(labels[row]))
    os.makedirs(folder, exist_ok=True)
    pixels = np.round(images[row, :, :, 0] * 16 * SCALE).astype("u1")
    Image.fromarray(pixels).save(os.path.join(folder, f"{row:04}.png"))


def with_rescaling(config):
    """The model of examples/digits with a layer before the others that scales pixels to 0..1."""
    layers = config["config"]["layers"]
    image, first = layers[0]["name"], layers[1]
    rescaling = {"module": "keras.layers", "class_name": "Rescaling", "registered_name": None, "name": "rescaling",
                 "config": {"name": "rescaling", "trainable": True, "dtype": "float32",
                            "scale": 1 / (16 * SCALE), "offset": 0.0},
                 "inbound_nodes": copy.deepcopy(first["inbound_nodes"])}
    history = first["inbound_nodes"][0]["args"][0]["config"]["keras_history"]
    assert history[0] == image
    history[0] = "rescaling"
    layers.insert(1, rescaling)
    return config


with zipfile.ZipFile(os.path.join(DIGITS, "digits.keras")) as old:
    with zipfile.ZipFile(os.path.join(HERE, "digits_pictures.keras"), "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                data = json.dumps(with_rescaling(json.loads(data)))
            new.writestr(zipfile.ZipInfo(name, FIXED_TIME), data)

with open(os.path.join(HERE, "../table/digits.csv"), "w") as file:
    file.write(",".join(["id", "label"] + [f"pixel_{i}" for i in range(64)]) + "\n")
    for row in range(100):
        values = [repr(float(v)) for v in images[row].reshape(-1)]
        file.write(",".join([f'"digit, {row}"', str(labels[row])] + values) + "\n")
