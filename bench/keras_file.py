"""Writes .keras files without Keras: Functional models of the layers that bench/architectures.py
needs, with seeded random weights."""

import io
import json
import zipfile

import h5py
import numpy as np

from peers.keras_names import numbers, snake_case


class Value:
    """What a layer gives; the shape is that of a row."""

    def __init__(self, layer, shape, dtype="float32"):
        self.layer, self.shape, self.dtype = layer, tuple(shape), dtype

    def as_argument(self):
        return {"class_name": "__keras_tensor__",
                "config": {"shape": [None, *self.shape], "dtype": self.dtype,
                           "keras_history": [self.layer, 0, 0]}}


class Model:
    def __init__(self, seed=1):
        self.layers, self.counts, self.weights = [], {}, {}
        self.random = np.random.default_rng(seed)

    # Weights that keep the size of values from layer to layer.
    def kernel(self, *shape, fan_in=None):
        fan_in = fan_in or np.prod(shape[:-1])
        return (self.random.standard_normal(shape) * np.sqrt(1.7 / fan_in)).astype(np.float32)

    def small(self, *shape):
        return (self.random.standard_normal(shape) * 0.1).astype(np.float32)

    def add_layer(self, kind, config, inputs, shape, weights=(), parts=None, apart=False):
        """`weights` of the layer, `parts` those of layers within it, by path; `apart`: inputs are
        arguments of their own and not a list."""
        key = snake_case(kind)
        number = self.counts[key] = self.counts.get(key, -1) + 1
        name = key + (f"_{number}" if number else "")
        arguments = [x.as_argument() for x in inputs]
        if len(arguments) > 1 and not apart:
            arguments = [arguments]
        self.layers.append({"module": "keras.layers", "class_name": kind, "registered_name": None,
                            "name": name, "config": {"name": name, "trainable": True,
                                                     "dtype": "float32", **config},
                            "inbound_nodes": [{"args": arguments, "kwargs": {}}] if inputs else []})
        for path, arrays in {"": weights, **(parts or {})}.items():
            if arrays:
                self.weights[f"layers/{name}{path}"] = arrays
        return Value(name, shape)

    def input(self, *shape, dtype="float32"):
        config = {"batch_shape": [None, *shape], "dtype": dtype, "sparse": False}
        value = self.add_layer("InputLayer", config, [], shape)
        value.dtype = dtype
        return value

    # --- Layers -----------------------------------------------------------------------------------

    def window(self, x, size, strides, padding, dilation=1):
        """Sizes, strides and dilations of a window, and what it makes of the shape of x."""
        axes = len(x.shape) - 1
        size, strides, rates = (numbers(n, axes) for n in (size, strides, dilation))
        shape = [-(-n // s) if padding != "valid" else (n - (k - 1) * d - 1) // s + 1
                 for n, k, s, d in zip(x.shape, size, strides, rates)]
        return size, strides, rates, shape

    def conv(self, x, filters, size, strides=1, padding="same", activation="linear", groups=1,
             dilation=1, use_bias=True):
        size, strides, rates, shape = self.window(x, size, strides, padding, dilation)
        weights = [self.kernel(*size, x.shape[-1] // groups, filters)]
        return self.add_layer(
            f"Conv{len(size)}D",
            {"filters": filters, "kernel_size": size, "strides": strides, "padding": padding,
             "data_format": "channels_last", "dilation_rate": rates, "groups": groups,
             "activation": activation, "use_bias": use_bias},
            [x], [*shape, filters], weights + [self.small(filters)] * use_bias)

    def depthwise(self, x, size, strides=1, padding="same", activation="linear", multiplier=1,
                  use_bias=True):
        size, strides, rates, shape = self.window(x, size, strides, padding)
        channels = x.shape[-1] * multiplier
        weights = [self.kernel(*size, x.shape[-1], multiplier, fan_in=np.prod(size))]
        return self.add_layer(
            "DepthwiseConv2D",
            {"kernel_size": size, "strides": strides, "padding": padding, "dilation_rate": rates,
             "depth_multiplier": multiplier, "data_format": "channels_last",
             "activation": activation, "use_bias": use_bias},
            [x], [*shape, channels], weights + [self.small(channels)] * use_bias)

    def separable(self, x, filters, size):
        sizes, strides, rates, shape = self.window(x, size, 1, "same")
        weights = [self.kernel(*sizes, x.shape[-1], 1, fan_in=np.prod(sizes)),
                   self.kernel(*[1] * len(sizes), x.shape[-1], filters)]
        return self.add_layer(
            f"SeparableConv{len(sizes)}D",
            {"filters": filters, "kernel_size": sizes, "strides": strides, "padding": "same",
             "depth_multiplier": 1, "data_format": "channels_last", "dilation_rate": rates,
             "activation": "linear", "use_bias": False},
            [x], [*shape, filters], weights)

    def transposed(self, x, filters, size, strides, activation="linear"):
        weights = [self.kernel(size, size, filters, x.shape[-1],
                               fan_in=size * size * x.shape[-1] / strides ** 2), self.small(filters)]
        return self.add_layer(
            "Conv2DTranspose",
            {"filters": filters, "kernel_size": [size] * 2, "strides": [strides] * 2,
             "padding": "same", "output_padding": None, "data_format": "channels_last",
             "dilation_rate": [1, 1], "activation": activation, "use_bias": True},
            [x], [*(n * strides for n in x.shape[:-1]), filters], weights)

    def dense(self, x, units, activation="linear"):
        return self.add_layer("Dense", {"units": units, "activation": activation, "use_bias": True},
                              [x], [*x.shape[:-1], units],
                              [self.kernel(x.shape[-1], units), self.small(units)])

    def batch_norm(self, x):
        n = x.shape[-1]
        return self.add_layer("BatchNormalization",
                              {"axis": -1, "epsilon": 1e-3, "center": True, "scale": True}, [x],
                              x.shape, [1 + self.small(n), self.small(n), self.small(n),
                                        1 + np.abs(self.small(n))])

    def layer_norm(self, x):
        n = x.shape[-1]
        return self.add_layer("LayerNormalization",
                              {"axis": -1, "epsilon": 1e-6, "center": True, "scale": True}, [x],
                              x.shape, [1 + self.small(n), self.small(n)])

    def group_norm(self, x, groups):
        n = x.shape[-1]
        return self.add_layer("GroupNormalization",
                              {"groups": groups, "axis": -1, "epsilon": 1e-3, "center": True,
                               "scale": True}, [x], x.shape, [1 + self.small(n), self.small(n)])

    def activation(self, x, name):
        return self.add_layer("Activation", {"activation": name}, [x], x.shape)

    def relu6(self, x):
        return self.add_layer("ReLU", {"max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0},
                              [x], x.shape)

    def leaky_relu(self, x):
        return self.add_layer("LeakyReLU", {"negative_slope": 0.2}, [x], x.shape)

    def pool(self, x, kind, size, strides=None, padding="valid"):
        size, strides, _, shape = self.window(x, size, strides or size, padding)
        return self.add_layer(f"{kind}Pooling{len(size)}D",
                              {"pool_size": size, "strides": strides, "padding": padding,
                               "data_format": "channels_last"}, [x], [*shape, x.shape[-1]])

    def global_pool(self, x, kind="Average"):
        return self.add_layer(f"Global{kind}Pooling{len(x.shape) - 1}D",
                              {"data_format": "channels_last", "keepdims": False}, [x],
                              x.shape[-1:])

    def up_sampling(self, x, factor=2):
        height, width, channels = x.shape
        return self.add_layer("UpSampling2D",
                              {"size": [factor] * 2, "data_format": "channels_last",
                               "interpolation": "nearest"}, [x],
                              [height * factor, width * factor, channels])

    def flatten(self, x):
        return self.add_layer("Flatten", {"data_format": "channels_last"}, [x], [np.prod(x.shape)])

    def reshape(self, x, *shape):
        return self.add_layer("Reshape", {"target_shape": shape}, [x], shape)

    def permute(self, x, *dims):
        return self.add_layer("Permute", {"dims": dims}, [x], [x.shape[d - 1] for d in dims])

    def add(self, *inputs):
        return self.add_layer("Add", {}, inputs, inputs[0].shape)

    def concat(self, *inputs):
        width = sum(x.shape[-1] for x in inputs)
        return self.add_layer("Concatenate", {"axis": -1}, inputs, [*inputs[0].shape[:-1], width])

    def embedding(self, x, words, width):
        return self.add_layer("Embedding",
                              {"input_dim": words, "output_dim": width, "mask_zero": False}, [x],
                              [*x.shape, width], [self.kernel(words, width, fan_in=1)])

    def recurrent(self, kind, x, units, sequences=False):
        gates = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}[kind]
        config = {"units": units, "activation": "tanh", "use_bias": True,
                  "return_sequences": sequences, "return_state": False, "go_backwards": False,
                  "stateful": False, "unroll": False, "dropout": 0.0, "recurrent_dropout": 0.0}
        if gates > 1:
            config["recurrent_activation"] = "sigmoid"
        if kind == "GRU":
            config["reset_after"] = True
        bias = self.small(2, 3 * units) if kind == "GRU" else self.small(gates * units)
        cell = [self.kernel(x.shape[-1], gates * units), self.kernel(units, gates * units), bias]
        return self.add_layer(kind, config, [x], [x.shape[0], units] if sequences else [units],
                              parts={"/cell": cell})

    def attention(self, x, heads, depth):
        """Of x to itself."""
        width = x.shape[-1]
        parts = {f"/{name}_dense": [self.kernel(width, heads, depth, fan_in=width),
                                    self.small(heads, depth)] for name in ("query", "key", "value")}
        parts["/output_dense"] = [self.kernel(heads, depth, width, fan_in=heads * depth),
                                  self.small(width)]
        return self.add_layer("MultiHeadAttention",
                              {"num_heads": heads, "key_dim": depth, "value_dim": depth,
                               "dropout": 0.0, "use_bias": True, "output_shape": None,
                               "attention_axes": None}, [x, x], x.shape, parts=parts, apart=True)

    # --- The file ---------------------------------------------------------------------------------

    def save(self, path, x, y):
        """The model from input x to output y."""
        config = {"module": "keras", "class_name": "Functional", "registered_name": "Functional",
                  "config": {"name": "functional", "trainable": True, "layers": self.layers,
                             "input_layers": [x.layer, 0, 0], "output_layers": [y.layer, 0, 0]}}
        bytes_of_weights = io.BytesIO()
        with h5py.File(bytes_of_weights, "w") as file:
            for layer, arrays in self.weights.items():
                for i, array in enumerate(arrays):
                    file[f"{layer}/vars/{i}"] = array
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", json.dumps({"keras_version": "3.6.0"}))
            archive.writestr("config.json", json.dumps(config, default=int))
            archive.writestr("model.weights.h5", bytes_of_weights.getvalue())
