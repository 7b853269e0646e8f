"""Wrong answers to neural-networks/from-scratch and what each must lose."""

from tests.support.answers import Answer

# The usual mistakes with the forward pass, the loss and the gradients have stand-alone names here; each is an answer.

_INIT = """def init_params(nx, nh, ny, seed=0):
    rng = np.random.default_rng(seed)
    return {{"Wh": {Wh}, "bh": {bh}, "Wy": {Wy}, "by": {by}}}
"""
_FORWARD = """def forward(params, X):
    htilde = {htilde}
    h = {h}
    ytilde = {ytilde}
    {yhat}
    return yhat, {{"X": X, "htilde": htilde, "h": h, "ytilde": ytilde, "yhat": yhat}}
"""
_BACKWARD = """def backward(params, outputs, Y):
    X, h, htilde, yhat, Wy = *(outputs[k] for k in ("X", "h", "htilde", "yhat")), params["Wy"]
    G = {G}
    D = {D}
    return {{"Wh": {Wh}, "bh": {bh}, "Wy": {Wy}, "by": {by}}}
"""
_DIFFERENCES = """def backward(params, outputs, Y):
    grads = {{}}
    for name, value in params.items():
        grads[name] = np.zeros(value.shape)
        for at in np.ndindex(value.shape):
            losses = []
            for step in (1e-5, -1e-5):
                moved = value.copy()
                moved[at] += step
                p = params | {{name: moved}}
                losses.append({loss})
            grads[name][at] = (losses[0] - losses[1]) / 2e-5
    return grads
"""


def init(Wh="rng.normal(0, 0.3, (nh, nx))", bh="np.zeros(nh)", Wy="rng.normal(0, 0.3, (ny, nh))", by="np.zeros(ny)"):
    return {"init_params": _INIT.format(Wh=Wh, bh=bh, Wy=Wy, by=by)}


def forward(
    htilde="X @ params['Wh'].T + params['bh']",
    h="np.tanh(htilde)",
    ytilde="h @ params['Wy'].T + params['by']",
    yhat="e = np.exp(ytilde - ytilde.max(axis=1, keepdims=True))\n    yhat = e / e.sum(axis=1, keepdims=True)",
):
    return {"forward": _FORWARD.format(htilde=htilde, h=h, ytilde=ytilde, yhat=yhat)}


def measured(loss="-special.xlogy(Y, Yhat).sum(axis=1).mean()", hits="(Yhat.argmax(1) == Y.argmax(1)).mean()"):
    return {"loss_accuracy": f"def loss_accuracy(Yhat, Y):\n    return {loss}, {hits}\n"}


def backward(
    G="(yhat - Y) / len(Y)",
    D="(G @ Wy) * (1 - h**2)",
    Wh="D.T @ X",
    bh="D.sum(axis=0)",
    Wy="G.T @ h",
    by="G.sum(axis=0)",
):
    return {"backward": _BACKWARD.format(G=G, D=D, Wh=Wh, bh=bh, Wy=Wy, by=by)}


def slope(text):
    return backward(D=f"(G @ Wy) * ({text})")


def epoch(body, end=""):
    return {"train_epoch": f"def train_epoch(params, batches, eta):\n{body}{end}"}


def autograd(
    loss="F.cross_entropy(logits, torch.from_numpy(Y))",
    update=None,
    back="    return {k: v.detach().numpy() for k, v in leaves.items()}\n",
):
    update = update or (
        "        with torch.no_grad():\n            for leaf in leaves.values():\n"
        "                leaf -= eta * leaf.grad\n                leaf.grad = None\n"
    )
    return {
        "epoch_autograd": "def epoch_autograd(params, batches, eta):\n"
        "    leaves = {k: torch.tensor(v, requires_grad=True) for k, v in params.items()}\n"
        "    for X, Y in batches:\n"
        "        h = torch.tanh(torch.from_numpy(X) @ leaves['Wh'].T + leaves['bh'])\n"
        "        logits = h @ leaves['Wy'].T + leaves['by']\n"
        f"        {loss}.backward()\n{update}{back}"
    }


