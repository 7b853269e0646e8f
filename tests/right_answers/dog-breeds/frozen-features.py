"""Right answers to dog-breeds/frozen-features in other styles; what was trained is the reference's."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "scikit-learn splits, the whole matrix is clipped",
        {
            "split_breeds": "from sklearn.model_selection import train_test_split\n\n\n"
            "def split_breeds(breeds, share, seed):\n"
            "    names = np.array(breeds)\n"
            "    rng = np.random.RandomState(seed)\n"
            "    train, validation = [], []\n"
            "    for name in sorted(set(breeds)):\n"
            "        own = np.where(names == name)[0]\n"
            "        part = train_test_split(own, test_size=max(1, int(share * len(own))), random_state=rng)\n"
            "        train.extend(part[0])\n"
            "        validation.extend(part[1])\n"
            "    return np.array(train), np.array(validation)\n",
            "log_loss": "def log_loss(probs, labels):\n"
            "    total = 0.0\n"
            "    for row, label in zip(probs, labels):\n"
            "        row = np.clip(row / np.sum(row), 1e-15, 1 - 1e-15)\n"
            "        total -= np.log(row[label])\n"
            "    return total / len(labels)\n",
            "extract_features": "@torch.no_grad()\n"
            "def extract_features(body, batches):\n"
            "    body = body.eval()\n"
            "    rows = []\n"
            "    for pictures in batches:\n"
            "        rows.extend(nn.functional.adaptive_avg_pool2d(body(pictures), 1).flatten(1))\n"
            "    return torch.stack(rows)\n",
            "most_confused": "def most_confused(probs, labels, breeds, count):\n"
            "    from collections import Counter\n\n"
            "    taken = np.argmax(probs, 1)\n"
            "    pairs = Counter(tuple(sorted((breeds[a], breeds[b]))) for a, b in zip(labels, taken) if a != b)\n"
            "    return [(*pair, n) for pair, n in sorted(pairs.items(), key=lambda p: (-p[1], p[0]))][:count]\n",
        },
    ),
    Answer(
        "torch's operations, inference mode",
        {
            "log_loss": "def log_loss(probs, labels):\n"
            "    probs = torch.tensor(probs)\n"
            "    true = (probs / probs.sum(1, keepdim=True)).gather(1, torch.tensor(labels)[:, None])\n"
            "    return -true.clamp(1e-15, 1 - 1e-15).log().mean().item()\n",
            "extract_features": "def extract_features(body, batches):\n"
            "    with torch.inference_mode():\n"
            "        body.train(False)\n"
            "        return torch.cat([body(p).mean(-1).mean(-1) for p in batches], dim=0).clone()\n",
            "split_breeds": "def split_breeds(breeds, share, seed):\n"
            "    torch.manual_seed(seed)\n"
            "    order = torch.randperm(len(breeds)).tolist()\n"
            "    kept = {}\n"
            "    for index in order:\n"
            "        kept.setdefault(breeds[index], []).append(index)\n"
            "    cut = {b: max(1, int(np.ceil(share * len(own) - 1e-9))) for b, own in kept.items()}\n"
            "    cut = {b: min(n, len(kept[b]) - 1) for b, n in cut.items()}\n"
            "    validation = sorted(i for b, own in kept.items() for i in own[: cut[b]])\n"
            "    train = sorted(i for b, own in kept.items() for i in own[cut[b] :])\n"
            "    return np.array(train), np.array(validation)\n",
            "most_confused": "def most_confused(probs, labels, breeds, count):\n"
            "    table = confusion_matrix(labels, probs.argmax(1), labels=range(len(breeds)))\n"
            "    rows = []\n"
            "    for i, one in enumerate(breeds):\n"
            "        for j in range(i):\n"
            "            if table[i, j] + table[j, i] > 0:\n"
            "                rows.append([breeds[j], one, table[i, j] + table[j, i]])\n"
            "    rows.sort()\n"
            "    rows.sort(key=lambda row: row[2], reverse=True)\n"
            "    return rows[:count]\n",
        },
    ),
    Answer(
        "a head that is a linear layer alone, training that must not run",
        {
            "training": "def make_head(num_features, num_breeds):\n    return nn.Linear(num_features, num_breeds)\n\n\n"
            "def train_one_epoch(model, batches, optimizer):\n    raise RuntimeError('not while grading')\n",
            "head_plan": "def head_plan(source):\n    raise RuntimeError('not while grading')\n\n\nagain = True",
        },
    ),
    Answer("without the network", {}, artifacts={"dogs-head": None}),
]
