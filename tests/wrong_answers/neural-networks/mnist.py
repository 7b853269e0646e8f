"""Wrong answers to neural-networks/mnist and what each must lose."""

from tests.support.answers import Answer

_FUNCTIONS = """def init_params(nx, nh, ny, seed=0):
    rng = np.random.default_rng(seed)
    spread = {spread}
    return {{"Wh": rng.normal(0, spread, (nh, nx)), "bh": np.zeros(nh), "Wy": rng.normal(0, spread, (ny, nh)),
            "by": np.zeros(ny)}}

def forward(params, X):
    htilde = X @ params["Wh"].T + params["bh"]
    h = {h}
    ytilde = h @ params["Wy"].T + params["by"]
    e = np.exp(ytilde - {shift})
    yhat = e / e.sum(axis=1, keepdims=True)
    return yhat, {{"X": X, "htilde": htilde, "h": h, "ytilde": ytilde, "yhat": yhat}}

def loss_accuracy(Yhat, Y):
    return {loss}, (Yhat.argmax(1) == Y.argmax(1)).mean()

def backward(params, outputs, Y):
    X, h, htilde, yhat = (outputs[k] for k in ("X", "h", "htilde", "yhat"))
    G = {G}
    D = (G @ params["Wy"]) * ({slope})
    return {{"Wh": D.T @ X, "bh": D.sum(axis=0), "Wy": G.T @ h, "by": G.sum(axis=0)}}

def sgd(params, grads, eta):
    return {{k: v - eta * grads[k] for k, v in params.items()}}

def minibatches(X, Y, batch_size{size}, rng{rng}):
    o = rng.permutation(len(X))
    return [(X[o[s : s + batch_size]], {Y}) for s in range(0, len(X), batch_size)]

def train_epoch(params, batches, eta):
    for X, Y in batches:
        params = sgd(params, backward(params, forward(params, X)[1], Y), eta){end}
"""


def functions(
    before="",
    spread="0.3",
    h="np.tanh(htilde)",
    shift="ytilde.max(axis=1, keepdims=True)",
    loss="-special.xlogy(Y, Yhat).sum(axis=1).mean()",
    G="(yhat - Y) / len(Y)",
    slope="1 - h**2",
    size="",
    rng="",
    Y="Y[o[s : s + batch_size]]",
    end="\n    return params",
):
    text = _FUNCTIONS.format(
        spread=spread, h=h, shift=shift, loss=loss, G=G, slope=slope, size=size, rng=rng, Y=Y, end=end
    )
    return {"functions": before + text}


def inputs(formula):
    return {"to_inputs": f"def to_inputs(images):\n    return {formula}\n"}


def targets(body):
    return {"one_hot": f"def one_hot(labels, ny):\n    {body}\n"}


def scaled(Wh="1 / np.sqrt(nx)", Wy="1 / np.sqrt(nh)", bh="np.zeros(nh)", draw="normal(0, {}, ({}))"):
    first, second = draw.format(Wh, "nh, nx"), draw.format(Wy, "ny, nh")
    return {
        "init_scaled": "def init_scaled(nx, nh, ny, seed=0):\n    rng = np.random.default_rng(seed)\n"
        f"    return {{'Wh': rng.{first}, 'bh': {bh}, 'Wy': rng.{second}, 'by': np.zeros(ny)}}\n"
    }


def share(formula):
    return {
        "saturated": f"def saturated(params, X):\n    Yhat, outputs = forward(params, X)\n    h = outputs['h']\n"
        f"    return {formula}\n"
    }


def mistakes(body):
    return {
        "surest_mistakes": "def surest_mistakes(Yhat, labels, count):\n"
        "    said, sure = Yhat.argmax(axis=1), Yhat.max(axis=1)\n"
        f"    wrong = np.flatnonzero(said != labels)\n    {body}\n"
    }


def table(body):
    return {
        "confusions": "def confusions(Yhat, labels, ny):\n    said = Yhat.argmax(axis=1)\n"
        f"    counts = np.zeros((ny, ny), dtype=int)\n    {body}\n    return counts\n"
    }


VISIBLE, HIDDEN = ("test_functions_visible",), ("test_functions_hidden",)
INPUTS = ("test_to_inputs_visible", "test_to_inputs_hidden")
TARGETS = ("test_one_hot_visible", "test_one_hot_hidden")
SCALED = ("test_init_scaled_visible", "test_init_scaled_hidden")
SURE = ("test_surest_mistakes_visible", "test_surest_mistakes_hidden")