def with_nn(body):
    return {"epoch_nn": "def epoch_nn(model, batches, eta):\n    for X, Y in batches:\n" + body}


def with_optim(body):
    return {"epoch_optim": "def epoch_optim(model, batches, optimizer):\n    for X, Y in batches:\n" + body}


def model(layers):
    return {"make_model": f"def make_model(nx, nh, ny):\n    return nn.Sequential({layers}).double()\n"}


def batches(body):
    return {"minibatches": "def minibatches(X, Y, batch_size, rng):\n" + body}


T_BACK = ("test_backward_visible", "test_backward_hidden")
T_LEARNS = (*T_BACK, "test_learns_hidden")
T_SHAPES = (*T_LEARNS, "test_train_epoch_visible")
T_FORWARD = ("test_forward_visible", "test_forward_hidden")
T_NUMERIC = ("test_numerical_gradients_visible", "test_numerical_gradients_hidden")
T_LOSS = ("test_loss_accuracy_visible", "test_loss_accuracy_hidden")
T_SGD = ("test_sgd_visible", "test_sgd_hidden")
T_AUTOGRAD = ("test_epoch_autograd_visible", "test_epoch_autograd_hidden")
T_BATCHES = ("test_minibatches_visible", "test_minibatches_hidden")
T_NN = ("test_epoch_nn_visible", "test_epoch_nn_hidden")
T_OPTIM = ("test_epoch_optim_visible", "test_epoch_optim_hidden")
T_INIT = ("test_init_params_visible", "test_init_params_hidden")

