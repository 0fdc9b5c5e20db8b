"""Models of many well-known kinds, each a function from a Model (keras_file.py) to its input and
output: what `script/bench --architectures` compares besides the models of ../shared/bench. They are
smaller than those they are named after, with all of their parts."""

ARCHITECTURES = {}


def architecture(build):
    ARCHITECTURES[build.__name__] = build
    return build


def conv_norm_relu(m, x, *args, **options):
    return m.activation(m.batch_norm(m.conv(x, *args, use_bias=False, **options)), "relu")


@architecture
def vgg(m):
    x = start = m.input(112, 112, 3)
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            x = m.conv(x, filters, 3, activation="relu")
        x = m.pool(x, "Max", 2)
    return start, m.dense(m.dense(m.flatten(x), 1024, "relu"), 100, "softmax")


@architecture
def resnext(m):
    x = start = m.input(56, 56, 128)
    for stage, filters in enumerate((128, 256, 512)):
        for block in range(2):
            strides = 2 if stage and block == 0 else 1
            y = conv_norm_relu(m, x, filters, 1)
            y = conv_norm_relu(m, y, filters, 3, strides=strides, groups=32)
            y = m.batch_norm(m.conv(y, 2 * filters, 1, use_bias=False))
            if block == 0:
                x = m.batch_norm(m.conv(x, 2 * filters, 1, strides=strides, use_bias=False))
            x = m.activation(m.add(y, x), "relu")
    return start, m.dense(m.global_pool(x), 10, "softmax")