ANSWERS = [
    # Functions that are not those of Circles any more
    Answer("a default that is a size", functions(size="=100", rng="=None"), VISIBLE),
    Answer(
        "the number of inputs in a global name",
        functions(before="n = 784\n", spread="0.3 * nx / n if nx == n else 0.3"),
        VISIBLE,
    ),
    Answer("28 * 28", functions(h="np.tanh(htilde / (28 if X.shape[1] == 28 * 28 else 1))"), VISIBLE),
    Answer("scales pixels in forward", functions(h="np.tanh(htilde / (255 if X.max() > 200 else 1))"), VISIBLE),
    Answer(
        "tanh of PyTorch", functions(before="import torch\n", h="torch.tanh(torch.tensor(htilde)).numpy()"), VISIBLE
    ),
    Answer(
        "the loss of scikit-learn",
        functions(
            before="from sklearn.metrics import log_loss\n",
            loss="log_loss(Y.argmax(1), Yhat, labels=range(Y.shape[1])) "
            "if (Y.max(axis=1) == 1).all() else -special.xlogy(Y, Yhat).sum(1).mean()",
        ),
        VISIBLE,
    ),
    Answer("1/N missing", functions(G="yhat - Y"), VISIBLE + HIDDEN),
    Answer("divides by the batch size of the digits", functions(G="(yhat - Y) / 100"), VISIBLE + HIDDEN),
    Answer("1 - tanh(h)^2", functions(slope="1 - np.tanh(h)**2"), VISIBLE + HIDDEN),
    Answer("sum instead of mean", functions(loss="-special.xlogy(Y, Yhat).sum()"), HIDDEN),
    Answer("no shift in softmax", functions(shift="0"), HIDDEN),
    Answer("X shuffled, Y not", functions(Y="Y[s : s + batch_size]"), HIDDEN),
    Answer("return inside the loop", functions(end="\n        return params"), VISIBLE + HIDDEN),
    Answer("the new start already", functions(spread="1 / np.sqrt(nx)"), HIDDEN),
    # to_inputs
    Answer("pixels from 0 to 255", inputs("images.reshape(len(images), -1).astype(float)"), INPUTS),
    Answer("float32", inputs("(images.reshape(len(images), -1) / 255).astype(np.float32)"), INPUTS),
    Answer("a column for each picture", inputs("images.reshape(len(images), -1).T / 255"), INPUTS),
    Answer(
        "rows and columns exchanged", inputs("images[:, 0].transpose(0, 2, 1).reshape(len(images), -1) / 255"), INPUTS
    ),
    Answer("whole numbers", inputs("(images.reshape(len(images), -1) // 255).astype(float)"), INPUTS),
    Answer("the axis of channels stays", inputs("images.reshape(len(images), 1, -1) / 255"), INPUTS),
    Answer("28 and 28 are written in", inputs("images.reshape(-1, 784) / 255"), ("test_to_inputs_hidden",)),
    Answer("by the brightest pixel", inputs("images.reshape(len(images), -1) / images.max()"), INPUTS),
    Answer("from -1 to 1", inputs("images.reshape(len(images), -1) / 127.5 - 1"), INPUTS),
    Answer(
        "each picture by its own brightest pixel",
        inputs("(lambda r: r / r.max(axis=1, keepdims=True))(images.reshape(len(images), -1))"),
        INPUTS,
    ),
    # one_hot
    Answer("as wide as the largest label", targets("return np.eye(labels.max() + 1)[labels]"), TARGETS),
    Answer("transposed", targets("return np.eye(ny)[:, labels]"), TARGETS),
    Answer(
        "classes that occur, numbered anew",
        targets("return np.eye(ny)[np.unique(labels, return_inverse=True)[1]]"),
        TARGETS,
    ),
    Answer("counted from 1", targets("return np.eye(ny)[labels - 1]"), TARGETS),
    Answer("labels as they are", targets("return labels"), TARGETS),
    Answer("ten classes", targets("return np.eye(10)[labels]"), TARGETS),
    # init_scaled
    Answer("0.3 again", scaled("0.3", "0.3"), SCALED),
    Answer("1/n", scaled("1 / nx", "1 / nh"), SCALED),
    Answer("1/sqrt(nh) for both", scaled("1 / np.sqrt(nh)"), SCALED),
    Answer("1/sqrt(nx) for both", scaled(Wy="1 / np.sqrt(nx)"), SCALED),
    Answer("1/sqrt(ny) for the output layer", scaled(Wy="1 / np.sqrt(ny)"), SCALED),
    Answer("by the number of units", scaled("1 / np.sqrt(nh)", "1 / np.sqrt(ny)"), SCALED),
    Answer("sqrt(2/n)", scaled("np.sqrt(2 / nx)", "np.sqrt(2 / nh)"), SCALED),
    Answer("inputs and outputs", scaled("np.sqrt(2 / (nx + nh))", "np.sqrt(2 / (nh + ny))"), SCALED),
    Answer("uniform", scaled(draw="uniform(-{0}, {0}, ({1}))"), SCALED),
    Answer(
        "uniform, with the right spread",
        scaled("np.sqrt(3 / nx)", "np.sqrt(3 / nh)", draw="uniform(-{0}, {0}, ({1}))"),
        ("test_init_scaled_hidden",),
    ),
    Answer("biases drawn too", scaled(bh="rng.normal(size=nh)"), ("test_init_scaled_visible",)),
    Answer("variance", scaled("nx**-0.25", "nh**-0.25"), SCALED),
    Answer(
        "no seed",
        {"init_scaled": scaled()["init_scaled"].replace("default_rng(seed)", "default_rng()")},
        ("test_init_scaled_hidden",),
    ),
    # saturated
    *[
        Answer(why, share(formula), ("test_saturated_visible",))
        for why, formula in (
            ("no absolute value", "(h > 0.99).mean()"),
            ("before the activation", "(np.abs(outputs['htilde']) > 0.99).mean()"),
            ("a count", "int((np.abs(h) > 0.99).sum())"),
            ("per cent", "100 * (np.abs(h) > 0.99).mean()"),
            ("units that are ever saturated", "(np.abs(h) > 0.99).any(axis=0).mean()"),
            ("all examples of a unit", "(np.abs(h) > 0.99).all(axis=0).mean()"),
            ("outputs of the network", "(Yhat > 0.99).mean()"),
            ("tanh once more", "(np.abs(np.tanh(h)) > 0.99).mean()"),
            ("divides by the examples", "(np.abs(h) > 0.99).sum() / len(X)"),
            ("one number for each unit", "(np.abs(h) > 0.99).mean(axis=0)"),
        )
    ],
    # surest_mistakes
    Answer("the least sure first", mistakes("return wrong[np.argsort(sure[wrong], kind='stable')][:count]"), SURE),
    Answer("places among the mistakes", mistakes("return np.argsort(-sure[wrong], kind='stable')[:count]"), SURE),
    Answer("right ones too", mistakes("return np.argsort(-sure, kind='stable')[:count]"), SURE),
    Answer("not sorted", mistakes("return wrong[:count]"), SURE),
    Answer("ties turned round", mistakes("return wrong[np.argsort(sure[wrong], kind='stable')[::-1]][:count]"), SURE),
    Answer(
        "by what the right class got",
        mistakes("return wrong[np.argsort(Yhat[wrong, labels[wrong]], kind='stable')][:count]"),
        SURE,
    ),
    Answer("all of them", mistakes("return wrong[np.argsort(-sure[wrong], kind='stable')]"), SURE),
    Answer("probabilities", mistakes("return np.sort(sure[wrong])[::-1][:count]"), SURE),
    Answer(
        "cut before it is sorted",
        mistakes("w = wrong[:count]\n    return w[np.argsort(-sure[w], kind='stable')]"),
        ("test_surest_mistakes_hidden",),
    ),
    # confusions
    *[
        Answer(why, table(body), ("test_confusions_visible",))
        for why, body in (
            ("rows and columns exchanged", "np.add.at(counts, (said, labels), 1)"),
            ("adds once for each pair", "counts[labels, said] += 1"),
            ("mistakes only", "wrong = said != labels\n    np.add.at(counts, (labels[wrong], said[wrong]), 1)"),
            ("shares", "np.add.at(counts, (labels, said), 1)\n    counts = counts / len(labels)"),
            (
                "as many classes as occur",
                "top = labels.max()\n    counts = np.zeros((top + 1, top + 1), int)\n"
                "    np.add.at(counts, (labels, said.clip(max=top)), 1)",
            ),
            ("floats", "np.add.at(counts, (labels, said), 1)\n    counts = counts.astype(float)"),
            ("probabilities added up", "counts = np.eye(ny)[labels].T @ Yhat"),
        )
    ],
]