# Mistakes with backpropagation. Many of them train as well as the right gradient: these lose no more than its tests.
_GRADIENTS = {
    "1/N missing": (backward(G="yhat - Y"), T_BACK),
    "1/N twice": (backward(Wh="D.T @ X / len(X)", bh="D.mean(0)", Wy="G.T @ h / len(X)", by="G.mean(0)"), T_BACK),
    "1/N on the weights, not on the biases": (backward(bh="D.sum(0) * len(Y)", by="G.sum(0) * len(Y)"), T_BACK),
    "mean over all entries": (backward(G="(yhat - Y) / Y.size"), T_BACK),
    "divides by the data set": (backward(G="(yhat - Y) / 200"), T_BACK),
    "1 - htilde^2": (slope("1 - htilde**2"), T_BACK),
    "1 - tanh(h)^2": (slope("1 - np.tanh(h)**2"), T_BACK),
    "(1 - h)^2": (slope("(1 - h)**2"), T_LEARNS),
    "1 - h": (slope("1 - h"), T_LEARNS),
    "the slope of the sigmoid": (slope("h * (1 - h)"), T_BACK),
    "the slope of the ReLU": (slope("h > 0"), T_LEARNS),
    "1 + h^2": (slope("1 + h**2"), T_LEARNS),
    "1/cosh": (slope("1 / np.cosh(htilde)"), T_BACK),
    "the slope left out": (slope("1"), T_LEARNS),
    "y - yhat": (backward(G="(Y - yhat) / len(Y)"), T_LEARNS),
    "twice the difference": (backward(G="2 * (yhat - Y) / len(Y)"), T_BACK),
    "squared error with the Jacobian": (
        backward(G="2 * yhat * ((yhat - Y) - ((yhat - Y) * yhat).sum(1, keepdims=True)) / len(Y)"), T_BACK,
    ),
    "-y/yhat by the logits": (backward(G="-Y / yhat / len(Y)"), T_LEARNS),
    "times yhat (1 - yhat)": (backward(G="(yhat - Y) * yhat * (1 - yhat) / len(Y)"), T_BACK),
    "the targets forgotten": (backward(G="yhat / len(Y)"), T_LEARNS),
    "softmax twice": (
        backward(
            G="(lambda d: yhat * (d - (d * yhat).sum(1, keepdims=True)) / len(Y))(special.softmax(yhat, axis=1) - Y)"
        ), T_BACK,
    ),
    "htilde in dWy": (backward(Wy="G.T @ htilde"), T_LEARNS),
    "biases averaged": (backward(bh="D.mean(axis=0)", by="G.mean(axis=0)"), T_BACK),
    "biases without gradient": (backward(bh="np.zeros(D.shape[1])", by="np.zeros(G.shape[1])"), T_BACK),
    "by summed over everything": (backward(by="np.full(G.shape[1], G.sum())"), T_BACK),
    "bh one number for all units": (backward(bh="np.full(D.shape[1], D.sum())"), T_BACK),
    "biases of the first example": (backward(bh="D[0]", by="G[0]"), T_BACK),
    "bh not updated": (backward(bh="np.zeros(D.shape[1])"), T_BACK),
    "minus in the hidden layer": (backward(D="-(G @ Wy) * (1 - h**2)"), T_LEARNS),
    "hidden layer frozen": (backward(Wh="0 * params['Wh']", bh="0 * params['bh']"), T_LEARNS),
    "bh summed over the units": (backward(bh="D.sum(axis=1)"), (*T_BACK, "test_train_epoch_visible")),
    "Wy changed before the way back": (
        backward(G="(yhat - Y) / len(Y); Wy = Wy - 3 * G.T @ h"), T_BACK,
    ),
    "biases not summed": (backward(bh="D", by="G"), T_SHAPES),
    "biases as columns": (backward(bh="D.sum(0)[:, None]", by="G.sum(0)[:, None]"), T_SHAPES),
    "dWy transposed": (backward(Wy="h.T @ G"), T_SHAPES),
    "X instead of h": (backward(Wy="G.T @ X"), T_SHAPES),
    "Wh on the way back": (backward(D="(G @ params['Wh']) * (1 - h**2)"), T_SHAPES),
    "by autograd": (
        {
            "backward": "def backward(params, outputs, Y):\n"
            "    p = {k: torch.tensor(v, requires_grad=True) for k, v in params.items()}\n"
            "    h = torch.tanh(torch.tensor(outputs['X']) @ p['Wh'].T + p['bh'])\n"
            "    F.cross_entropy(h @ p['Wy'].T + p['by'], torch.tensor(Y)).backward()\n"
            "    return {k: v.grad.numpy() for k, v in p.items()}\n"
        },
        T_BACK,
    ),
    "by autograd, without the usual names": (
        {
            "backward": "def backward(params, outputs, Y):\n"
            "    p = {k: torch.as_tensor(v.copy()).requires_grad_() for k, v in params.items()}\n"
            "    h = torch.tanh(torch.as_tensor(outputs['X']) @ p['Wh'].T + p['bh'])\n"
            "    F.cross_entropy(h @ p['Wy'].T + p['by'], torch.as_tensor(Y)).backward()\n"
            "    return {k: v.grad.numpy() for k, v in p.items()}\n"
        },
        T_BACK,
    ),
    "by differences of the own loss": (
        {"backward": _DIFFERENCES.format(loss="loss_accuracy(forward(p, outputs['X'])[0], Y)[0]")}, T_BACK,
    ),
    "by differences of a loss that is written out": (
        {
            "backward": _DIFFERENCES.format(
                loss="-(Y * special.log_softmax(np.tanh(outputs['X'] @ p['Wh'].T + p['bh']) @ p['Wy'].T + p['by'], 1))"
                ".sum(1).mean()"
            )
        },
        T_BACK,
    ),
}  # fmt: skip

