"""A Keras model file as a PyTorch module with the same weights: the layers that the models of the
benchmark have. Images are [n, c, h, w] here; everything else is as in Keras."""

import io
import json
import re
import zipfile

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Unsupported(Exception):
    pass


def snake_case(name):
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": F.relu,
    "relu6": F.relu6,
    "silu": F.silu,
    "swish": F.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "softmax": lambda x: F.softmax(x, 1 if x.dim() == 4 else -1),
}


def activation(name):
    if name not in ACTIVATIONS:
        raise Unsupported(f"activation {name}")
    return ACTIVATIONS[name]


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def same_padding(config, size, kernel):
    """Left, right, top, bottom; Keras pads more at the end where the total is odd."""
    if config["padding"] == "valid":
        return (0, 0, 0, 0)
    if config["padding"] != "same":
        raise Unsupported("padding " + config["padding"])
    sides = []
    for axis in (1, 0):
        stride = pair(config["strides"])[axis]
        total = max((-(-size[axis] // stride) - 1) * stride + kernel[axis] - size[axis], 0)
        sides += [total // 2, total - total // 2]
    return tuple(sides)


class Convolution(nn.Module):
    def __init__(self, config, weights, input_shape, depthwise):
        super().__init__()
        kernel = weights[0]  # [h, w, in, out] or [h, w, in, multiplier]
        size = kernel.shape[:2]
        if pair(config["dilation_rate"]) != (1, 1) or (not depthwise and config["groups"] != 1):
            raise Unsupported("dilations or groups")
        if depthwise and kernel.shape[3] != 1:
            raise Unsupported("a depth multiplier")
        left, right, top, bottom = same_padding(config, input_shape[1:3], size)
        symmetric = left == right and top == bottom
        self.pad = None if symmetric else (left, right, top, bottom)
        channels = kernel.shape[2]
        out = channels if depthwise else kernel.shape[3]
        self.conv = nn.Conv2d(channels, out, size, pair(config["strides"]),
                              (top, left) if symmetric else 0,
                              groups=channels if depthwise else 1, bias=config["use_bias"])
        order = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
        self.conv.weight.data = torch.from_numpy(kernel.transpose(order).copy())
        if config["use_bias"]:
            self.conv.bias.data = torch.from_numpy(weights[1])
        self.activation = activation(config["activation"])

    def forward(self, x):
        if self.pad is not None:
            x = F.pad(x, self.pad)
        return self.activation(self.conv(x))


class TransposedConvolution(nn.Module):
    def __init__(self, config, weights):
        super().__init__()
        kernel = weights[0]  # [h, w, out, in]
        if pair(config["strides"]) != kernel.shape[:2]:
            raise Unsupported("transposed convolutions whose windows overlap")
        self.conv = nn.ConvTranspose2d(kernel.shape[3], kernel.shape[2], kernel.shape[:2],
                                       pair(config["strides"]), bias=config["use_bias"])
        self.conv.weight.data = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
        if config["use_bias"]:
            self.conv.bias.data = torch.from_numpy(weights[1])
        self.activation = activation(config["activation"])

    def forward(self, x):
        return self.activation(self.conv(x))


class Dense(nn.Module):
    def __init__(self, config, weights):
        super().__init__()
        self.linear = linear(weights[0], weights[1] if config["use_bias"] else None)
        self.activation = activation(config["activation"])

    def forward(self, x):
        return self.activation(self.linear(x))


def linear(kernel, bias):
    layer = nn.Linear(kernel.shape[0], kernel.shape[1], bias=bias is not None)
    layer.weight.data = torch.from_numpy(kernel.T.copy())
    if bias is not None:
        layer.bias.data = torch.from_numpy(bias.copy())
    return layer


class Recurrent(nn.Module):
    """LSTM or GRU, one or both directions."""

    def __init__(self, kind, config, directions):
        super().__init__()
        if config["activation"] != "tanh" or config["recurrent_activation"] != "sigmoid":
            raise Unsupported("other activations of recurrent layers")
        if config["go_backwards"] or config["return_state"] or not config["use_bias"]:
            raise Unsupported("recurrent layers with states, backwards or without bias")
        if kind == "GRU" and not config["reset_after"]:
            raise Unsupported("GRU with reset_after=False")
        width = directions[0][0].shape[0]
        self.rnn = getattr(nn, kind)(width, config["units"], batch_first=True,
                                     bidirectional=len(directions) == 2)
        for weights, suffix in zip(directions, ("", "_reverse")):
            kernel, recurrent, bias = weights
            if kind == "GRU":  # z, r, h in Keras; r, z, n in PyTorch
                order = (1, 0, 2)
                kernel, recurrent, bias = (
                    np.concatenate([np.split(a, 3, -1)[i] for i in order], -1)
                    for a in (kernel, recurrent, bias))
                biases = bias
            else:
                biases = (bias, np.zeros_like(bias))
            for name, value in (("weight_ih", kernel.T), ("weight_hh", recurrent.T),
                                ("bias_ih", biases[0]), ("bias_hh", biases[1])):
                parameter = getattr(self.rnn, f"{name}_l0{suffix}")
                parameter.data = torch.from_numpy(np.ascontiguousarray(value))
        self.rnn.flatten_parameters()
        self.sequences = config["return_sequences"]
        self.units = config["units"]
        self.both = len(directions) == 2

    def forward(self, x):
        y = self.rnn(x)[0]
        if self.sequences:
            return y
        if self.both:
            return torch.cat([y[:, -1, :self.units], y[:, 0, self.units:]], -1)
        return y[:, -1]


class Attention(nn.Module):
    """Self-attention; the three projections are one product."""

    def __init__(self, config, parts):
        super().__init__()
        self.heads, self.depth = config["num_heads"], config["key_dim"]
        if config["value_dim"] != self.depth or config["output_shape"] is not None:
            raise Unsupported("attention with other sizes of values")
        kernels = [parts[n][0].reshape(parts[n][0].shape[0], -1) for n in ("query", "key", "value")]
        biases = [parts[n][1].reshape(-1) for n in ("query", "key", "value")]
        self.qkv = linear(np.concatenate(kernels, 1), np.concatenate(biases))
        kernel, bias = parts["output"]
        self.out = linear(kernel.reshape(-1, kernel.shape[-1]), bias)
        self.scale = self.depth ** -0.5

    def forward(self, x, *others):
        q, k, v = self.qkv(x).reshape(x.shape[0], x.shape[1], 3, self.heads,
                                      self.depth).permute(2, 0, 3, 1, 4)
        scores = torch.softmax(torch.matmul(q * self.scale, k.transpose(-1, -2)), -1)
        y = torch.matmul(scores, v).transpose(1, 2).reshape(x.shape[0], x.shape[1], -1)
        return self.out(y)


class Apply(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *x):
        return self.function(*x)


def batch_norm(config, weights, is_image):
    layer = (nn.BatchNorm2d if is_image else nn.BatchNorm1d)(
        weights[0].shape[0], eps=config["epsilon"], affine=True)
    values = list(weights)
    layer.weight.data = torch.from_numpy(values.pop(0)) if config["scale"] else torch.ones(
        weights[0].shape[0])
    layer.bias.data = torch.from_numpy(values.pop(0)) if config["center"] else torch.zeros(
        weights[0].shape[0])
    layer.running_mean.data = torch.from_numpy(values.pop(0))
    layer.running_var.data = torch.from_numpy(values.pop(0))
    return layer


class Builder:
    def __init__(self, archive):
        weights = io.BytesIO(archive.read("model.weights.h5"))
        self.file = h5py.File(weights, "r")

    def values(self, path):
        group = self.file.get(path + "/vars")
        if group is None:
            return []
        return [np.array(group[str(i)], np.float32) for i in range(len(group))]

    def build(self, layer, path, input_shape):
        kind, config = layer["class_name"], layer["config"]
        weights = self.values(path)
        is_image = input_shape is not None and len(input_shape) == 4
        if config.get("data_format", "channels_last") != "channels_last":
            raise Unsupported("channels first")
        if kind in ("Conv2D", "DepthwiseConv2D"):
            return Convolution(config, weights, input_shape, kind != "Conv2D")
        if kind == "Conv2DTranspose":
            return TransposedConvolution(config, weights)
        if kind == "Dense":
            return Dense(config, weights)
        if kind == "BatchNormalization":
            return batch_norm(config, weights, is_image)
        if kind == "LayerNormalization":
            norm = nn.LayerNorm(weights[0].shape, config["epsilon"])
            norm.weight.data, norm.bias.data = map(torch.from_numpy, weights)
            return norm
        if kind == "Embedding":
            return nn.Embedding.from_pretrained(torch.from_numpy(weights[0]))
        if kind in ("LSTM", "GRU"):
            return Recurrent(kind, config, [self.values(path + "/cell")])
        if kind == "Bidirectional":
            inner = config["layer"]
            if config["merge_mode"] != "concat":
                raise Unsupported("merge mode " + str(config["merge_mode"]))
            return Recurrent(inner["class_name"], inner["config"],
                             [self.values(f"{path}/{d}_layer/cell") for d in ("forward", "backward")])
        if kind == "MultiHeadAttention":
            parts = {n: self.values(f"{path}/{n}_dense") for n in ("query", "key", "value", "output")}
            return Attention(config, parts)
        if kind == "Normalization":
            mean, variance = (torch.from_numpy(w.reshape(1, -1, 1, 1)) for w in weights[:2])
            scale = 1 / torch.clamp(variance.sqrt(), min=1e-7)
            return Apply(lambda x: (x - mean) * scale)
        return Apply(self.function(kind, config, is_image))

    @staticmethod
    def function(kind, config, is_image):
        if kind == "Activation":
            return activation(config["activation"])
        if kind == "ReLU":
            if config.get("negative_slope") or config.get("threshold"):
                raise Unsupported("ReLU with a slope or a threshold")
            return {None: F.relu, 6.0: F.relu6}[config.get("max_value")]
        if kind == "ZeroPadding2D":
            (top, bottom), (left, right) = config["padding"]
            return lambda x: F.pad(x, (left, right, top, bottom))
        if kind == "MaxPooling2D" and config["padding"] == "valid":
            return lambda x: F.max_pool2d(x, pair(config["pool_size"]), pair(config["strides"]))
        if kind == "GlobalAveragePooling2D":
            if config.get("keepdims"):
                return lambda x: x.mean((2, 3), keepdim=True)
            return lambda x: x.mean((2, 3))
        if kind == "GlobalAveragePooling1D":
            return lambda x: x.mean(1)
        if kind == "Add":
            return lambda x, *more: sum(more, x)
        if kind == "Multiply":
            return lambda x, y: x * y
        if kind == "Concatenate" and config["axis"] in (-1, 3) and is_image:
            return lambda *x: torch.cat(x, 1)
        if kind == "Rescaling":
            return lambda x: x * config["scale"] + config["offset"]
        if kind == "Dropout":
            return lambda x: x
        if kind == "Reshape" and config["target_shape"][:2] == [1, 1] and not is_image:
            return lambda x: x[:, :, None, None]
        raise Unsupported(kind)


def tensors_in(value):
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return [(value["config"]["keras_history"][0], value["config"]["shape"])]
        return [t for v in value.values() for t in tensors_in(v)]
    return [t for v in value for t in tensors_in(v)] if isinstance(value, list) else []


class KerasModel(nn.Module):
    """A Functional model with one input and one output."""

    def __init__(self, path):
        super().__init__()
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            if config["class_name"] != "Functional":
                raise Unsupported(config["class_name"])
            builder = Builder(archive)
            graph, counts = config["config"], {}
            self.modules_by_name, self.calls, self.input_name = nn.ModuleDict(), [], None
            for layer in graph["layers"]:
                kind = snake_case(layer["class_name"])
                number = counts[kind] = counts.get(kind, -1) + 1
                if layer["class_name"] == "InputLayer":
                    if self.input_name is not None:
                        raise Unsupported("several inputs")
                    self.input_name = layer["name"]
                    continue
                if len(layer["inbound_nodes"]) != 1:
                    raise Unsupported("a layer that is called more than once")
                inputs = tensors_in(layer["inbound_nodes"][0]["args"])
                module = builder.build(layer, f"layers/{kind}" + (f"_{number}" if number else ""),
                                       inputs[0][1])
                key = layer["name"].replace(".", "_")
                self.modules_by_name[key] = module
                self.calls.append((key, layer["name"], [name for name, _ in inputs]))
        self.output_name = (graph["output_layers"] if isinstance(graph["output_layers"][0], str)
                            else graph["output_layers"][0])[0]

    def forward(self, x):
        values = {self.input_name: x}
        waiting = list(self.calls)
        while waiting:
            key, name, inputs = waiting.pop(0)
            if any(i not in values for i in inputs):
                waiting.append((key, name, inputs))
                continue
            values[name] = self.modules_by_name[key](*(values[i] for i in inputs))
        return values[self.output_name]
