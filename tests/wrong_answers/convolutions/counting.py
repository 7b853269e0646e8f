"""What students hand in for convolutions/counting and what it costs.

Later cells of the reference use earlier functions, so a wrong function costs some of them as well.
"""

from tests.support.answers import Answer

OUTPUT_SIZE = """def output_size(size, kernel_size, padding=0, stride=1):
    return (size + 2 * padding - kernel_size) // stride + 1
"""

CONV_PARAMETERS = """def conv_parameters(in_channels, out_channels, kernel_shape, bias=True):
    weights = in_channels * math.prod(kernel_shape)
    return out_channels * (weights + bias)
"""

ONE_FILTER = """def one_filter(height, width, channels, kernel_size, padding, stride):
    out_shape = tuple((size + 2 * padding - kernel_size) // stride + 1 for size in (height, width))
    filter_weights = kernel_size * kernel_size * channels
    dense_weights = height * width * channels * math.prod(out_shape)
    return out_shape, filter_weights, dense_weights
"""

LENET = """def dense_parameters(in_features, out_features, bias=True):
    return out_features * (in_features + bias)


lenet_parameters = {
    "Conv2d-1": 156,
    "ReLU-2": 0,
    "MaxPool2d-3": 0,
    "Conv2d-4": 2416,
    "ReLU-5": 0,
    "MaxPool2d-6": 0,
    "Conv2d-7": 48120,
    "ReLU-8": 0,
    "Linear-9": dense_parameters(120, 84),
    "ReLU-10": 0,
    "Linear-11": dense_parameters(84, 10),
    "LogSoftmax-12": 0,
}
lenet_total = sum(lenet_parameters.values())
"""

KEEP_HALVE = """def keep_size(kernel_size):
    return (kernel_size - 1) // 2, 1


def halve_size(kernel_size):
    return (kernel_size - 1) // 2, 2
"""

SIGNAL_SHAPES = """dense_output = (1000,)
conv_output = (10, 100)
dense_weights = 100_000
conv_weights = 30
"""

OPERATIONS = """def dense_multiply_adds(in_features, out_features):
    return in_features * out_features


def conv_multiply_adds(in_channels, out_channels, kernel_shape, output_shape):
    per_output = in_channels * math.prod(kernel_shape)
    return per_output * out_channels * math.prod(output_shape)


dense_operations = dense_multiply_adds(100, 1000)
conv_operations = conv_multiply_adds(1, 10, (3,), (100,))
"""

CIFAR_TABLE = """cifar_shapes = {
    "conv1": (32, 32, 32),
    "pool1": (32, 16, 16),
    "conv2": (64, 16, 16),
    "pool2": (64, 8, 8),
    "conv3": (64, 8, 8),
    "pool3": (64, 4, 4),
    "fc4": (1000,),
    "fc5": (10,),
}
cifar_parameters = {
    "conv1": 32 * (5 * 5 * 3 + 1),
    "pool1": 0,
    "conv2": 64 * (5 * 5 * 32 + 1),
    "pool2": 0,
    "conv3": 64 * (5 * 5 * 64 + 1),
    "pool3": 0,
    "fc4": 1000 * (1024 + 1),
    "fc5": 10 * (1000 + 1),
}
"""

CIFAR_TOTAL = """cifar_total = 1_191_170
parameters_per_image = cifar_total / 50_000
svm_parameters = 10_010
dictionary_numbers = 128_000
ratio = cifar_total / (svm_parameters + dictionary_numbers)
"""

LOCAL = """def first_layer_dense(m, p, K):
    outputs = K * (m - p + 1) ** 2
    return outputs * 3 * m * m


def first_layer_local(m, p, K):
    outputs = K * (m - p + 1) ** 2
    return outputs * 3 * p * p
"""

RATIOS = """ratio_local = 1 / 124**2
ratio_dense = 25 / (128**2 * 124**2)
"""


def changed(source: str, old: str, new: str) -> str:
    """Return `source` with one place changed, and make sure that there is such a place."""
    assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times"
    return source.replace(old, new)


