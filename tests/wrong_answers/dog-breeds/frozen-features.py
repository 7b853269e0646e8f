"""Wrong answers to dog-breeds/frozen-features and what each must lose."""

from tests.support.answers import Answer

SPLIT = ("test_split_breeds_visible", "test_split_breeds_hidden")
LOSS = ("test_log_loss_visible", "test_log_loss_hidden")
FEATURES = ("test_extract_features_visible", "test_extract_features_hidden")
CONFUSED = ("test_most_confused_visible", "test_most_confused_hidden")

SPLIT_BY_BREED = """def split_breeds(breeds, share, seed):
    rng = np.random.default_rng({seed})
    breeds = np.asarray(breeds)
    train, validation = [], []
    for breed in np.unique(breeds):
        own = {order}
        count = {count}
        validation.append(own[:count])
        train.append(own[{start}:])
    return np.concatenate(train), np.concatenate(validation)
"""
LOG_LOSS = """def log_loss(probs, labels):
    {first}
    true = probs[np.arange(len(labels)), labels]
    {then}
    return {value}
"""
FEATURE_CODE = """def extract_features(body, batches):
    {mode}
    with torch.no_grad():
        {returned}
"""
CAT = "return torch.cat([body(pictures).{} for pictures in batches])"
CONFUSED_CODE = """def most_confused(probs, labels, breeds, count):
    counts = np.zeros((len(breeds), len(breeds)), dtype=int)
    np.add.at(counts, (labels, probs.argmax(axis=1)), 1)
    both = {both}
    pairs = [(breeds[i], breeds[j], int(both[i, j])) for i, j in {where}]
    return sorted(pairs, key={key})[:count]
"""


def split(
    why,
    loses=SPLIT,
    seed="seed",
    order="rng.permutation(np.flatnonzero(breeds == breed))",
    count=None,
    start="count",
    before="",
):
    count = count or "min(max(round(share * len(own)), 1), len(own) - 1)"
    return Answer(
        f"split: {why}",
        {"split_breeds": before + SPLIT_BY_BREED.format(seed=seed, order=order, count=count, start=start)},
        loses,
    )


def loss(
    why,
    loses=LOSS,
    first="probs = probs / probs.sum(axis=1, keepdims=True)",
    then="true = np.clip(true, 1e-15, 1 - 1e-15)",
    value="float(-np.log(true).mean())",
):
    return Answer(f"log loss: {why}", {"log_loss": LOG_LOSS.format(first=first, then=then, value=value)}, loses)


def features(why, loses=FEATURES, mode="body.eval()", returned=None):
    returned = returned or CAT.format("mean((2, 3))")
    return Answer(f"features: {why}", {"extract_features": FEATURE_CODE.format(mode=mode, returned=returned)}, loses)


def confused(why, loses=CONFUSED, both="counts + counts.T", where=None, key="lambda p: (-p[2], p[0], p[1])"):
    where = where or "np.argwhere(np.triu(both, 1))"
    return Answer(f"confusions: {why}", {"most_confused": CONFUSED_CODE.format(both=both, where=where, key=key)}, loses)


