"""Solutions of convolutions/counting in other styles, which must earn full points."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        why="counted with PyTorch instead of formulas",
        cells={
            "output_size": """def output_size(size, kernel_size, padding=0, stride=1):
    signal = torch.zeros(1, 1, size)
    return F.conv1d(signal, torch.zeros(1, 1, kernel_size), padding=padding, stride=stride).shape[-1]
""",
            "conv_parameters": """def conv_parameters(in_channels, out_channels, kernel_shape, bias=True):
    weight = torch.empty(out_channels, in_channels, *kernel_shape)
    return weight.numel() + (torch.empty(out_channels).numel() if bias else 0)
""",
            "lenet": """def dense_parameters(in_features, out_features, bias=True):
    return sum(p.numel() for p in nn.Linear(in_features, out_features, bias=bias).parameters())


model = nn.Sequential(
    nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10), nn.LogSoftmax(dim=1),
)
lenet_parameters = {
    f"{type(layer).__name__}-{number}": sum(p.numel() for p in layer.parameters())
    for number, layer in enumerate(model, start=1)
}
lenet_total = torch.tensor(list(lenet_parameters.values())).sum()
""",
            "operations": """def dense_multiply_adds(in_features, out_features):
    return torch.ones(out_features, in_features, dtype=torch.long).sum()


def conv_multiply_adds(in_channels, out_channels, kernel_shape, output_shape):
    return torch.tensor([in_channels, out_channels, *kernel_shape, *output_shape]).prod()


dense_operations = dense_multiply_adds(100, 1000)
conv_operations = conv_multiply_adds(1, 10, (3,), (100,))
""",
        },
    ),
    Answer(
        why="NumPy's floor, which gives floats, and NumPy's products",
        cells={
            "output_size": """import numpy as np


def output_size(size, kernel_size, padding=0, stride=1):
    return np.floor((size + 2 * padding - kernel_size) / stride) + 1
""",
            "conv_parameters": """def conv_parameters(in_channels, out_channels, kernel_shape, bias=True):
    return np.prod([in_channels, out_channels, *kernel_shape]) + out_channels * int(bias)
""",
            "keep_halve": """def keep_size(kernel_size):
    return [kernel_size // 2, 1]


def halve_size(kernel_size):
    return np.ceil(kernel_size / 2) - 1, np.int64(2)
""",
            "signal_shapes": """dense_output = np.zeros((1000, 100)).shape[:1]
conv_output = np.zeros((10, 100)).shape
dense_weights = 1e5
conv_weights = np.int64(30)
""",
        },
    ),
    Answer(
        why="shapes as arrays, from NumPy and PyTorch; numbers of features from np.prod; dicts of other kinds",
        cells={
            "one_filter": """import numpy as np


def one_filter(height, width, channels, kernel_size, padding, stride):
    out_shape = (np.array([height, width]) + 2 * padding - kernel_size) // stride + 1
    return out_shape, np.prod([kernel_size, kernel_size, channels]), out_shape.prod() * height * width * channels
""",
            "lenet": """from collections import Counter


def dense_parameters(in_features, out_features, bias=True):
    return out_features * (in_features + bias)


lenet_parameters = Counter({"Conv2d-1": 156, "Conv2d-4": 2416, "Conv2d-7": 48120, "Linear-9": 10164, "Linear-11": 850})
lenet_parameters.update({"ReLU-2": 0, "MaxPool2d-3": 0, "ReLU-5": 0, "MaxPool2d-6": 0, "ReLU-8": 0, "ReLU-10": 0})
lenet_parameters["LogSoftmax-12"] = 0
lenet_total = lenet_parameters.total()
""",
            "keep_halve": """def keep_size(kernel_size):
    return torch.tensor([kernel_size // 2, 1])


def halve_size(kernel_size):
    return np.array([(kernel_size - 1) // 2, 2])
""",
            "signal_shapes": """dense_output = torch.tensor([1000])
conv_output = nn.Conv1d(1, 10, 3, padding=1)(torch.zeros(1, 1, 100)).shape[1:]
dense_weights = np.prod((1000, 100))
conv_weights = 10 * 3
""",
            "cifar_table": """cifar_shapes = {
    "conv1": np.array([32, 32, 32]), "pool1": np.array([32, 16, 16]),
    "conv2": torch.tensor([64, 16, 16]), "pool2": torch.Size([64, 8, 8]),
    "conv3": np.array([64.0, 8.0, 8.0]), "pool3": np.array([64, 4, 4]),
    "fc4": np.prod([10, 100]), "fc5": np.array([10]),
}
cifar_parameters = {f"pool{number}": np.int64(0) for number in (1, 2, 3)}
cifar_parameters |= {"conv1": 2432, "conv2": 51264, "conv3": 102464, "fc4": 1025 * cifar_shapes["fc4"], "fc5": 10010}
""",
        },
    ),
    Answer(
        why="another but equal formula; loops that count",
        cells={
            "output_size": """def output_size(size, kernel_size, padding=0, stride=1):
    windows, start = 0, -padding
    while start + kernel_size <= size + padding:
        windows, start = windows + 1, start + stride
    return windows
""",
            "conv_parameters": """def conv_parameters(in_channels, out_channels, kernel_shape, bias=True):
    total = in_channels * out_channels
    for extent in kernel_shape:
        total *= extent
    if bias:
        total += out_channels
    return total
""",
            "one_filter": """def one_filter(height, width, channels, kernel_size, padding, stride):
    rows = (height + 2 * padding - kernel_size + stride) // stride
    columns = (width + 2 * padding - kernel_size + stride) // stride
    return [[rows, columns], channels * kernel_size**2, rows * columns * height * width * channels]
""",
            "local": """def first_layer_dense(m, p, K):
    return sum(3 * m**2 * K for _ in range(p, m + 1) for _ in range(p, m + 1))


def first_layer_local(m, p, K):
    return 3 * K * (p * (m + 1 - p)) ** 2
""",
            "ratios": """ratio_local = (124 * 124) ** -1
ratio_dense = (5 / 128 / 124) ** 2
""",
        },
    ),
    Answer(
        why="numbers typed in, rounded as one writes them down",
        cells={
            "lenet": """dense_parameters = lambda in_features, out_features, bias=True: (
    in_features * out_features + (out_features if bias else 0)
)
names = ["Conv2d-1", "ReLU-2", "MaxPool2d-3", "Conv2d-4", "ReLU-5", "MaxPool2d-6"]
names += ["Conv2d-7", "ReLU-8", "Linear-9", "ReLU-10", "Linear-11", "LogSoftmax-12"]
lenet_parameters = dict(zip(names, [156, 0, 0, 2416, 0, 0, 48120, 0, 10164, 0, 850, 0]))
lenet_total = 61_706
""",
            "cifar_table": """cifar_shapes = {
    "conv1": [32, 32, 32], "pool1": [32, 16, 16], "conv2": [64, 16, 16], "pool2": [64, 8, 8],
    "conv3": [64, 8, 8], "pool3": [64, 4, 4], "fc4": 1000, "fc5": 10.0,
}
cifar_parameters = {
    "conv1": 2432, "pool1": 0, "conv2": 51264, "pool2": 0, "conv3": 102464, "pool3": 0, "fc4": 1025000, "fc5": 10010,
}
""",
            "cifar_total": """cifar_total = 1191170
parameters_per_image = 23.8
svm_parameters = 10010
dictionary_numbers = 128000
ratio = 8.63
""",
            "ratios": """ratio_local = 6.504e-5
ratio_dense = 9.924e-8
""",
        },
    ),
]