SIZE = ("test_output_size_visible", "test_output_size_hidden")
PARAMETERS = ("test_conv_parameters_visible", "test_conv_parameters_hidden")
FILTER = ("test_one_filter_visible", "test_one_filter_hidden")
LENET_CONV = ("test_lenet_conv1", "test_lenet_conv4", "test_lenet_conv7")
LENET_DENSE = ("test_lenet_linear9", "test_lenet_linear11")
KEEP, HALVE = ("test_keep_size_visible", "test_keep_size_hidden"), ("test_halve_size_visible", "test_halve_size_hidden")
OPERATION = ("test_operations_visible", "test_operations_hidden")
CIFAR_TOTALS = ("test_cifar_total", "test_per_image", "test_ratio")
DENSE_LAYER = ("test_dense_layer_visible", "test_dense_layer_hidden")
LOCAL_LAYER = ("test_local_layer_visible", "test_local_layer_hidden")
RATIO = ("test_ratio_local", "test_ratio_dense")

ANSWERS = [
    Answer(
        why="output_size: rounded to the nearest whole number",
        cells={
            "output_size": changed(
                OUTPUT_SIZE,
                "(size + 2 * padding - kernel_size) // stride + 1",
                "round((size + 2 * padding - kernel_size) / stride + 1)",
            )
        },
        loses=("test_output_size_hidden", "test_one_filter_hidden"),
    ),
    Answer(
        why="output_size: a table of the visible cases",
        cells={
            "output_size": """def output_size(size, kernel_size, padding=0, stride=1):
    return {(9, 4, 2, 1): 10, (8, 3, 0, 1): 6, (7, 3, 0, 2): 3, (32, 5, 2, 1): 32, (9, 2, 0, 2): 4}[
        size, kernel_size, padding, stride
    ]
""",
            "one_filter": ONE_FILTER,
            "signal_shapes": SIGNAL_SHAPES,
            "cifar_table": CIFAR_TABLE,
            "local": LOCAL,
        },
        loses=("test_output_size_visible", "test_output_size_hidden"),
    ),
    Answer(
        why="dense_parameters: without biases, numbers typed in",
        cells={
            "lenet": LENET.replace("out_features, bias=True):", "out_features):")
            .replace("out_features * (in_features + bias)", "in_features * out_features")
            .replace("dense_parameters(120, 84)", "10164")
            .replace("dense_parameters(84, 10)", "850"),
            "cifar_table": CIFAR_TABLE,
        },
        loses=("test_lenet_linear9",),
    ),
    # Exercise 1
    Answer(
        why="size rounded up",
        cells={
            "output_size": changed(
                OUTPUT_SIZE,
                "(size + 2 * padding - kernel_size) // stride",
                "math.ceil((size + 2 * padding - kernel_size) / stride)",
            )
        },
        loses=(*SIZE, *FILTER),
    ),
    Answer(
        why="size not rounded at all",
        cells={"output_size": changed(OUTPUT_SIZE, "//", "/")},
        loses=(*SIZE, *FILTER),
    ),
    Answer(
        why="size: the first window forgotten",
        cells={"output_size": changed(OUTPUT_SIZE, " + 1", "")},
        loses=(
            *SIZE,
            *FILTER,
            "test_conv_output",
            "test_cifar_shapes",
            "test_cifar_parameters",
            *CIFAR_TOTALS,
            *DENSE_LAYER,
            *LOCAL_LAYER,
            *RATIO,
        ),
    ),
    Answer(
        why="size: padding counted on one side",
        cells={"output_size": changed(OUTPUT_SIZE, "2 * padding", "padding")},
        loses=(*SIZE, *FILTER, "test_conv_output", "test_cifar_shapes", "test_cifar_parameters", *CIFAR_TOTALS),
    ),
    Answer(
        why="size: p * (k - 1) in the formula",
        cells={
            "output_size": changed(
                OUTPUT_SIZE,
                "(size + 2 * padding - kernel_size) // stride + 1",
                "(size + 2 * padding * (kernel_size - 1) - 1) // stride",
            )
        },
        loses=(
            *SIZE,
            *FILTER,
            "test_conv_output",
            "test_cifar_shapes",
            "test_cifar_parameters",
            *CIFAR_TOTALS,
            *DENSE_LAYER,
            *LOCAL_LAYER,
            *RATIO,
        ),
    ),
    Answer(
        why="size: half the kernel taken off once, stride forgotten",
        cells={
            "output_size": changed(
                OUTPUT_SIZE,
                "(size + 2 * padding - kernel_size) // stride + 1",
                "size - kernel_size // 2 + 2 * padding",
            )
        },
        loses=(
            *SIZE,
            *FILTER,
            "test_conv_output",
            "test_cifar_shapes",
            "test_cifar_parameters",
            *CIFAR_TOTALS,
            *DENSE_LAYER,
            *LOCAL_LAYER,
            *RATIO,
        ),
    ),
    Answer(
        why="size: stride ignored",
        cells={"output_size": changed(OUTPUT_SIZE, " // stride", "")},
        loses=(*SIZE, *FILTER, "test_cifar_shapes", "test_cifar_parameters", *CIFAR_TOTALS),
    ),
    Answer(
        why="size: padding ignored",
        cells={"output_size": changed(OUTPUT_SIZE, " + 2 * padding", "")},
        loses=(*SIZE, *FILTER, "test_conv_output", "test_cifar_shapes", "test_cifar_parameters", *CIFAR_TOTALS),
    ),
    Answer(
        why="size: printed, not returned",
        cells={
            "output_size": changed(
                OUTPUT_SIZE,
                "return (size + 2 * padding - kernel_size) // stride + 1",
                "print((size + 2 * padding - kernel_size) // stride + 1)",
            ),
            "one_filter": ONE_FILTER,
            "signal_shapes": SIGNAL_SHAPES,
            "cifar_table": CIFAR_TABLE,
            "local": LOCAL,
        },
        loses=SIZE,
    ),
    Answer(
        why="size: +1 before the division",
        cells={"output_size": changed(OUTPUT_SIZE, "kernel_size) // stride + 1", "kernel_size + 1) // stride")},
        loses=(*SIZE, *FILTER, "test_cifar_shapes", "test_cifar_parameters", *CIFAR_TOTALS),
    ),
    # Exercise 2
    Answer(
        why="parameters: biases forgotten",
        cells={"conv_parameters": changed(CONV_PARAMETERS, "(weights + bias)", "weights")},
        loses=(
            *PARAMETERS,
            *LENET_CONV,
            "test_lenet_total",
            "test_cifar_parameters",
            "test_cifar_total",
        ),
    ),
    Answer(
        why="parameters: one bias for the layer",
        cells={
            "conv_parameters": changed(
                CONV_PARAMETERS, "out_channels * (weights + bias)", "out_channels * weights + bias"
            )
        },
        loses=(*PARAMETERS, *LENET_CONV, "test_lenet_total", "test_cifar_parameters", "test_cifar_total"),
    ),
    Answer(
        why="parameters: one bias per input channel",
        cells={
            "conv_parameters": changed(
                CONV_PARAMETERS, "out_channels * (weights + bias)", "out_channels * (weights + in_channels * bias)"
            )
        },
        loses=(
            *PARAMETERS,
            "test_lenet_conv4",
            "test_lenet_conv7",
            "test_lenet_total",
            "test_cifar_parameters",
            *CIFAR_TOTALS,
        ),
    ),
    Answer(
        why="parameters: input channels forgotten",
        cells={"conv_parameters": changed(CONV_PARAMETERS, "in_channels * math", "math")},
        loses=(
            *PARAMETERS,
            "test_lenet_conv4",
            "test_lenet_conv7",
            "test_lenet_total",
            "test_cifar_parameters",
            *CIFAR_TOTALS,
            *RATIO,
        ),
    ),
    Answer(
        why="parameters: kernels taken to be square and two-dimensional",
        cells={"conv_parameters": changed(CONV_PARAMETERS, "math.prod(kernel_shape)", "kernel_shape[0] ** 2")},
        loses=("test_conv_parameters_hidden", "test_conv_weights"),
    ),
    Answer(
        why="parameters: bias in any case",
        cells={"conv_parameters": changed(CONV_PARAMETERS, "+ bias", "+ 1")},
        loses=(*PARAMETERS, "test_conv_weights", *RATIO),
    ),
    Answer(
        why="parameters: extents of the kernel added, not multiplied",
        cells={"conv_parameters": changed(CONV_PARAMETERS, "math.prod(kernel_shape)", "sum(kernel_shape)")},
        loses=(
            *PARAMETERS,
            *LENET_CONV,
            "test_lenet_total",
            "test_cifar_parameters",
            *CIFAR_TOTALS,
            *RATIO,
        ),
    ),
    # Exercise 3
    Answer(
        why="filter: a dict instead of three results",
        cells={
            "one_filter": changed(
                ONE_FILTER,
                "return out_shape, filter_weights, dense_weights",
                'return {"out_shape": out_shape, "filter_weights": filter_weights, "dense_weights": dense_weights}',
            )
        },
        loses=FILTER,
    ),
    Answer(
        why="filter: p * (k - 1) in the formula",
        cells={
            "one_filter": changed(
                ONE_FILTER,
                "(size + 2 * padding - kernel_size) // stride + 1",
                "(size + 2 * padding * (kernel_size - 1) - 1) // stride",
            )
        },
        loses=FILTER,
    ),
    Answer(
        why="filter: width before height",
        cells={"one_filter": changed(ONE_FILTER, "(height, width))", "(width, height))")},
        loses=FILTER,
    ),
    Answer(
        why="filter: input channels forgotten",
        cells={"one_filter": changed(ONE_FILTER, "kernel_size * kernel_size * channels", "kernel_size**2")},
        loses=FILTER,
    ),
    Answer(
        why="filter: with biases",
        cells={
            "one_filter": changed(ONE_FILTER, "kernel_size * kernel_size * channels", "kernel_size**2 * channels + 1")
        },
        loses=FILTER,
    ),
    Answer(
        why="filter: dense layer on the padded input",
        cells={
            "one_filter": changed(
                ONE_FILTER,
                "height * width * channels *",
                "(height + 2 * padding) * (width + 2 * padding) * channels *",
            )
        },
        loses=FILTER,
    ),
    Answer(
        why="filter: dense layer with as many outputs as pixels",
        cells={"one_filter": changed(ONE_FILTER, "* math.prod(out_shape)", "* height * width")},
        loses=FILTER,
    ),
    # Exercise 4
    Answer(
        why="lenet: size of the feature map taken for the size of the kernel",
        cells={
            "lenet": LENET
            + """lenet_parameters |= {
    "Conv2d-1": 6 * (28 * 28 * 1 + 1),
    "Conv2d-4": 16 * (10 * 10 * 6 + 1),
    "Conv2d-7": 120 * (1 * 1 * 16 + 1),
}
lenet_total = sum(lenet_parameters.values())
"""
        },
        loses=(*LENET_CONV, "test_lenet_total"),
    ),
    Answer(
        why="lenet: a colour image",
        cells={"lenet": changed(LENET, '"Conv2d-1": 156', '"Conv2d-1": 6 * (5 * 5 * 3 + 1)')},
        loses=("test_lenet_conv1", "test_lenet_total"),
    ),
    Answer(
        why="lenet: biases of dense layers forgotten",
        cells={"lenet": changed(LENET, "out_features * (in_features + bias)", "out_features * in_features")},
        loses=(*LENET_DENSE, "test_lenet_total", "test_cifar_parameters", "test_cifar_total"),
    ),
    Answer(
        why="lenet: one bias per input of a dense layer",
        cells={"lenet": changed(LENET, "out_features * (in_features + bias)", "in_features * (out_features + bias)")},
        loses=(
            *LENET_DENSE,
            "test_lenet_total",
            "test_cifar_parameters",
            "test_cifar_total",
        ),
    ),
    Answer(
        why="lenet: Linear-9 reads the 16 x 5 x 5 values of the pooling",
        cells={"lenet": changed(LENET, "dense_parameters(120, 84)", "dense_parameters(16 * 5 * 5, 84)")},
        loses=("test_lenet_linear9", "test_lenet_total"),
    ),
    Answer(
        why="lenet: Linear-11 reads 120 values",
        cells={"lenet": changed(LENET, "dense_parameters(84, 10)", "dense_parameters(120, 10)")},
        loses=("test_lenet_linear11", "test_lenet_total"),
    ),
    Answer(
        why="lenet: pooling windows counted as weights",
        cells={"lenet": changed(LENET, '"MaxPool2d-3": 0', '"MaxPool2d-3": 4')},
        loses=("test_lenet_total",),
    ),
    Answer(
        why="lenet: no values for layers without parameters",
        cells={"lenet": changed(LENET, '    "ReLU-2": 0,\n', "")},
        loses=("test_lenet_total",),
    ),
    Answer(
        why="lenet: a list instead of a dict",
        cells={"lenet": LENET + "lenet_parameters = list(lenet_parameters.values())\n"},
        loses=(*LENET_CONV, *LENET_DENSE, "test_lenet_total"),
    ),
    # Exercise 5
    Answer(
        why="keep: zeros of both sides",
        cells={"keep_halve": changed(KEEP_HALVE, "(kernel_size - 1) // 2, 1", "kernel_size - 1, 1")},
        loses=KEEP,
    ),
    Answer(
        why="keep: rounded up",
        cells={"keep_halve": changed(KEEP_HALVE, "(kernel_size - 1) // 2, 1", "(kernel_size + 1) // 2, 1")},
        loses=KEEP,
    ),
    Answer(
        why="keep and halve: stride first",
        cells={
            "keep_halve": KEEP_HALVE.replace("(kernel_size - 1) // 2, 1", "1, (kernel_size - 1) // 2").replace(
                "(kernel_size - 1) // 2, 2", "2, (kernel_size - 1) // 2"
            )
        },
        loses=(*KEEP, *HALVE),
    ),
    Answer(
        why="keep: the numbers of the 5x5 kernel, always",
        cells={"keep_halve": changed(KEEP_HALVE, "(kernel_size - 1) // 2, 1", "2, 1")},
        loses=("test_keep_size_visible", "test_keep_size_hidden"),
    ),
    Answer(
        why="halve: the numbers of the 2x2 window, always",
        cells={"keep_halve": changed(KEEP_HALVE, "(kernel_size - 1) // 2, 2", "0, 2")},
        loses=("test_halve_size_visible", "test_halve_size_hidden"),
    ),
    Answer(
        why="halve: windows side by side",
        cells={"keep_halve": changed(KEEP_HALVE, "(kernel_size - 1) // 2, 2", "0, kernel_size")},
        loses=("test_halve_size_visible", "test_halve_size_hidden"),
    ),
    Answer(
        why="halve: half the window as padding",
        cells={"keep_halve": changed(KEEP_HALVE, "(kernel_size - 1) // 2, 2", "kernel_size // 2, 2")},
        loses=HALVE,
    ),
    Answer(
        why="halve: stride 1",
        cells={"keep_halve": changed(KEEP_HALVE, "(kernel_size - 1) // 2, 2", "(kernel_size - 1) // 2, 1")},
        loses=HALVE,
    ),
    # Exercise 6
    Answer(
        why="signals: inputs instead of outputs",
        cells={"signal_shapes": changed(SIGNAL_SHAPES, "(1000,)", "(100,)")},
        loses=("test_dense_output",),
    ),
    Answer(
        why="signals: weights instead of outputs",
        cells={"signal_shapes": changed(SIGNAL_SHAPES, "(1000,)", "(100_000,)")},
        loses=("test_dense_output",),
    ),
    Answer(
        why="signals: the shape of W instead of that of the output",
        cells={"signal_shapes": changed(SIGNAL_SHAPES, "(1000,)", "(1000, 100)")},
        loses=("test_dense_output",),
    ),
    Answer(
        why="signals: a number that stands elsewhere in the notebook",
        cells={"signal_shapes": changed(SIGNAL_SHAPES, "(1000,)", "1000")},
        loses=("test_dense_output",),
    ),
    Answer(
        why="signals: blocks beside each other, and the weights of one block",
        cells={"signal_shapes": SIGNAL_SHAPES.replace("(1000,)", "(10, 100)").replace("100_000", "10_000")},
        loses=("test_dense_output", "test_dense_weights"),
    ),
    Answer(
        why="signals: padding forgotten",
        cells={"signal_shapes": changed(SIGNAL_SHAPES, "(10, 100)", "(10, 98)")},
        loses=("test_conv_output",),
    ),
    Answer(
        why="signals: length before channels",
        cells={"signal_shapes": changed(SIGNAL_SHAPES, "(10, 100)", "(100, 10)")},
        loses=("test_conv_output",),
    ),
    Answer(
        why="signals: number of outputs instead of their shape",
        cells={"signal_shapes": changed(SIGNAL_SHAPES, "(10, 100)", "1000")},
        loses=("test_conv_output",),
    ),
    Answer(
        why="signals: with biases",
        cells={"signal_shapes": SIGNAL_SHAPES.replace("100_000", "101_000").replace("30\n", "40\n")},
        loses=("test_dense_weights", "test_conv_weights"),
    ),
    Answer(
        why="signals: rows and columns added, a kernel for each position",
        cells={"signal_shapes": SIGNAL_SHAPES.replace("100_000", "1100").replace("30\n", "3000\n")},
        loses=("test_dense_weights", "test_conv_weights"),
    ),
    Answer(
        why="signals: kernels of 3 x 3, and outputs for weights",
        cells={"signal_shapes": SIGNAL_SHAPES.replace("100_000", "1000").replace("30\n", "90\n")},
        loses=("test_dense_weights", "test_conv_weights"),
    ),
    Answer(
        why="operations: multiplications and additions counted apart",
        cells={"operations": OPERATIONS.replace("return ", "return 2 * ")},
        loses=OPERATION,
    ),
    Answer(
        why="operations: each weight used once",
        cells={"operations": changed(OPERATIONS, " * math.prod(output_shape)", "")},
        loses=OPERATION,
    ),
    Answer(
        why="operations: positions without the padding",
        cells={"operations": changed(OPERATIONS, "(3,), (100,))", "(3,), (98,))")},
        loses=("test_operations_visible",),
    ),
    Answer(
        why="operations: the shape with its channels taken for the extent of one map",
        cells={"operations": changed(OPERATIONS, "(3,), (100,))", "(3,), (10, 100))")},
        loses=("test_operations_visible",),
    ),
    Answer(
        why="operations: input channels forgotten",
        cells={"operations": changed(OPERATIONS, "in_channels * math", "math")},
        loses=("test_operations_hidden",),
    ),
    Answer(
        why="operations: one axis only",
        cells={"operations": changed(OPERATIONS, "math.prod(output_shape)", "output_shape[0]")},
        loses=("test_operations_hidden",),
    ),
    # Exercise 7
    Answer(
        why="cifar: no padding",
        cells={
            "cifar_table": CIFAR_TABLE
            + """cifar_shapes |= {
    "conv1": (32, 28, 28),
    "pool1": (32, 14, 14),
    "conv2": (64, 10, 10),
    "pool2": (64, 5, 5),
    "conv3": (64, 1, 1),
    "pool3": (64, 0, 0),
}
"""
        },
        loses=("test_cifar_shapes",),
    ),
    Answer(
        why="cifar: channels last",
        cells={
            "cifar_table": CIFAR_TABLE
            + "cifar_shapes = {name: shape[1:] + shape[:1] for name, shape in cifar_shapes.items()}\n"
        },
        loses=("test_cifar_shapes",),
    ),
    Answer(
        why="cifar: lists of values without names",
        cells={
            "cifar_table": CIFAR_TABLE
            + "cifar_shapes, cifar_parameters = list(cifar_shapes.values()), list(cifar_parameters.values())\n",
            "cifar_total": CIFAR_TOTAL,
        },
        loses=("test_cifar_shapes", "test_cifar_parameters"),
    ),
    Answer(
        why="cifar: pooling mixes the channels",
        cells={"cifar_table": changed(CIFAR_TABLE, '"pool1": (32, 16, 16)', '"pool1": (3, 16, 16)')},
        loses=("test_cifar_shapes",),
    ),
    Answer(
        why="cifar: size of the feature map taken for the size of the kernel",
        cells={
            "cifar_table": CIFAR_TABLE
            + """cifar_parameters |= {
    "conv1": (32 * 32 + 1) * 32,
    "conv2": (16 * 16 + 1) * 64,
    "conv3": (8 * 8 + 1) * 64,
}
""",
            "cifar_total": changed(CIFAR_TOTAL, "1_191_170", "sum(cifar_parameters.values())"),
        },
        loses=("test_cifar_parameters", *CIFAR_TOTALS),
    ),
    Answer(
        why="cifar: input channels forgotten",
        cells={"cifar_table": CIFAR_TABLE.replace("5 * 5 * 3 ", "5 * 5 ").replace("5 * 5 * 32 ", "5 * 5 ")},
        loses=("test_cifar_parameters", *CIFAR_TOTALS),
    ),
    Answer(
        why="cifar: fc4 reads the map before the last pooling",
        cells={"cifar_table": changed(CIFAR_TABLE, "1000 * (1024 + 1)", "1000 * (64 * 8 * 8 + 1)")},
        loses=("test_cifar_parameters", *CIFAR_TOTALS),
    ),
    Answer(
        why="total: the printed total of an old solution",
        cells={"cifar_total": changed(CIFAR_TOTAL, "1_191_170", "1_088_418")},
        loses=CIFAR_TOTALS,
    ),
    Answer(
        why="total: convolutions only",
        cells={"cifar_total": changed(CIFAR_TOTAL, "1_191_170", "2432 + 51264 + 102464")},
        loses=CIFAR_TOTALS,
    ),
    Answer(
        why="per image: test images counted as well",
        cells={"cifar_total": changed(CIFAR_TOTAL, "50_000", "60_000")},
        loses=("test_per_image",),
    ),
    Answer(
        why="per image: a factor of 1000 too many",
        cells={"cifar_total": changed(CIFAR_TOTAL, "50_000", "50")},
        loses=("test_per_image",),
    ),
    Answer(
        why="per image and ratio: rounded to whole numbers",
        cells={
            "cifar_total": CIFAR_TOTAL + "parameters_per_image, ratio = round(parameters_per_image), round(ratio)\n"
        },
        loses=("test_per_image", "test_ratio"),
    ),
    Answer(
        why="per image and ratio: decimals cut off, one decimal",
        cells={"cifar_total": CIFAR_TOTAL + "parameters_per_image, ratio = cifar_total // 50_000, 8.6\n"},
        loses=("test_per_image", "test_ratio"),
    ),
    Answer(
        why="per image: turned round",
        cells={"cifar_total": changed(CIFAR_TOTAL, "cifar_total / 50_000", "50_000 / cifar_total")},
        loses=("test_per_image",),
    ),
    Answer(
        why="bag of words: biases forgotten",
        cells={"cifar_total": changed(CIFAR_TOTAL, "10_010", "10_000")},
        loses=("test_bag_of_words",),
    ),
    Answer(
        why="bag of words: one machine",
        cells={"cifar_total": changed(CIFAR_TOTAL, "10_010", "1001")},
        loses=("test_bag_of_words", "test_ratio"),
    ),
    Answer(
        why="bag of words: words instead of their numbers",
        cells={"cifar_total": changed(CIFAR_TOTAL, "128_000", "1000")},
        loses=("test_bag_of_words", "test_ratio"),
    ),
    Answer(
        why="bag of words: dictionary left out of the ratio",
        cells={"cifar_total": changed(CIFAR_TOTAL, "(svm_parameters + dictionary_numbers)", "svm_parameters")},
        loses=("test_ratio",),
    ),
    # Exercise 8
    Answer(
        why="first layers: a table of the visible cases",
        cells={
            "local": """def first_layer_dense(m, p, K):
    return {(6, 3, 2): 3456, (8, 5, 4): 12288}[m, p, K]


def first_layer_local(m, p, K):
    return {(6, 3, 2): 864, (8, 5, 4): 4800}[m, p, K]
""",
            "ratios": RATIOS,
        },
        loses=(*DENSE_LAYER, *LOCAL_LAYER),
    ),
    Answer(
        why="first layers: as many positions as pixels",
        cells={"local": LOCAL.replace("(m - p + 1)", "m")},
        loses=(*DENSE_LAYER, *LOCAL_LAYER, *RATIO),
    ),
    Answer(
        why="first layers: m - p positions",
        cells={"local": LOCAL.replace("(m - p + 1)", "(m - p)")},
        loses=(*DENSE_LAYER, *LOCAL_LAYER, *RATIO),
    ),
    Answer(
        why="first layers: grey images",
        cells={"local": LOCAL.replace("outputs * 3 *", "outputs *"), "ratios": RATIOS},
        loses=(*DENSE_LAYER, *LOCAL_LAYER),
    ),
    Answer(
        why="first layers: weights of the local layer shared",
        cells={"local": changed(LOCAL, "return outputs * 3 * p * p", "return K * 3 * p * p"), "ratios": RATIOS},
        loses=LOCAL_LAYER,
    ),
    Answer(
        why="first layers: one output per position",
        cells={"local": LOCAL.replace("K * (m", "(m"), "ratios": RATIOS},
        loses=(*DENSE_LAYER, *LOCAL_LAYER),
    ),
    Answer(
        why="ratios: turned round",
        cells={"ratios": "ratio_local = 124**2\nratio_dense = 128**2 * 124**2 / 25\n"},
        loses=RATIO,
    ),
    Answer(
        why="ratios: positions along one axis, and no sharing",
        cells={"ratios": "ratio_local = 1 / 124\nratio_dense = 25 / 128**2\n"},
        loses=RATIO,
    ),
    Answer(
        why="ratios: positions of same padding",
        cells={"ratios": "ratio_local = 1 / 128**2\nratio_dense = 25 / 128**4\n"},
        loses=RATIO,
    ),
]
