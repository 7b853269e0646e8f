"""Right answers to cifar/rdfia-network in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "arithmetic by hand, NumPy, inference mode",
        {
            "reading": "num_updates = 40\nlast_batch = 5000 % 128\n\n\n"
            "def epoch_mean(batch_losses, batch_sizes):\n"
            "    import numpy as np\n    return np.average(batch_losses, weights=batch_sizes)\n",
            "evaluate": "@torch.inference_mode()\ndef evaluate(model, batches):\n"
            "    model.eval()\n"
            "    pairs = [(model(images), labels) for images, labels in batches]\n"
            "    logits, labels = (torch.cat(parts) for parts in zip(*pairs))\n"
            "    right = (logits.argmax(dim=-1) == labels).float().mean()\n"
            "    return F.cross_entropy(logits, labels), right\n",
            "overfitting": "def overfitting_begins(history):\n"
            '    losses = torch.tensor(history["validation_loss"])\n'
            "    best = int(losses.argmin())\n"
            "    if best + 1 < len(losses):\n        return best + 1\n",
        },
    ),
    Answer(
        "numbers of NumPy and torch",
        {
            "reading": "import numpy as np\n\n"
            "num_updates, last_batch = torch.tensor(5000 / 128).ceil(), np.float32(5000 % 128)\n\n\n"
            "def epoch_mean(batch_losses, batch_sizes):\n"
            "    return np.dot(batch_losses, batch_sizes) / np.sum(batch_sizes)\n",
            "first_epoch": "loss_of_guessing = torch.tensor(100.0).log()\n\n\n"
            "def first_epoch_losses(model, batches, optimizer):\n"
            "    model.train()\n"
            "    result = []\n"
            "    for x, y in batches:\n"
            "        optimizer.zero_grad()\n"
            "        loss = F.cross_entropy(model(x), y)\n"
            "        loss.backward()\n"
            "        optimizer.step()\n"
            "        result.append(loss.item())\n"
            "    return result\n",
        },
    ),
    Answer(
        "layers in another order, mode restored, a rule with the factor",
        {
            "network": "class Network(nn.Module):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.fc5 = nn.Linear(1000, 10)\n"
            "        self.fc4 = nn.Linear(64 * 4 * 4, 1000)\n"
            '        self.conv1 = nn.Conv2d(3, 32, 5, padding="same")\n'
            "        self.conv2 = nn.Conv2d(32, 64, 5, padding=2)\n"
            "        self.conv3 = nn.Conv2d(64, 64, 5, padding=2)\n\n"
            "    def forward(self, images):\n"
            "        x = images\n"
            "        for conv in (self.conv1, self.conv2, self.conv3):\n"
            "            x = F.max_pool2d(conv(x).relu(), 2)\n"
            "        return self.fc5(F.relu(self.fc4(x.flatten(1))))\n",
            "evaluate": "def evaluate(model, batches):\n"
            "    mode = model.training\n"
            "    model.train(False)\n"
            "    loss = right = count = 0\n"
            "    for x, y in batches:\n"
            "        with torch.no_grad():\n"
            "            out = model(x)\n"
            "        loss += float(F.cross_entropy(out, y)) * y.numel()\n"
            "        right += int((out.max(1).indices == y).sum())\n"
            "        count += y.numel()\n"
            "    model.train(mode)\n"
            "    return loss / count, right / count\n",
            "first_epoch": "loss_of_guessing = -math.log(0.01)\n\n\n"
            "def first_epoch_losses(model, batches, optimizer):\n"
            "    model.train()\n"
            "    result = []\n"
            "    for x, y in batches:\n"
            "        optimizer.zero_grad()\n"
            "        loss = nn.CrossEntropyLoss()(model(x), y)\n"
            "        result.append(loss.detach().item())\n"
            "        loss.backward()\n"
            "        optimizer.step()\n"
            "    return result\n",
            "overfitting": "def overfitting_begins(history):\n"
            '    epochs = list(enumerate(history["validation_loss"], start=1))\n'
            "    epoch, _ = min(epochs, key=lambda pair: pair[1])\n"
            "    return epoch if epoch < epochs[-1][0] else None\n",
        },
    ),
    Answer(
        "layers with their ReLU and pooling under one name, and a list of named layers",
        {
            "network": "class Network(nn.Module):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        def block(ins, outs):\n"
            "            return nn.Sequential(nn.Conv2d(ins, outs, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2))\n"
            "        self.conv1, self.conv2, self.conv3 = block(3, 32), block(32, 64), block(64, 64)\n"
            "        self.dense = nn.Sequential()\n"
            '        self.dense.add_module("fc4", nn.Linear(1024, 1000))\n'
            '        self.dense.add_module("relu", nn.ReLU())\n'
            '        self.dense.add_module("fc5", nn.Linear(1000, 10))\n\n'
            "    def forward(self, images):\n"
            "        return self.dense(self.conv3(self.conv2(self.conv1(images))).flatten(1))\n",
        },
        artifacts={"rdfia-network": lambda record, weights: (record, renamed(weights))},
    ),
    Answer(
        "pictures moved to where the network is, as in training-loop",
        {
            "evaluate": "def evaluate(model, batches):\n"
            "    device = next(model.parameters()).device\n"
            "    model.eval()\n"
            "    loss, right, count = 0.0, 0, 0\n"
            "    with torch.no_grad():\n"
            "        for images, labels in batches:\n"
            "            images, labels = images.to(device), labels.to(device)\n"
            "            logits = model(images)\n"
            "            loss += F.cross_entropy(logits, labels).item() * len(labels)\n"
            "            right += (logits.argmax(1) == labels).sum().item()\n"
            "            count += len(labels)\n"
            "    return loss / count, right / count\n",
        },
    ),
    Answer(
        "a plan in another order",
        {
            "settings": "def scaled_lr(lr, batch_size, new_batch_size):\n"
            "    k = new_batch_size / batch_size\n    return k * lr\n\n\n"
            "pairs = [(1e-5, 32), (2e-4, 32), (2e-2, 32), (2e-4, 16), (2e-4, 128), (4e-4, 128)]\n"
            'plan_runs = {f"rdfia-run-{number}": list(pairs[number - 1]) for number in range(6, 0, -1)}\n',
        },
    ),
]


def renamed(weights):
    """The reference's weights under the names that the layers have above."""
    parts = [(*key.split("."), value) for key, value in weights.items()]
    return {
        f"{name}.0.{kind}" if name.startswith("conv") else f"dense.{name}.{kind}": value for name, kind, value in parts
    }
