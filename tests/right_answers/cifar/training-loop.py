"""Right answers to cifar/training-loop in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "tensors added up, gradients cleared at the beginning and after each step, inference mode",
        {
            "train_epoch": "def train_epoch(model, batches, loss_function, optimizer):\n"
            "    model.train()\n    optimizer.zero_grad()\n    losses, hits = [], []\n"
            "    for batch in batches:\n"
            "        x, y = (t.to(next(model.parameters()).device) for t in batch)\n"
            "        out = model(x)\n        loss = loss_function(out, y)\n        loss.backward()\n"
            "        optimizer.step()\n        optimizer.zero_grad(set_to_none=False)\n"
            "        losses.append(loss.detach().expand(len(y)))\n"
            "        hits.append(out.detach().max(dim=1).indices == y)\n"
            "    return torch.cat(losses).mean().item(), torch.cat(hits).float().mean().item()\n",
            "evaluate": "@torch.inference_mode()\ndef evaluate(model, batches, loss_function):\n"
            "    model.train(False)\n    loss = right = n = 0\n"
            "    for x, y in batches:\n"
            "        x = x.to(next(model.parameters()).device, non_blocking=True)\n        y = y.to(x.device)\n"
            "        out = model(x)\n        loss += float(loss_function(out, y)) * y.numel()\n"
            "        right += int(torch.eq(out.argmax(dim=-1), y).sum())\n        n += y.shape[0]\n"
            "    return [loss / n, right / n]\n",
            "fit": "def fit(model, train_batches, validation_batches, loss_function, optimizer, num_epochs, "
            "device='cpu'):\n"
            "    from collections import defaultdict\n    model = model.to(device)\n    history = defaultdict(list)\n"
            "    for epoch in range(1, num_epochs + 1):\n"
            "        for split in ('train', 'validation'):\n"
            "            if split == 'train':\n"
            "                loss, accuracy = train_epoch(model, train_batches, loss_function, optimizer)\n"
            "            else:\n                loss, accuracy = evaluate(model, validation_batches, loss_function)\n"
            "            history[split + '_loss'].append(loss)\n"
            "            history[split + '_accuracy'].append(accuracy)\n"
            "    return history\n",
        },
    ),
    Answer(
        "one loop for both, gradients cleared through the model",
        {
            "train_epoch": "def run(model, batches, loss_function, optimizer=None):\n"
            "    place = next(iter(model.parameters())).device\n"
            "    model.train(optimizer is not None)\n    sums = torch.zeros(3, dtype=torch.float64)\n"
            "    with torch.set_grad_enabled(optimizer is not None):\n"
            "        for images, labels in batches:\n"
            "            images, labels = images.to(place), labels.to(place)\n"
            "            logits = model(images)\n            loss = loss_function(logits, labels)\n"
            "            if optimizer is not None:\n"
            "                model.zero_grad()\n                loss.backward()\n                optimizer.step()\n"
            "            sums += torch.tensor([loss.item() * len(labels), float((logits.argmax(1) == "
            "labels).sum()), len(labels)])\n"
            "    loss, right, count = sums.tolist()\n    return loss / count, right / count\n\n\n"
            "def train_epoch(model, batches, loss_function, optimizer):\n"
            "    return run(model, batches, loss_function, optimizer)\n",
            "evaluate": "def evaluate(model, batches, loss_function):\n    return run(model, batches, loss_function)\n",
        },
    ),
    Answer(
        "sequential classes, functions for losses",
        {
            "draw_histories": "from matplotlib.figure import Figure\n\n\ndef draw_histories(histories):\n"
            "    fig = Figure(figsize=(9, 4))\n    left, right = fig.subplots(1, 2)\n"
            "    for name, h in histories.items():\n        epochs = torch.arange(len(h['train_loss'])) + 1\n"
            "        for part in ('train', 'validation'):\n"
            "            left.plot(epochs, h[part + '_loss'], '.-', label=f'{part} ({name})')\n"
            "            percent = 100 * torch.tensor(h[part + '_accuracy'])\n"
            "            right.plot(epochs, percent, '.-', label=f'{part} ({name})')\n"
            "    left.axhline(2.3, color='grey', label='guessing')\n"
            "    for ax, text in ((left, 'loss in nats'), (right, 'right in %')):\n"
            "        ax.set(xlabel='epoch', ylabel=text, title=text)\n        ax.legend(fontsize='small')\n"
            "    return fig\n",
            "shallow_net": "class ShallowNet(nn.Sequential):\n    def __init__(self, num_hidden=32):\n"
            "        super().__init__(nn.Flatten(), nn.Linear(3 * 32 * 32, num_hidden), nn.ReLU(), "
            "nn.Linear(num_hidden, 10))\n",
            "loss_and_sgd": "def make_sgd(model, lr):\n"
            "    return torch.optim.SGD([{'params': list(model.parameters())}], lr, 0.9)\n\n\n"
            "def loss_function(logits, labels):\n    return F.nll_loss(logits.log_softmax(1), labels)\n\n\n"
            "shallow_lr, shallow_epochs, again = 0.01, 3, True\n",
            "simple_conv_net": "class SimpleConvNet(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            "        self.fc = nn.LazyLinear(10)\n"
            "        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, 1, 'same') for a, b in [(3, 16), (16, 32), "
            "(32, 64)])\n"
            "        with torch.no_grad():\n            self(torch.zeros(1, 3, 32, 32))\n\n"
            "    def forward(self, x):\n        for conv in self.convs:\n"
            "            x = F.relu(F.max_pool2d(conv(x), 2))\n"
            "        return self.fc(torch.flatten(x, 1))\n",
            "count_parameters": "def count_parameters(model):\n    total = 0\n"
            "    for name, p in model.named_parameters():\n"
            "        if p.requires_grad:\n            total += p.numel()\n    return total\n\n\n"
            "simple_lr = 0.05\nsimple_epochs = 2\n",
        },
        artifacts={
            "shallow": lambda record, weights: (
                record,
                {key.replace("hidden", "1").replace("output", "3"): value for key, value in weights.items()},
            ),
            "simple": lambda record, weights: (
                record,
                {
                    key.replace("layers.0", "convs.0")
                    .replace("layers.3", "convs.1")
                    .replace("layers.6", "convs.2")
                    .replace("layers.10", "fc"): value
                    for key, value in weights.items()
                },
            ),
        },
    ),
    Answer(
        "an optimiser of one's own, without closure; images made flat by reshape",
        {
            "shallow_net": "class ShallowNet(nn.Module):\n    def __init__(self, num_hidden=32):\n"
            "        super().__init__()\n        self.hidden = nn.Linear(3072, num_hidden)\n"
            "        self.output = nn.Linear(num_hidden, 10)\n\n"
            "    def forward(self, images):\n"
            "        return self.output(self.hidden(images.reshape(-1, 3072)).clamp(min=0))\n",
            "loss_and_sgd": "class Descent(torch.optim.Optimizer):\n    def __init__(self, weights, lr):\n"
            "        super().__init__(weights, {'lr': lr})\n\n    @torch.no_grad()\n    def step(self):\n"
            "        for group in self.param_groups:\n            for w in group['params']:\n"
            "                if w.grad is not None:\n"
            "                    v = self.state[w].get('v', torch.zeros_like(w)) * 0.9 + w.grad\n"
            "                    self.state[w]['v'] = v\n                    w -= group['lr'] * v\n\n\n"
            "def make_sgd(model, lr):\n    weights = list(model.parameters())\n"
            "    return Descent([{'params': weights[1:]}, {'params': weights[:1]}] if weights[1:] else weights, lr)"
            "\n\n\n"
            "loss_function = nn.CrossEntropyLoss()\nshallow_lr, shallow_epochs, again = 0.01, 10, False\n",
        },
    ),
    Answer(
        "named layers one by one, weights with 32 bits",
        {
            "draw_histories": "def draw_histories(histories):\n    plt.figure(figsize=(12, 4))\n"
            "    for place, what in enumerate(['loss', 'accuracy'], start=1):\n        plt.subplot(1, 2, place)\n"
            "        for name in histories:\n            for split in ['validation', 'train']:\n"
            "                y = np.array(histories[name][f'{split}_{what}'])\n"
            "                y = y * 100 if what == 'accuracy' else y\n"
            "                plt.plot(np.arange(1, len(y) + 1), y, '--', label=name + ': ' + split)\n"
            "        plt.xlabel('epoch')\n        plt.ylabel(what)\n        plt.grid()\n        plt.legend()\n"
            "    return plt.gcf()\n\n\nimport numpy as np\n",
            "shallow_net": "class ShallowNet(nn.Module):\n    def __init__(self, num_hidden=32):\n"
            "        super().__init__()\n"
            "        self.flatten = nn.Flatten()\n        self.hidden = nn.Linear(3072, num_hidden)\n"
            "        self.activation = nn.ReLU()\n        self.output = nn.Linear(num_hidden, 10)\n\n"
            "    def forward(self, images):\n        x = self.flatten(images)\n"
            "        x = self.activation(self.hidden(x))\n"
            "        return self.output(x)\n",
            "loss_and_sgd": "make_sgd = lambda model, lr: torch.optim.SGD(params=model.parameters(), lr=lr, "
            "momentum=0.9)\n"
            "loss_function = F.cross_entropy\nshallow_lr = 1e-2\nshallow_epochs = 10\nagain = False\n",
        },
        artifacts={"shallow": lambda record, weights: (record, {key: value.float() for key, value in weights.items()})},
    ),
]
