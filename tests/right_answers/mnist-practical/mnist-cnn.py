"""Right answers to mnist-practical/mnist-cnn in other styles."""

from tests.support.answers import Answer

NAMES = {"maps.0": "conv1", "maps.1": "bn1", "maps.4": "conv2", "maps.5": "bn2"}


def named_layers(record, weights):
    """The reference's weights under the names of a network whose layers have names."""
    return record, {
        ".".join([NAMES.get(key.rpartition(".")[0], key.rpartition(".")[0]), key.rpartition(".")[2]]): value
        for key, value in weights.items()
    }


ANSWERS = [
    Answer(
        "shapes found by running layers",
        {
            "layer_shapes": """def layer_shapes(side, num_maps, kernel_size, padding, num_hidden):
    layers = {
        "conv1": nn.Conv2d(1, num_maps, kernel_size, padding=padding),
        "pool": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
        "fc1": nn.LazyLinear(num_hidden),
        "fc2": nn.LazyLinear(10),
    }
    x, shapes = torch.zeros(1, 1, side, side), {}
    for name, layer in layers.items():
        x = layer(x)
        shapes[name] = tuple(x.shape[1:])
    return shapes, {n: sum(p.numel() for p in layers[n].parameters()) for n in ("conv1", "fc1", "fc2")}
"""
        },
    ),
    Answer(
        "evaluate as a decorator's function, with split",
        {
            "evaluate": """@torch.inference_mode()
def evaluate(model, images, labels):
    mode = model.training
    model.eval()
    logits = torch.cat([model(part) for part in images.split(500)])
    model.train(mode)
    return F.cross_entropy(logits, labels).item(), float((logits.argmax(1) == labels).float().mean())
"""
        },
    ),
    Answer(
        "blocks by NumPy",
        {
            "block_means": """def block_means(durations, n):
    count = max(0, (len(durations) - 1) // n)
    means = np.array(durations[1 : 1 + count * n], dtype=float).reshape(count, n).mean(axis=1)
    return list(zip(range(n + 1, n * count + 2, n), means.tolist()))
"""
        },
    ),
    Answer(
        "dropout with bernoulli and where",
        {
            "dropout": """def dropout(h, keep_prob):
    mask = torch.bernoulli(torch.full_like(h, keep_prob)).bool()
    return torch.where(mask, h / keep_prob, torch.zeros_like(h))
"""
        },
    ),
    Answer(
        "network of the skeleton by inheritance",
        {
            "dropout_cnn": """class DropoutCNN(BasicCNN):
    def forward(self, images, keep_prob=1.0):
        x = F.max_pool2d(self.conv1(images).relu(), 2).reshape(len(images), -1)
        x = dropout(torch.relu(self.fc1(x)), keep_prob)
        return self.fc2(x)
"""
        },
    ),
    Answer(
        "flags without argparse",
        {
            "parse_flags": """def parse_flags(words):
    flags = {"keep_prob": 1.0, "lam": 0.0, "lr": 0.001, "filters": (5, 5), "batch_norm": False}
    words = list(words)
    while words:
        name = words.pop(0)[2:].replace("-", "_")
        if name == "batch_norm":
            flags[name] = True
        elif name == "filters":
            flags[name] = (int(words.pop(0)), int(words.pop(0)))
        elif name == "out_name":
            flags[name] = words.pop(0)
        else:
            flags["lam" if name == "lambda" else name] = float(words.pop(0))
    if "out_name" not in flags:
        raise ValueError("--out-name is missing")
    return flags
"""
        },
    ),
    Answer(
        "the norm of all numbers of a layer, squared; gradients of the network cleared",
        {
            "l2_of": "def l2_of(layer):\n"
            "    return torch.cat([p.flatten() for p in layer.parameters()]).square().sum()\n",
            "regularised_step": """def regularised_step(model, optimizer, images, labels, keep_prob, lam):
    model.train()
    model.zero_grad()
    out = model(images, keep_prob=keep_prob)
    entropy = nn.CrossEntropyLoss()(out, labels)
    term = l2_of(model.fc1)
    total = entropy + lam * term
    total.backward()
    optimizer.step()
    with torch.no_grad():
        hits = torch.sum(out.argmax(dim=-1) == labels) / len(labels)
    return float(entropy), float(hits), float(term)
""",
        },
    ),
    Answer(
        "the deep network layer by layer",
        {
            "deep_cnn": """class DeepCNN(nn.Module):
    def __init__(self, filters=(5, 5), batch_norm=False):
        super().__init__()
        a, b = filters
        self.conv1, self.conv2 = nn.Conv2d(1, 8, a, padding="same"), nn.Conv2d(8, 16, b, padding="same")
        self.bn1 = nn.BatchNorm2d(8) if batch_norm else nn.Identity()
        self.bn2 = nn.BatchNorm2d(16) if batch_norm else nn.Identity()
        self.pool = nn.MaxPool2d(2)
        self.fc1, self.fc2 = nn.Linear(784, 128), nn.Linear(128, 10)

    def forward(self, images, keep_prob=1.0):
        x = self.pool(F.relu(self.bn1(self.conv1(images))))
        x = self.pool(F.relu(self.bn2(self.conv2(x))))
        x = F.relu(self.fc1(x.view(x.size(0), -1)))
        return self.fc2(dropout(x, keep_prob))
"""
        },
        artifacts={"final": named_layers},
    ),
    Answer(
        "receptive field from the back",
        {
            "receptive_field": """def receptive_field(filters):
    seen = 1
    for size in reversed(filters):
        seen = 2 * seen + size - 1
    return seen
"""
        },
    ),
    Answer(
        "smoothed with powers",
        {
            "smoothed": """def smoothed(values, weight):
    out = np.empty(len(values))
    for t in range(len(values)):
        powers = weight ** np.arange(t, -1, -1)
        out[t] = powers @ np.asarray(values[: t + 1]) / powers.sum()
    return out
"""
        },
    ),
    Answer(
        "best rate by a loop",
        {
            "best_rate": """def best_rate(errors):
    best, least = None, float("inf")
    for rate in errors:
        curve = np.asarray(errors[rate], dtype=float)
        if np.isnan(curve).any():
            continue
        end = curve[-3:].sum()
        if end < least:
            best, least = rate, end
    return best
"""
        },
    ),
]
