"""Right answers to dog-breeds/dog-breeds in other styles; what was trained is the reference's."""

from tests.support.answers import Answer

FILE_NAME = "artifacts/submission.csv"


def as_excel_writes(content):
    return b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")


def rows_reversed(content):
    first, *rest = content.decode().splitlines()
    return "\n".join([first, *rest[::-1]]).encode()


def few_digits(content):
    first, *rest = content.decode().splitlines()
    rows = (line.split(",") for line in rest)
    return "\n".join([first, *(",".join([row[0], *(f"{float(p):.5f}" for p in row[1:])]) for row in rows), ""]).encode()


def quoted(content):
    return (
        "\n".join(",".join(f'"{part}"' for part in line.split(",")) for line in content.decode().splitlines())
    ).encode()


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
        "other names, generators as groups, text by hand",
        {
            "fine_tuned": "class FineTuned(nn.Module):\n"
            "    def __init__(self, upper, head):\n"
            "        super().__init__()\n"
            "        self.layers = nn.Sequential(upper, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)\n\n"
            "    def forward(self, maps):\n"
            "        return self.layers(maps)\n\n"
            "    def train(self, mode=True):\n"
            "        nn.Module.train(self, mode)\n"
            "        self.apply(lambda part: part.train(False) if isinstance(part, nn.BatchNorm2d) else None)\n"
            "        return self\n\n\n"
            "def parameter_groups(model, lr):\n"
            "    return [\n"
            "        dict(params=model.layers[-1].parameters(), lr=lr),\n"
            "        dict(params=model.layers[0].parameters(), lr=0.1 * lr, weight_decay=0.0),\n"
            "    ]\n",
            "submission": "def submission_text(ids, breeds, probs):\n"
            "    rows = [f\"{i},{','.join(map(repr, r))}\" for i, r in zip(ids, np.asarray(probs).tolist())]\n"
            "    return '\\r\\n'.join(['id,' + ','.join(breeds)] + rows)\n\n\n"
            "def predict(head, features, tuned, maps):\n"
            "    return feature_maps.probabilities(tuned, maps)\n",
            "training": "def make_head(num_features, num_breeds):\n    return nn.Linear(num_features, num_breeds)\n\n\n"
            "def train_one_epoch(model, batches, optimizer):\n    raise RuntimeError('not while grading')\n",
            "plan": "def plan(source):\n    raise RuntimeError('not while grading')\n\n\nagain = True",
        },
    ),
    Answer(
        "text: six significant digits, as the hint writes them",
        {
            "submission": "def submission_text(ids, breeds, probs):\n"
            "    lines = [','.join(['id', *breeds])]\n"
            "    lines += [','.join([i, *(f'{value:.6g}' for value in row)]) for i, row in zip(ids, probs)]\n"
            "    return '\\n'.join(lines)\n\n\n"
            "def predict(head, features, tuned, maps):\n    return feature_maps.probabilities(tuned, maps)\n"
        },
    ),
    Answer(
        "text: words in quotation marks",
        {
            "submission": "def submission_text(ids, breeds, probs):\n"
            "    text = io.StringIO(newline='')\n"
            "    table = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)\n"
            "    table.writerow(['id', *breeds])\n"
            "    table.writerows([i, *map(float, row)] for i, row in zip(ids, probs))\n"
            "    return text.getvalue()\n\n\n"
            "def predict(head, features, tuned, maps):\n    return feature_maps.probabilities(head, *features)\n"
        },
    ),
    Answer("submission: as Excel writes it", {}, files={FILE_NAME: as_excel_writes}),
    Answer("submission: rows in another order", {}, files={FILE_NAME: rows_reversed}),
    Answer("submission: five digits", {}, files={FILE_NAME: few_digits}),
    Answer("submission: everything in quotation marks", {}, files={FILE_NAME: quoted}),
    Answer(
        "without the networks, with the submission",
        {},
        artifacts={"dogs-head": None, "dogs-head-final": None, "dogs-fine-tuned": None},
    ),
]
