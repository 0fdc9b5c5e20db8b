"""A Keras model file as a PyTorch module with the same weights: the layers of many Functional models.
Between layers channels come first or last, as PyTorch's own layers want them, and are only moved where
two layers differ. What it does not compute as Keras does is Unsupported."""

import io
import json
import zipfile

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from keras_names import numbers, snake_case

FIRST, LAST, ANY = "channels first", "channels last", "any"


class Unsupported(Exception):
    pass


ACTIVATIONS = {
    None: lambda x: x,
    "linear": lambda x: x,
    "relu": F.relu,
    "relu6": F.relu6,
    "elu": F.elu,
    "selu": F.selu,
    "silu": F.silu,
    "swish": F.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "softplus": F.softplus,
}


def activation(name, softmax_dim=None):
    if name == "softmax":
        return lambda x: F.softmax(x, -1 if softmax_dim is None or x.dim() == 2 else softmax_dim)
    if not isinstance(name, (str, type(None))) or name not in ACTIVATIONS:
        raise Unsupported(f"activation {name}")
    return ACTIVATIONS[name]


def tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array))


def paddings(config, sizes, kernel):
    """(before, after) of each axis; Keras pads more at the end where the total is odd."""
    strides = numbers(config["strides"], len(kernel))
    rates = numbers(config.get("dilation_rate", 1), len(kernel))
    sides = []
    for size, window, stride, rate in zip(sizes, kernel, strides, rates):
        extent = (window - 1) * rate
        total = max((-(-size // stride) - 1) * stride + extent + 1 - size, 0)
        sides.append({"valid": (0, 0), "causal": (extent, 0),
                      "same": (total // 2, total - total // 2)}[config["padding"]])
    return sides


def flat(sides):
    """As F.pad wants them: the last axis first."""
    return [n for side in reversed(sides) for n in side]


class Apply(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *x):
        return self.function(*x)


class Convolution(nn.Module):
    """`weight` is PyTorch's: [out, in / groups, ...]."""

    def __init__(self, config, weight, bias, groups, sizes):
        super().__init__()
        kernel = weight.shape[2:]
        sides = paddings(config, sizes, kernel)
        symmetric = all(before == after for before, after in sides)
        self.pad = None if symmetric else flat(sides)
        kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[len(kernel)]
        self.conv = kind(weight.shape[1] * groups, weight.shape[0], tuple(kernel),
                         tuple(numbers(config["strides"], len(kernel))),
                         tuple(before for before, _ in sides) if symmetric else 0,
                         tuple(numbers(config["dilation_rate"], len(kernel))), groups,
                         bias=bias is not None)
        self.conv.weight.data = tensor(weight)
        if bias is not None:
            self.conv.bias.data = tensor(bias)

    def forward(self, x):
        return self.conv(x if self.pad is None else F.pad(x, self.pad))


class TransposedConvolution(nn.Module):
    def __init__(self, config, weights):
        super().__init__()
        kernel = weights[0]  # [h, w, out, in]
        size, strides = kernel.shape[:2], numbers(config["strides"], 2)
        cut = [k - s if config["padding"] == "same" else 0 for k, s in zip(size, strides)]
        if config.get("output_padding") is not None or any(
                k < s for k, s in zip(size, strides)) or numbers(config["dilation_rate"], 2) != [1, 1]:
            raise Unsupported("transposed convolutions with gaps or output padding")
        self.conv = nn.ConvTranspose2d(kernel.shape[3], kernel.shape[2], size, strides,
                                       [c // 2 for c in cut], bias=config["use_bias"])
        self.odd = [c % 2 for c in cut]
        self.conv.weight.data = tensor(kernel.transpose(3, 2, 0, 1))
        if config["use_bias"]:
            self.conv.bias.data = tensor(weights[1])

    def forward(self, x):
        y = self.conv(x)
        if any(self.odd):
            y = y[:, :, :y.shape[2] - self.odd[0], :y.shape[3] - self.odd[1]]
        return y


def linear(kernel, bias):
    layer = nn.Linear(kernel.shape[0], kernel.shape[1], bias=bias is not None)
    layer.weight.data = tensor(kernel.T)
    if bias is not None:
        layer.bias.data = tensor(bias)
    return layer


class Recurrent(nn.Module):
    """SimpleRNN, LSTM or GRU, one or both directions."""

    def __init__(self, kind, config, directions):
        super().__init__()
        if config["activation"] != "tanh" or config.get("recurrent_activation") not in (None,
                                                                                      "sigmoid"):
            raise Unsupported("other activations of recurrent layers")
        if config["go_backwards"] or config["return_state"] or not config["use_bias"]:
            raise Unsupported("recurrent layers with states, backwards or without bias")
        if kind == "GRU" and not config["reset_after"]:
            raise Unsupported("GRU with reset_after=False")
        width = directions[0][0].shape[0]
        module = {"SimpleRNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}[kind]
        self.rnn = module(width, config["units"], batch_first=True,
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
                getattr(self.rnn, f"{name}_l0{suffix}").data = tensor(value)
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
        if config["attention_axes"] not in (None, [1]) or not config["use_bias"]:
            raise Unsupported("attention along other axes or without bias")
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


class Layer:
    """What a function below is told of a layer: `values(path)` are its weights, `shapes` those of
    its inputs, the batch first."""

    def __init__(self, kind, config, values, shapes):
        self.kind, self.config, self.values, self.shapes = kind, config, values, shapes
        self.weights = values("")
        self.rank = len(shapes[0]) - 2  # axes between batch and channels

    def bias(self, index):
        return self.weights[index] if self.config["use_bias"] else None

    def axes(self, name):
        return numbers(self.config[name], self.rank)


LAYERS = {}


def layer(layout, *kinds):
    """Registers a function from a Layer to a module or function that takes and gives `layout`."""
    def register(function):
        for kind in kinds:
            LAYERS[kind] = (layout, function)
        return function
    return register


def activated(module, config):
    name = config["activation"]
    if name in (None, "linear"):
        return module
    return nn.Sequential(module, Apply(activation(name, softmax_dim=1)))


@layer(FIRST, "Conv1D", "Conv2D", "Conv3D")
def convolution(the):
    order = (the.rank + 1, the.rank, *range(the.rank))
    return activated(Convolution(the.config, the.weights[0].transpose(order), the.bias(1),
                                 the.config["groups"], the.shapes[0][1:-1]), the.config)


def depthwise_part(the, bias):
    kernel = the.weights[0]  # [..., in, multiplier]
    rank, channels = the.rank, kernel.shape[the.rank]
    weight = kernel.transpose((rank, rank + 1, *range(rank))).reshape(-1, 1, *kernel.shape[:rank])
    return Convolution(the.config, weight, bias, channels, the.shapes[0][1:-1])


@layer(FIRST, "DepthwiseConv1D", "DepthwiseConv2D")
def depthwise(the):
    return activated(depthwise_part(the, the.bias(1)), the.config)


@layer(FIRST, "SeparableConv1D", "SeparableConv2D")
def separable(the):
    pointwise = the.weights[1].transpose((the.rank + 1, the.rank, *range(the.rank)))
    plain = {"padding": "valid", "strides": 1, "dilation_rate": 1}
    return activated(nn.Sequential(depthwise_part(the, None),
                                   Convolution(plain, pointwise, the.bias(2), 1, [1] * the.rank)),
                     the.config)


@layer(FIRST, "Conv2DTranspose")
def transposed(the):
    return activated(TransposedConvolution(the.config, the.weights), the.config)


@layer(LAST, "Dense")
def dense(the):
    module = linear(the.weights[0], the.bias(1))
    return nn.Sequential(module, Apply(activation(the.config["activation"])))


@layer(LAST, "Embedding")
def embedding(the):
    if the.config.get("mask_zero"):
        raise Unsupported("masks")
    return nn.Embedding.from_pretrained(tensor(the.weights[0]))


@layer(LAST, "SimpleRNN", "LSTM", "GRU")
def recurrent(the):
    return Recurrent(the.kind, the.config, [the.values("/cell")])


@layer(LAST, "Bidirectional")
def bidirectional(the):
    inner = the.config["layer"]
    if the.config["merge_mode"] != "concat":
        raise Unsupported("merge mode " + str(the.config["merge_mode"]))
    if the.config.get("backward_layer", inner)["config"].get("units") != inner["config"]["units"]:
        raise Unsupported("two directions of other sizes")
    return Recurrent(inner["class_name"], inner["config"],
                     [the.values(f"/{d}_layer/cell") for d in ("forward", "backward")])


@layer(LAST, "MultiHeadAttention")
def attention(the):
    return Attention(the.config, {n: the.values(f"/{n}_dense")
                                  for n in ("query", "key", "value", "output")})


def require_last_axis(the):
    axis = the.config["axis"]
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if axis not in (-1, len(the.shapes[0]) - 1):
        raise Unsupported(f"{the.kind} along axis {axis}")


@layer(FIRST, "BatchNormalization")
def batch_normalization(the):
    require_last_axis(the)
    kind = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[the.rank]
    count = the.weights[0].shape[0]
    module, values = kind(count, eps=the.config["epsilon"]), list(the.weights)
    module.weight.data = tensor(values.pop(0)) if the.config["scale"] else torch.ones(count)
    module.bias.data = tensor(values.pop(0)) if the.config["center"] else torch.zeros(count)
    module.running_mean.data, module.running_var.data = map(tensor, values)
    return module


def affine(module, the):
    if not (the.config["scale"] and the.config["center"]):
        raise Unsupported(f"{the.kind} without scale or center")
    module.weight.data, module.bias.data = map(tensor, the.weights)
    return module


@layer(LAST, "LayerNormalization")
def layer_normalization(the):
    require_last_axis(the)
    if the.config.get("rms_scaling"):
        raise Unsupported("RMS scaling")
    return affine(nn.LayerNorm(the.weights[0].shape, the.config["epsilon"]), the)


@layer(FIRST, "GroupNormalization")
def group_normalization(the):
    require_last_axis(the)
    channels, groups = the.weights[0].shape[0], the.config["groups"]
    return affine(nn.GroupNorm(channels if groups == -1 else groups, channels,
                               the.config["epsilon"]), the)


@layer(LAST, "Normalization")
def normalization(the):
    require_last_axis(the)
    if the.config.get("invert"):
        raise Unsupported("inverted normalization")
    mean, variance = map(tensor, the.weights[:2])
    scale = 1 / torch.clamp(variance.sqrt(), min=1e-7)
    return lambda x: (x - mean) * scale


@layer(FIRST, "PReLU")
def prelu(the):
    slopes = tensor(np.moveaxis(the.weights[0], -1, 0))
    return lambda x: torch.where(x > 0, x, slopes * x)


@layer(FIRST, *(f"{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)))
def pooling(the):
    window, strides = the.axes("pool_size"), the.axes("strides")
    sides = paddings(the.config, the.shapes[0][1:-1], window)
    symmetric = all(before == after for before, after in sides)
    before = [side[0] for side in sides]
    if the.kind.startswith("Average"):
        pool = getattr(F, f"avg_pool{the.rank}d")
        if not symmetric:
            raise Unsupported("means of windows that reach further out on one side")
        return lambda x: pool(x, window, strides, before, count_include_pad=False)
    pool = getattr(F, f"max_pool{the.rank}d")
    if symmetric:
        return lambda x: pool(x, window, strides, before)
    return lambda x: pool(F.pad(x, flat(sides), value=-float("inf")), window, strides)


@layer(FIRST, *(f"Global{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)))
def global_pooling(the):
    axes, kept = tuple(range(2, 2 + the.rank)), the.config.get("keepdims", False)
    if "Max" in the.kind:
        return lambda x: x.amax(axes, keepdim=kept)
    return lambda x: x.mean(axes, keepdim=kept)


@layer(FIRST, "ZeroPadding1D", "ZeroPadding2D")
def zero_padding(the):
    sides = the.config["padding"]
    sides = [sides] if the.rank == 1 else sides
    return lambda x: F.pad(x, flat(sides))


@layer(FIRST, "UpSampling2D")
def up_sampling(the):
    mode = the.config["interpolation"]
    options = {"nearest": {}, "bilinear": {"align_corners": False}}
    if mode not in options:
        raise Unsupported("interpolation " + mode)
    factors = [float(n) for n in the.axes("size")]
    return lambda x: F.interpolate(x, scale_factor=factors, mode=mode, **options[mode])


@layer(ANY, "Activation")
def activation_layer(the):
    if the.config["activation"] == "softmax":
        raise Unsupported("softmax as a layer")
    return activation(the.config["activation"])


@layer(LAST, "Softmax")
def softmax(the):
    require_last_axis(the)
    return lambda x: F.softmax(x, -1)


@layer(ANY, "ReLU")
def relu(the):
    if the.config.get("negative_slope") or the.config.get("threshold"):
        raise Unsupported("ReLU with a slope or a threshold")
    most = the.config.get("max_value")
    return F.relu if most is None else lambda x: torch.clamp(x, 0, most)


@layer(ANY, "LeakyReLU")
def leaky_relu(the):
    slope = the.config.get("negative_slope", the.config.get("alpha"))
    return lambda x: F.leaky_relu(x, slope)


@layer(ANY, "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise")
def nothing(the):
    return lambda x: x


@layer(ANY, "Rescaling")
def rescaling(the):
    if not all(isinstance(the.config[n], (int, float)) for n in ("scale", "offset")):
        raise Unsupported("rescaling by channel")
    return lambda x: x * the.config["scale"] + the.config["offset"]


@layer(ANY, "Add")
def add(the):
    return lambda x, *more: sum(more, x)


@layer(ANY, "Multiply")
def multiply(the):
    return lambda x, y: x * y


@layer(FIRST, "Concatenate")
def concatenate(the):
    require_last_axis(the)
    return lambda *x: torch.cat(x, 1)


@layer(LAST, "Flatten")
def flatten(the):
    return lambda x: x.flatten(1)


@layer(LAST, "Reshape")
def reshape(the):
    return lambda x: x.reshape(x.shape[0], *the.config["target_shape"])


@layer(LAST, "Permute")
def permute(the):
    return lambda x: x.permute(0, *the.config["dims"])


def moved(x, found, wanted):
    """`x` with its channels where they are wanted."""
    if x.dim() <= 2 or found == wanted or wanted == ANY:
        return x
    last = x.dim() - 1
    return x.permute(0, last, *range(1, last)) if wanted == FIRST else x.permute(
        0, *range(2, last + 1), 1)


def tensors_in(value):
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return [(value["config"]["keras_history"][0], value["config"]["shape"])]
        return [t for v in value.values() for t in tensors_in(v)]
    return [t for v in value for t in tensors_in(v)] if isinstance(value, list) else []


class KerasModel(nn.Module):
    """A Functional model with one input and one output. Images are [n, c, h, w] on the way in; all
    else, and what comes out, is as in Keras."""

    def __init__(self, path):
        super().__init__()
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            self.file = h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r")
        if config["class_name"] != "Functional":
            raise Unsupported(config["class_name"])
        graph, counts = config["config"], {}
        self.modules_by_name, self.calls, self.input_name = nn.ModuleDict(), [], None
        for entry in graph["layers"]:
            kind = snake_case(entry["class_name"])
            number = counts[kind] = counts.get(kind, -1) + 1
            if entry["class_name"] == "InputLayer":
                if self.input_name is not None:
                    raise Unsupported("several inputs")
                if entry["config"]["dtype"] not in ("float32", "int32", "int64"):
                    raise Unsupported("inputs of " + entry["config"]["dtype"])
                self.input_name = entry["name"]
                continue
            if len(entry["inbound_nodes"]) != 1:
                raise Unsupported("a layer that is called more than once")
            call = entry["inbound_nodes"][0]
            inputs = tensors_in(call["args"])
            if any(value for name, value in call["kwargs"].items() if name != "training"):
                raise Unsupported(f"{entry['class_name']} called with {', '.join(call['kwargs'])}")
            if entry["class_name"] == "MultiHeadAttention" and len({name for name, _ in inputs}) > 1:
                raise Unsupported("attention to other values")
            layout, module = self.build(entry, f"layers/{kind}" + (f"_{number}" if number else ""),
                                        [shape for _, shape in inputs])
            key = f"layer_{len(self.calls)}"  # not a name that a Module has
            self.modules_by_name[key] = module if isinstance(module, nn.Module) else Apply(module)
            self.calls.append((key, entry["name"], layout, [name for name, _ in inputs]))
        self.file.close()
        if not isinstance(graph["output_layers"][0], str) and len(graph["output_layers"]) > 1:
            raise Unsupported("several outputs")
        self.output_name = (graph["output_layers"] if isinstance(graph["output_layers"][0], str)
                            else graph["output_layers"][0])[0]

    def build(self, entry, path, shapes):
        kind, config = entry["class_name"], entry["config"]
        if kind not in LAYERS:
            raise Unsupported(kind)
        if config.get("data_format", "channels_last") not in (None, "channels_last"):
            raise Unsupported("channels first")
        layout, function = LAYERS[kind]
        return layout, function(Layer(kind, config, lambda p: self.values(path + p), shapes))

    def values(self, path):
        group = self.file.get(path + "/vars")
        if group is None:
            return []
        return [np.array(group[str(i)], np.float32) for i in range(len(group))]

    def forward(self, x):
        values = {self.input_name: (x, FIRST if x.dim() == 4 else LAST)}
        waiting = list(self.calls)
        while waiting:
            key, name, layout, inputs = waiting.pop(0)
            if any(i not in values for i in inputs):
                waiting.append((key, name, layout, inputs))
                continue
            if layout == ANY:
                layout = values[inputs[0]][1]
            values[name] = self.modules_by_name[key](
                *(moved(*values[i], layout) for i in inputs)), layout
        return moved(*values[self.output_name], LAST)