ANSWERS = [
    *[Answer(why, cells, loses) for why, (cells, loses) in _GRADIENTS.items()],
    # init_params
    Answer("all weights 0", init(Wh="np.zeros((nh, nx))", Wy="np.zeros((ny, nh))"), T_INIT),
    Answer(
        "all weights equal",
        init(Wh="np.full((nh, nx), 0.3)", Wy="np.full((ny, nh), 0.3)"),
        T_INIT,
    ),
    Answer(
        "variance 0.3",
        init(Wh="rng.normal(0, np.sqrt(0.3), (nh, nx))", Wy="rng.normal(0, np.sqrt(0.3), (ny, nh))"),
        ("test_init_params_hidden",),
    ),
    Answer(
        "uniform, with the standard deviation 0.3",
        init(Wh="rng.uniform(-1, 1, (nh, nx)) * 0.3 * 3**0.5", Wy="rng.uniform(-1, 1, (ny, nh)) * 0.3 * 3**0.5"),
        ("test_init_params_hidden",),
    ),
    Answer("weights transposed", init(Wh="rng.normal(0, 0.3, (nx, nh))", Wy="rng.normal(0, 0.3, (nh, ny))"), T_INIT),
    Answer(
        "biases as columns from the start",
        init(bh="np.zeros((nh, 1))", by="np.zeros((ny, 1))"),
        ("test_init_params_visible",),
    ),
    Answer("biases drawn too", init(bh="rng.normal(size=nh)", by="rng.normal(size=ny)"), ("test_init_params_visible",)),
    Answer(
        "the seed is not looked at",
        {"init_params": init()["init_params"].replace("default_rng(seed)", "default_rng(0)")},
        T_INIT,
    ),
    Answer(
        "another start at each call",
        {"init_params": init()["init_params"].replace("default_rng(seed)", "default_rng()")},
        T_INIT,
    ),
    # forward
    Answer(
        "bias forgotten",
        forward(htilde="X @ params['Wh'].T"),
        (*T_FORWARD, "test_numerical_gradients_hidden", "test_learns_hidden"),
    ),
    Answer("sigmoid", forward(h="1 / (1 + np.exp(-htilde))"), (*T_FORWARD, *T_NUMERIC, "test_learns_hidden")),
    Answer(
        "softmax over the examples",
        forward(yhat="yhat = special.softmax(ytilde, axis=0)"),
        (*T_FORWARD, *T_NUMERIC, "test_learns_hidden"),
    ),
    Answer(
        "softmax over everything",
        forward(yhat="e = np.exp(ytilde)\n    yhat = e / e.sum()"),
        (*T_FORWARD, "test_numerical_gradients_hidden", "test_learns_hidden"),
    ),
    Answer(
        "no exponential", forward(yhat="yhat = ytilde / ytilde.sum(axis=1, keepdims=True)"), (*T_FORWARD, *T_NUMERIC)
    ),
    Answer(
        "softmax without shift",
        forward(yhat="e = np.exp(ytilde)\n    yhat = e / e.sum(axis=1, keepdims=True)"),
        T_FORWARD,
    ),
    Answer(
        "shift by the maximum of the batch",
        forward(yhat="e = np.exp(ytilde - ytilde.max())\n    yhat = e / e.sum(axis=1, keepdims=True)"),
        T_FORWARD,
    ),
    Answer(
        "htilde instead of h in the second layer",
        forward(ytilde="htilde @ params['Wy'].T + params['by']"),
        (*T_FORWARD, "test_numerical_gradients_hidden", "test_learns_hidden"),
    ),
    Answer("softmax is SciPy's", forward(yhat="yhat = special.softmax(ytilde, axis=1)"), T_FORWARD),
    Answer(
        "exponentials of PyTorch",
        forward(
            yhat="e = torch.exp(torch.from_numpy(ytilde - ytilde.max(axis=1, keepdims=True))).numpy()\n"
            "    yhat = e / e.sum(axis=1, keepdims=True)"
        ),
        T_FORWARD,
    ),
    # loss_accuracy
    Answer("log2", measured("-(Y * np.log2(Yhat)).sum(1).mean()"), (*T_LOSS, *T_NUMERIC)),
    Answer("log10", measured("-(Y * np.log10(Yhat)).sum(1).mean()"), (*T_LOSS, *T_NUMERIC)),
    Answer("no minus", measured("special.xlogy(Y, Yhat).sum(1).mean()"), (*T_LOSS, *T_NUMERIC)),
    Answer(
        "sum instead of mean", measured("-special.xlogy(Y, Yhat).sum()"), (*T_LOSS, "test_numerical_gradients_hidden")
    ),
    Answer("mean over classes too", measured("-special.xlogy(Y, Yhat).mean()"), (*T_LOSS, *T_NUMERIC)),
    Answer("0 log 0", measured("-(Y * np.log(Yhat)).sum(1).mean()"), T_LOSS),
    Answer("equality of floats", measured(hits="(Yhat == Y).mean()"), T_LOSS),
    Answer("equality of rows", measured(hits="(Yhat == Y).all(axis=1).mean()"), T_LOSS),
    Answer("a count", measured(hits="(Yhat.argmax(1) == Y.argmax(1)).sum()"), T_LOSS),
    Answer("argmax over the examples", measured(hits="(Yhat.argmax(0) == Y.argmax(0)).mean()"), T_LOSS),
    # numerical_gradients
    Answer(
        "one-sided differences",
        {
            "numerical_gradients": "def numerical_gradients(params, X, Y, eps=1e-5):\n"
            "    L = lambda p: loss_accuracy(forward(p, X)[0], Y)[0]\n    grads = {}\n"
            "    for k, v in params.items():\n        grads[k] = np.zeros_like(v)\n"
            "        for at in np.ndindex(v.shape):\n            w = v.copy()\n            w[at] += eps\n"
            "            grads[k][at] = (L({**params, k: w}) - L(params)) / eps\n    return grads\n"
        },
        T_NUMERIC,
    ),
    Answer(
        "half the distance in the denominator",
        {
            "numerical_gradients": "def numerical_gradients(params, X, Y, eps=1e-5):\n"
            "    L = lambda p: loss_accuracy(forward(p, X)[0], Y)[0]\n    grads = {}\n"
            "    for k, v in params.items():\n        grads[k] = np.zeros_like(v)\n"
            "        for at in np.ndindex(v.shape):\n            up, down = v.copy(), v.copy()\n"
            "            up[at] += eps\n            down[at] -= eps\n"
            "            grads[k][at] = (L({**params, k: up}) - L({**params, k: down})) / eps\n    return grads\n"
        },
        T_NUMERIC,
    ),
    Answer(
        "entries are not moved back",
        {
            "numerical_gradients": "def numerical_gradients(params, X, Y, eps=1e-5):\n"
            "    L = lambda p: loss_accuracy(forward(p, X)[0], Y)[0]\n    grads = {}\n"
            "    for k, v in params.items():\n        grads[k] = np.zeros_like(v)\n"
            "        for at in np.ndindex(v.shape):\n            v[at] += eps\n            up = L(params)\n"
            "            v[at] -= 2 * eps\n            grads[k][at] = (up - L(params)) / (2 * eps)\n    return grads\n"
        },
        T_NUMERIC,
    ),
    Answer(
        "differences in float32",
        {
            "numerical_gradients": "def numerical_gradients(params, X, Y, eps=1e-5):\n"
            "    p = {k: v.astype(np.float32) for k, v in params.items()}\n"
            "    L = lambda p: np.float32(loss_accuracy(forward(p, X.astype(np.float32))[0], Y)[0])\n    grads = {}\n"
            "    for k, v in p.items():\n        grads[k] = np.zeros_like(v)\n"
            "        for at in np.ndindex(v.shape):\n            up, down = v.copy(), v.copy()\n"
            "            up[at] += eps\n            down[at] -= eps\n"
            "            grads[k][at] = (L({**p, k: up}) - L({**p, k: down})) / (2 * eps)\n    return grads\n"
        },
        T_NUMERIC,
    ),
    Answer(
        "the exact gradients in place of differences",
        {
            "numerical_gradients": "def numerical_gradients(params, X, Y, eps=1e-5):\n"
            "    o = forward(params, X)[1]\n    G = (o['yhat'] - Y) / len(Y)\n"
            "    D = G @ params['Wy'] * (1 - o['h'] ** 2)\n"
            "    return {'Wh': D.T @ X, 'bh': D.sum(0), 'Wy': G.T @ o['h'], 'by': G.sum(0)}\n"
        },
        ("test_numerical_gradients_hidden",),
    ),
    # sgd
    Answer(
        "up the slope",
        {"sgd": "def sgd(params, grads, eta):\n    return {k: v + eta * grads[k] for k, v in params.items()}\n"},
        (*T_SGD, "test_learns_hidden"),
    ),
    Answer(
        "biases never updated",
        {
            "sgd": "def sgd(params, grads, eta):\n"
            "    return {k: v - eta * grads[k] if k[0] == 'W' else v for k, v in params.items()}\n"
        },
        T_SGD,
    ),
    Answer(
        "weights only",
        {"sgd": "def sgd(params, grads, eta):\n    return {k: params[k] - eta * grads[k] for k in ('Wh', 'Wy')}\n"},
        (*T_SGD, "test_train_epoch_visible", "test_learns_hidden"),
    ),
    Answer(
        "sgd returns nothing",
        {"sgd": "def sgd(params, grads, eta):\n    for k in params:\n        params[k] = params[k] - eta * grads[k]\n"},
        (*T_SGD, "test_train_epoch_visible", "test_learns_hidden"),
    ),
    Answer(
        "sgd changes its argument",
        {
            "sgd": "def sgd(params, grads, eta):\n    for k in params:\n"
            "        params[k] -= eta * grads[k]\n    return params\n"
        },
        T_SGD,
    ),
    # minibatches
    Answer(
        "X shuffled, Y not",
        batches(
            "    o = rng.permutation(len(X))\n"
            "    return [(X[o[s:s + batch_size]], Y[s:s + batch_size]) for s in range(0, len(X), batch_size)]\n"
        ),
        (*T_BATCHES, "test_learns_hidden"),
    ),
    Answer(
        "never shuffled",
        batches("    return [(X[s:s + batch_size], Y[s:s + batch_size]) for s in range(0, len(X), batch_size)]\n"),
        T_BATCHES,
    ),
    Answer(
        "the same batch each time",
        batches("    o = rng.permutation(len(X))[:batch_size]\n    return [(X[o], Y[o])] * (len(X) // batch_size)\n"),
        T_BATCHES,
    ),
    Answer(
        "the last batch dropped",
        batches(
            "    o = rng.permutation(len(X))\n"
            "    return [(X[o[s:s + batch_size]], Y[o[s:s + batch_size]])\n"
            "            for s in range(0, len(X) - batch_size + 1, batch_size)]\n"
        ),
        T_BATCHES,
    ),
    Answer(
        "a seed inside",
        batches(
            "    o = np.random.default_rng(0).permutation(len(X))\n"
            "    return [(X[o[s:s + batch_size]], Y[o[s:s + batch_size]]) for s in range(0, len(X), batch_size)]\n"
        ),
        T_BATCHES,
    ),
    Answer(
        "batches by number instead of size",
        batches("    o = rng.permutation(len(X))\n    return [(X[p], Y[p]) for p in np.array_split(o, batch_size)]\n"),
        ("test_minibatches_visible",),
    ),
    # train_epoch
    Answer(
        "the result of sgd gets lost",
        epoch(
            "    for X, Y in batches:\n"
            "        sgd(params, backward(params, forward(params, X)[1], Y), eta)\n    return params\n"
        ),
        ("test_train_epoch_visible", "test_learns_hidden"),
    ),
    Answer(
        "return inside the loop",
        epoch(
            "    for X, Y in batches:\n        return sgd(params, backward(params, forward(params, X)[1], Y), eta)\n"
        ),
        ("test_train_epoch_visible", "test_learns_hidden"),
    ),
    Answer(
        "every batch starts anew",
        epoch(
            "    for X, Y in batches:\n"
            "        new = sgd(params, backward(params, forward(params, X)[1], Y), eta)\n    return new\n"
        ),
        ("test_train_epoch_visible",),
    ),
    Answer(
        "train_epoch returns nothing",
        epoch(
            "    for X, Y in batches:\n        params = sgd(params, backward(params, forward(params, X)[1], Y), eta)\n"
        ),
        ("test_train_epoch_visible", "test_learns_hidden"),
    ),
    Answer(
        "one rate for all",
        epoch(
            "    for X, Y in batches:\n        params = sgd(params, backward(params, forward(params, X)[1], Y), 0.3)\n"
            "    return params\n"
        ),
        ("test_train_epoch_visible",),
    ),
    Answer(
        "uphill in train_epoch",
        epoch(
            "    for X, Y in batches:\n        params = sgd(params, backward(params, forward(params, X)[1], Y), -eta)\n"
            "    return params\n"
        ),
        ("test_train_epoch_visible", "test_learns_hidden"),
    ),
    Answer(
        "all gradients at the first parameters",
        epoch(
            "    new = params\n    for X, Y in batches:\n"
            "        new = sgd(new, backward(params, forward(params, X)[1], Y), eta)\n    return new\n"
        ),
        ("test_train_epoch_visible", "test_learns_hidden"),
    ),
    Answer(
        "nothing is learned", epoch("    return dict(params)\n"), ("test_train_epoch_visible", "test_learns_hidden")
    ),
    # autograd
    Answer(
        "gradients never zeroed",
        autograd(
            update="        with torch.no_grad():\n            for v in leaves.values():\n"
            "                v -= eta * v.grad\n"
        ),
        T_AUTOGRAD,
    ),
    Answer(
        "zeroed between backward and step",
        autograd(
            update="        with torch.no_grad():\n            for v in leaves.values():\n"
            "                v.grad.zero_()\n                v -= eta * v.grad\n"
        ),
        T_AUTOGRAD,
    ),
    Answer(
        "update outside no_grad",
        autograd(
            update="        for v in leaves.values():\n            v -= eta * v.grad\n            v.grad.zero_()\n"
        ),
        T_AUTOGRAD,
    ),
    Answer(
        "a new tensor in place of the leaf",
        autograd(update="        for k, v in leaves.items():\n            leaves[k] = v - eta * v.grad\n"),
        T_AUTOGRAD,
    ),
    Answer(
        "softmax before cross_entropy",
        autograd(loss="F.cross_entropy(logits.softmax(1), torch.from_numpy(Y))"),
        T_AUTOGRAD,
    ),
    Answer(
        "the loss summed",
        autograd(loss="F.cross_entropy(logits, torch.from_numpy(Y), reduction='sum')"),
        T_AUTOGRAD,
    ),
    Answer("leaves returned", autograd(back="    return leaves\n"), T_AUTOGRAD),
    Answer(
        "the own formulas, in tensors",
        {
            "epoch_autograd": "def epoch_autograd(params, batches, eta):\n"
            "    p = {k: torch.tensor(v) for k, v in params.items()}\n"
            "    for X, Y in batches:\n"
            "        X, Y = torch.from_numpy(X), torch.from_numpy(Y)\n"
            "        h = torch.tanh(X @ p['Wh'].T + p['bh'])\n"
            "        G = (torch.softmax(h @ p['Wy'].T + p['by'], 1) - Y) / len(Y)\n"
            "        D = (G @ p['Wy']) * (1 - h**2)\n"
            "        slopes = {'Wh': D.T @ X, 'bh': D.sum(0), 'Wy': G.T @ h, 'by': G.sum(0)}\n"
            "        p = {k: v - eta * slopes[k] for k, v in p.items()}\n"
            "    return {k: v.numpy() for k, v in p.items()}\n"
        },
        T_AUTOGRAD,
    ),
    Answer(
        "autograd by calling train_epoch",
        {"epoch_autograd": "def epoch_autograd(params, batches, eta):\n    return train_epoch(params, batches, eta)\n"},
        T_AUTOGRAD,
    ),
    Answer(
        "autograd: a module of nn for the loss",
        autograd(loss="nn.CrossEntropyLoss()(logits, torch.from_numpy(Y))"),
        T_AUTOGRAD,
    ),
    Answer(
        "autograd: a module of nn for the activation",
        {
            "epoch_autograd": autograd()["epoch_autograd"].replace("torch.tanh(", "nn.Tanh()("),
        },
        T_AUTOGRAD,
    ),
    # make_model
    Answer(
        "softmax in the model",
        model("nn.Linear(nx, nh), nn.Tanh(), nn.Linear(nh, ny), nn.Softmax(1)"),
        ("test_make_model_hidden",),
    ),
    Answer("no activation", model("nn.Linear(nx, nh), nn.Linear(nh, ny)"), ("test_make_model_hidden",)),
    Answer("ReLU", model("nn.Linear(nx, nh), nn.ReLU(), nn.Linear(nh, ny)"), ("test_make_model_hidden",)),
    Answer(
        "no bias", model("nn.Linear(nx, nh), nn.Tanh(), nn.Linear(nh, ny, bias=False)"), ("test_make_model_hidden",)
    ),
    Answer(
        "float32",
        {
            "make_model": "def make_model(nx, nh, ny):\n"
            "    return nn.Sequential(nn.Linear(nx, nh), nn.Tanh(), nn.Linear(nh, ny))\n"
        },
        ("test_make_model_hidden",),
    ),
    # epoch_nn
    Answer(
        "nn: gradients never zeroed",
        with_nn(
            "        F.cross_entropy(model(X), Y).backward()\n        with torch.no_grad():\n"
            "            for p in model.parameters():\n                p -= eta * p.grad\n"
        ),
        T_NN,
    ),
    Answer(
        "nn: parameters replaced by new tensors",
        with_nn(
            "        model.zero_grad()\n        F.cross_entropy(model(X), Y).backward()\n"
            "        with torch.no_grad():\n"
            "            for p in model.parameters():\n                p = p - eta * p.grad\n"
        ),
        T_NN,
    ),
    Answer(
        "nn: softmax twice",
        with_nn(
            "        model.zero_grad()\n        F.cross_entropy(model(X).softmax(1), Y).backward()\n"
            "        with torch.no_grad():\n            for p in model.parameters():\n"
            "                p -= eta * p.grad\n"
        ),
        T_NN,
    ),
    Answer(
        "nn: with an optimiser",
        with_nn(
            "        o = torch.optim.SGD(model.parameters(), lr=eta)\n        o.zero_grad()\n"
            "        F.cross_entropy(model(X), Y).backward()\n        o.step()\n"
        ),
        T_NN,
    ),
    Answer(
        "nn: with an optimiser that takes the same steps",
        with_nn(
            "        o = torch.optim.ASGD(model.parameters(), lr=eta, lambd=0)\n        o.zero_grad()\n"
            "        F.cross_entropy(model(X), Y).backward()\n        o.step()\n"
        ),
        T_NN,
    ),
    Answer(
        "nn: the loss summed",
        with_nn(
            "        model.zero_grad()\n        F.cross_entropy(model(X), Y, reduction='sum').backward()\n"
            "        with torch.no_grad():\n            for p in model.parameters():\n"
            "                p -= eta * p.grad\n"
        ),
        T_NN,
    ),
    # epoch_optim
    Answer(
        "optim: no step",
        with_optim("        optimizer.zero_grad()\n        F.cross_entropy(model(X), Y).backward()\n"),
        T_OPTIM,
    ),
    Answer(
        "optim: gradients never zeroed",
        with_optim("        F.cross_entropy(model(X), Y).backward()\n        optimizer.step()\n"),
        T_OPTIM,
    ),
    Answer(
        "optim: zeroed between backward and step",
        with_optim(
            "        F.cross_entropy(model(X), Y).backward()\n        optimizer.zero_grad()\n        optimizer.step()\n"
        ),
        T_OPTIM,
    ),
    Answer(
        "optim: an optimiser of an older model",
        with_optim(
            "        import copy\n        model = copy.deepcopy(model)\n        model.zero_grad()\n"
            "        F.cross_entropy(model(X), Y).backward()\n        optimizer.step()\n"
        ),
        T_OPTIM,
    ),
    Answer(
        "optim: always plain SGD",
        with_optim(
            "        model.zero_grad()\n        F.cross_entropy(model(X), Y).backward()\n"
            "        torch.optim.SGD(model.parameters(), lr=optimizer.param_groups[0]['lr']).step()\n"
        ),
        T_OPTIM,
    ),
]