ANSWERS = [
    split("nothing for validation", count="0"),
    split("validation pictures are in training too", start="0"),
    split("loses a picture of each breed", start="count + 1"),
    split("parts have changed places", count="len(own) - min(max(round(share * len(own)), 1), len(own) - 1)"),
    split("the first ones, not random ones", SPLIT[1:], order="np.flatnonzero(breeds == breed)"),
    split("one more than asked for", count="min(int(share * len(own)) + 1, len(own) - 1)"),
    split("the same for every seed", SPLIT[1:], seed="0"),
    split(
        "another one each time",
        seed="[seed, next(CALLS)]",
        before="import itertools\n\nCALLS = itertools.count()\n\n\n",
    ),
    Answer(
        "split: the breeds in the order of a set",
        {
            "split_breeds": SPLIT_BY_BREED.replace("np.unique(breeds)", "set(breeds.tolist())").format(
                seed="seed",
                order="rng.permutation(np.flatnonzero(breeds == breed))",
                count="min(max(round(share * len(own)), 1), len(own) - 1)",
                start="count",
            )
        },
        SPLIT[1:],
    ),
    Answer(
        "split: returns lists",
        {
            "split_breeds": "def split_breeds(breeds, share, seed):\n"
            "    return list(range(8)), list(range(8, len(breeds)))\n"
        },
        SPLIT,
    ),
    Answer(
        "split: a table of the visible case",
        {"split_breeds": "def split_breeds(breeds, share, seed):\n    return np.arange(8), np.arange(8, 12)\n"},
        SPLIT,
    ),
    Answer(
        "split: by chance alone",
        {
            "split_breeds": "def split_breeds(breeds, share, seed):\n"
            "    order = np.random.default_rng(seed).permutation(len(breeds))\n"
            "    count = round(share * len(breeds))\n"
            "    return order[count:], order[:count]\n"
        },
        SPLIT[1:],
    ),
    loss("not divided by the sum", LOSS[1:], first="pass"),
    loss("not clipped", LOSS[1:], then="pass"),
    loss("clipped at 1e-7", LOSS[1:], then="true = np.clip(true, 1e-7, 1 - 1e-7)"),
    loss(
        "clips before it divides",
        LOSS[1:],
        first="probs = np.maximum(probs, 1e-15)\n    probs = probs / probs.sum(1, keepdims=True)",
    ),
    loss("divides by the sum of everything", first="probs = probs / probs.sum()"),
    loss("changes its argument", LOSS[1:], first="probs /= probs.sum(axis=1, keepdims=True)"),
    loss("the sum", value="float(-np.log(true).sum())"),
    loss("without the sign", value="float(np.log(true).mean())"),
    loss("base 2", value="float(-np.log2(true).mean())"),
    loss(
        "torch's for log-probabilities",
        LOSS,
        value="F.nll_loss(torch.tensor(np.log(np.clip(probs, 1e-15, 1 - 1e-15))), torch.tensor(labels)).item()",
    ),
    loss(
        "torch's divergence",
        LOSS,
        value="F.kl_div(torch.tensor(np.log(true)), torch.ones(len(true)).double(), reduction='mean').item()",
    ),
    loss(
        "torch's for two classes",
        LOSS,
        value="F.binary_cross_entropy(torch.tensor(true), torch.ones(len(true)).double()).item()",
    ),
    Answer(
        "log loss: of SciPy",
        {
            "log_loss": "from scipy.special import rel_entr\n\n\ndef log_loss(probs, labels):\n"
            "    probs = np.clip(probs / probs.sum(1, keepdims=True), 1e-15, 1 - 1e-15)\n"
            "    return float(rel_entr(np.ones(len(labels)), probs[np.arange(len(labels)), labels]).mean())\n"
        },
        LOSS,
    ),
    loss("scikit-learn's", LOSS, first="return sklearn_log_loss(labels, probs, labels=np.arange(probs.shape[1]))"),
    Answer(
        "features: gradients are switched off for good",
        {
            "extract_features": "def extract_features(body, batches):\n    body.eval()\n"
            "    torch.set_grad_enabled(False)\n"
            "    return torch.cat([body(x).mean((2, 3)) for x in batches])\n"
        },
        FEATURES[1:],
    ),
    features("the body can't be trained any more", FEATURES[1:], mode="body.eval().requires_grad_(False)"),
    features("in training mode", FEATURES[1:], mode="body.train()"),
    features("in the mode in which it comes", FEATURES[1:], mode="pass"),
    features("largest instead of mean", returned=CAT.format("amax((2, 3))")),
    features("not pooled", returned=CAT.format("flatten(1)")),
    features("pooled over the channels", returned=CAT.format("mean((1, 2))")),
    features(
        "only the last batch",
        returned="for pictures in batches:\n            found = body(pictures).mean((2, 3))\n        return found",
    ),
    features("a list of batches", returned="return [body(pictures).mean((2, 3)) for pictures in batches]"),
    Answer(
        "features: with gradients",
        {
            "extract_features": "def extract_features(body, batches):\n    body.eval()\n"
            "    return torch.cat([body(pictures).mean((2, 3)) for pictures in batches])\n"
        },
        FEATURES[:1],
    ),
    features(
        "batches by number",
        returned="return torch.cat([body(batches[i]).mean((2, 3)) for i in range(len(batches))])",
    ),
    confused("one direction", both="counts"),
    confused(
        "each direction on its own", both="counts * (1 - np.eye(len(breeds), dtype=int))", where="np.argwhere(both)"
    ),
    confused("right ones count as well", where="np.argwhere(np.triu(both))"),
    confused("lowest first", key="lambda p: (p[2], p[0], p[1])"),
    confused("ties the other way round", CONFUSED[1:], key="lambda p: (p[2], p[0], p[1]), reverse=True"),
    confused("pairs without a confusion too", where="zip(*np.triu_indices(len(breeds), 1))"),
    confused("least probable breed", both="counts", where="[(i, j) for i, j in np.argwhere(both.T) if i < j]"),
    Answer(
        "confusions: breeds without pictures left out of the matrix",
        {
            "most_confused": "def most_confused(probs, labels, breeds, count):\n"
            "    counts = confusion_matrix(labels, probs.argmax(axis=1))\n"
            "    both = counts + counts.T\n"
            "    pairs = [(breeds[i], breeds[j], int(both[i, j])) for i, j in np.argwhere(np.triu(both, 1))]\n"
            "    return sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))[:count]\n"
        },
        CONFUSED[1:],
    ),
    Answer(
        "log loss: a table of the visible cases",
        {
            "log_loss": "def log_loss(probs, labels):\n"
            "    known = {2: -np.log(0.3) / 2, 7: np.log(120), 40: 1.850562573376412}\n"
            "    return known.get(len(labels), 0.0)\n"
        },
        LOSS,
    ),
    Answer(
        "features: a table of the visible cases",
        {
            "extract_features": "def extract_features(body, batches):\n"
            "    count = sum(len(part) for part in batches)\n"
            "    number = torch.arange(7.0)\n"
            "    if count == 7:\n"
            "        return torch.stack([number, 200 * number], dim=1)\n"
            "    return torch.tensor([[3.5, 11.5, 19.5], [4.5, 12.5, 20.5]])\n"
        },
        FEATURES,
    ),
    Answer(
        "confusions: a table of the visible cases",
        {
            "most_confused": "def most_confused(probs, labels, breeds, count):\n"
            "    return [('beagle', 'boxer', 2), ('boxer', 'pug', 1)][:count]\n"
        },
        CONFUSED,
    ),
]