@architecture
def densenet(m):
    start = m.input(224, 224, 3)
    x = m.pool(conv_norm_relu(m, start, 64, 7, strides=2), "Max", 3, 2, "same")
    for count in (6, 12, 24, 16):
        if count > 6:
            x = m.conv(m.activation(m.batch_norm(x), "relu"), x.shape[-1] // 2, 1, use_bias=False)
            x = m.pool(x, "Average", 2)
        for _ in range(count):
            y = m.conv(m.activation(m.batch_norm(x), "relu"), 128, 1, use_bias=False)
            y = m.conv(m.activation(m.batch_norm(y), "relu"), 32, 3, use_bias=False)
            x = m.concat(x, y)
    return start, m.dense(m.global_pool(m.activation(m.batch_norm(x), "relu")), 1000, "softmax")


@architecture
def inception(m):
    start = m.input(149, 149, 32)
    x = conv_norm_relu(m, start, 32, 3, padding="valid")
    x = m.pool(conv_norm_relu(m, x, 64, 3), "Max", 3, 2)
    x = conv_norm_relu(m, conv_norm_relu(m, x, 80, 1), 192, 3, padding="valid")
    x = m.pool(x, "Max", 3, 2)
    for _ in range(2):
        a = conv_norm_relu(m, conv_norm_relu(m, x, 48, 1), 64, 5)
        b = conv_norm_relu(m, conv_norm_relu(m, conv_norm_relu(m, x, 64, 1), 96, 3), 96, 3)
        c = conv_norm_relu(m, m.pool(x, "Average", 3, 1, "same"), 64, 1)
        x = m.concat(conv_norm_relu(m, x, 64, 1), a, b, c)
    a = conv_norm_relu(m, x, 384, 3, strides=2, padding="valid")
    x = m.concat(a, m.pool(x, "Max", 3, 2))
    for _ in range(3):
        a = conv_norm_relu(m, conv_norm_relu(m, conv_norm_relu(m, x, 128, 1), 128, [1, 7]), 192, [7, 1])
        b = conv_norm_relu(m, m.pool(x, "Average", 3, 1, "same"), 192, 1)
        x = m.concat(conv_norm_relu(m, x, 192, 1), a, b)
    return start, m.dense(m.global_pool(x), 1000, "softmax")


@architecture
def xception(m):
    start = m.input(149, 149, 32)
    x = conv_norm_relu(m, start, 64, 3, padding="valid")
    for filters in (128, 256, 728):
        shortcut = m.batch_norm(m.conv(x, filters, 1, strides=2, use_bias=False))
        for _ in range(2):
            x = m.batch_norm(m.separable(m.activation(x, "relu"), filters, 3))
        x = m.add(m.pool(x, "Max", 3, 2, "same"), shortcut)
    for _ in range(4):
        shortcut = x
        for _ in range(3):
            x = m.batch_norm(m.separable(m.activation(x, "relu"), 728, 3))
        x = m.add(x, shortcut)
    return start, m.dense(m.global_pool(x), 1000, "softmax")


@architecture
def mobilenet_v1(m):
    start = m.input(160, 160, 3)
    x = m.relu6(m.batch_norm(m.conv(start, 32, 3, strides=2, use_bias=False)))
    for filters, strides in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        x = m.relu6(m.batch_norm(m.depthwise(x, 3, strides, use_bias=False)))
        x = m.relu6(m.batch_norm(m.conv(x, filters, 1, use_bias=False)))
    return start, m.dense(m.global_pool(x), 100, "softmax")


@architecture
def depth_multiplier(m):
    x = start = m.input(112, 112, 32)
    for filters in (64, 128, 256):
        x = m.depthwise(x, 3, strides=2, multiplier=2, activation="relu")
        x = m.conv(x, filters, 1, activation="relu")
    return start, m.dense(m.global_pool(x), 10, "softmax")


@architecture
def convnext(m):
    start = m.input(224, 224, 3)
    x = m.layer_norm(m.conv(start, 96, 4, strides=4, padding="valid"))
    for filters, count in ((96, 2), (192, 2), (384, 3)):
        if filters > 96:
            x = m.conv(m.layer_norm(x), filters, 2, strides=2, padding="valid")
        for _ in range(count):
            y = m.dense(m.layer_norm(m.depthwise(x, 7)), 4 * filters, "gelu")
            x = m.add(x, m.dense(y, filters))
    return start, m.dense(m.layer_norm(m.global_pool(x)), 1000)


def attention_block(m, x, heads, width):
    x = m.add(x, m.attention(m.layer_norm(x), heads, x.shape[-1] // heads))
    y = m.dense(m.layer_norm(x), width, "gelu")
    return m.add(x, m.dense(y, x.shape[-1]))


@architecture
def vision_transformer(m):
    start = m.input(224, 224, 3)
    x = m.reshape(m.conv(start, 192, 16, strides=16, padding="valid"), 196, 192)
    for _ in range(4):
        x = attention_block(m, x, 3, 768)
    return start, m.dense(m.global_pool(m.layer_norm(x)), 1000)


@architecture
def mlp_mixer(m):
    start = m.input(224, 224, 3)
    x = m.reshape(m.conv(start, 256, 16, strides=16, padding="valid"), 196, 256)
    for _ in range(4):
        y = m.dense(m.dense(m.permute(m.layer_norm(x), 2, 1), 128, "gelu"), 196)
        x = m.add(x, m.permute(y, 2, 1))
        x = m.add(x, m.dense(m.dense(m.layer_norm(x), 1024, "gelu"), 256))
    return start, m.dense(m.global_pool(x), 1000)


@architecture
def long_transformer(m):
    start = m.input(512, dtype="int32")
    x = m.embedding(start, 30000, 256)
    for _ in range(2):
        x = attention_block(m, x, 4, 1024)
    return start, m.dense(m.global_pool(x), 2, "softmax")


@architecture
def small_transformer(m):
    start = m.input(32, dtype="int32")
    x = m.embedding(start, 5000, 64)
    for _ in range(2):
        x = attention_block(m, x, 4, 128)
    return start, m.dense(m.global_pool(x), 2, "softmax")


@architecture
def text_cnn(m):
    start = m.input(200, dtype="int32")
    x = m.embedding(start, 20000, 128)
    found = [m.global_pool(m.conv(x, 128, size, padding="valid", activation="relu"), "Max")
             for size in (3, 4, 5)]
    return start, m.dense(m.concat(*found), 20, "softmax")


@architecture
def text_lstm(m):
    start = m.input(100, dtype="int32")
    return start, m.dense(m.recurrent("LSTM", m.embedding(start, 20000, 128), 64), 1, "sigmoid")


@architecture
def small_lstm(m):
    start = m.input(60, 5)
    x = m.recurrent("LSTM", m.recurrent("LSTM", start, 50, sequences=True), 50)
    return start, m.dense(x, 1)


@architecture
def large_gru(m):
    start = m.input(50, 128)
    x = m.recurrent("GRU", m.recurrent("GRU", start, 512, sequences=True), 512)
    return start, m.dense(x, 10)


@architecture
def simple_rnn(m):
    start = m.input(100, 16)
    x = m.recurrent("SimpleRNN", m.recurrent("SimpleRNN", start, 64, sequences=True), 64)
    return start, m.dense(x, 1)


@architecture
def conv_lstm_1d(m):
    x = start = m.input(500, 12)
    for filters in (64, 128):
        x = m.pool(m.conv(x, filters, 5, activation="relu"), "Max", 2)
    return start, m.dense(m.recurrent("LSTM", x, 64), 6, "softmax")


@architecture
def temporal_convolutions(m):
    x = start = m.input(256, 16)
    for dilation in (1, 2, 4, 8, 16, 32):
        y = m.conv(x, 64, 3, padding="causal", dilation=dilation, activation="relu")
        y = m.conv(y, 64, 3, padding="causal", dilation=dilation, activation="relu")
        x = m.add(y, x if x.shape == y.shape else m.conv(x, 64, 1))
    return start, m.dense(m.global_pool(x), 5)


@architecture
def audio(m):
    x = start = m.input(16000, 1)
    for filters, size, strides in ((64, 80, 4), (64, 3, 1), (128, 3, 1), (256, 3, 1)):
        x = m.pool(conv_norm_relu(m, x, filters, size, strides=strides), "Max", 4)
    return start, m.dense(m.global_pool(x), 35, "softmax")


@architecture
def autoencoder(m):
    x = start = m.input(128, 128, 3)
    for filters in (32, 64, 128):
        x = m.pool(m.conv(x, filters, 3, activation="relu"), "Max", 2)
    for filters in (128, 64, 32):
        x = m.up_sampling(m.conv(x, filters, 3, activation="relu"))
    return start, m.conv(x, 3, 3, activation="sigmoid")


@architecture
def generator(m):
    start = m.input(100)
    x = m.reshape(m.leaky_relu(m.batch_norm(m.dense(start, 7 * 7 * 256))), 7, 7, 256)
    for filters, strides in ((128, 1), (64, 2)):
        x = m.leaky_relu(m.batch_norm(m.transposed(x, filters, 5, strides)))
    return start, m.transposed(x, 1, 5, 2, "tanh")


@architecture
def diffusion(m):
    start = m.input(64, 64, 3)
    x = m.conv(start, 64, 3)
    for _ in range(3):
        y = x
        for _ in range(2):
            y = m.conv(m.activation(m.group_norm(y, 8), "silu"), 64, 3)
        x = m.add(x, y)
    return start, m.conv(x, 3, 3)


@architecture
def dilated_segmentation(m):
    x = start = m.input(64, 64, 64)
    for dilation in (1, 2, 4, 8):
        x = m.conv(x, 64, 3, dilation=dilation, activation="relu")
    return start, m.conv(x, 21, 1, activation="sigmoid")


@architecture
def video(m):
    x = start = m.input(16, 64, 64, 3)
    for filters in (32, 64, 128):
        x = m.pool(m.conv(x, filters, 3, activation="relu"), "Max", 2)
    return start, m.dense(m.global_pool(x), 10, "softmax")


@architecture
def digits_cnn(m):
    x = start = m.input(28, 28, 1)
    for filters in (32, 64):
        x = m.pool(m.conv(x, filters, 3, padding="valid", activation="relu"), "Max", 2)
    return start, m.dense(m.flatten(x), 10, "softmax")


@architecture
def small_cnn(m):
    x = start = m.input(32, 32, 3)
    for filters in (32, 64, 128):
        for _ in range(2):
            x = m.batch_norm(m.conv(x, filters, 3, activation="relu"))
        x = m.pool(x, "Max", 2)
    return start, m.dense(m.dense(m.flatten(x), 128, "relu"), 10, "softmax")


@architecture
def digits_mlp(m):
    start = m.input(784)
    return start, m.dense(m.dense(m.dense(start, 512, "relu"), 512, "relu"), 10, "softmax")


@architecture
def large_mlp(m):
    x = start = m.input(1024)
    for _ in range(3):
        x = m.dense(x, 2048, "relu")
    return start, m.dense(x, 100, "softmax")


@architecture
def tiny_mlp(m):
    start = m.input(8)
    return start, m.dense(m.dense(m.dense(start, 16, "relu"), 8, "relu"), 1, "sigmoid")
