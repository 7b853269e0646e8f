"""Right answers to dog-breeds/fine-tuning in other styles; what was trained is the reference's."""

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
            "copied": "def train_one_epoch(model, batches, optimizer):\n"
            "    raise RuntimeError('not while grading')\n\n\nagain = True",
            "tuning_plan": "def tuning_plan(source):\n    raise RuntimeError('not while grading')\n",
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
        "without the networks, with the submission", {}, artifacts={"dogs-head-final": None, "dogs-fine-tuned": None}
    ),
]
