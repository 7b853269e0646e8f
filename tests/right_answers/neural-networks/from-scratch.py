"""Right answers to neural-networks/from-scratch in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "loops, one example at a time",
        {
            "init_params": "def init_params(nx, nh, ny, seed=0):\n    r = np.random.RandomState(seed)\n"
            "    shapes = dict(Wh=(nh, nx), bh=nh, Wy=(ny, nh), by=ny)\n"
            "    return {k: 0.3 * r.standard_normal(s) * (k[0] == 'W') for k, s in shapes.items()}\n",
            "forward": "def forward(params, X):\n    rows = []\n    for x in X:\n"
            "        a = np.dot(params['Wh'], x) + params['bh']\n"
            "        b = np.dot(params['Wy'], np.tanh(a)) + params['by']\n"
            "        e = np.exp(b - max(b))\n        rows.append((x, a, np.tanh(a), b, e / sum(e)))\n"
            "    names = ('X', 'htilde', 'h', 'ytilde', 'yhat')\n"
            "    outputs = {k: np.array(v) for k, v in zip(names, zip(*rows))}\n    return outputs['yhat'], outputs\n",
            "loss_accuracy": "def loss_accuracy(Yhat, Y):\n    total, right = 0.0, 0\n    for p, t in zip(Yhat, Y):\n"
            "        total -= sum(b * np.log(a) for a, b in zip(p, t) if b > 0)\n"
            "        right += int(np.argmax(p) == np.argmax(t))\n    return total / len(Y), right / len(Y)\n",
            "backward": "def backward(params, outputs, Y):\n"
            "    grads = {k: np.zeros_like(v) for k, v in params.items()}\n"
            "    for x, h, p, t in zip(outputs['X'], outputs['h'], outputs['yhat'], Y):\n        g = (p - t) / len(Y)\n"
            "        d = params['Wy'].T @ g * (1 - h) * (1 + h)\n        grads['Wy'] += np.outer(g, h)\n"
            "        grads['by'] += g\n        grads['Wh'] += np.outer(d, x)\n        grads['bh'] += d\n"
            "    return grads\n",
            "numerical_gradients": "def numerical_gradients(params, X, Y, eps=1e-5):\n"
            "    p = {k: np.array(v, dtype=float) for k, v in params.items()}\n    grads = {}\n    for k in p:\n"
            "        flat, g = p[k].reshape(-1), np.empty(p[k].size)\n        for s in range(flat.size):\n"
            "            old = flat[s]\n            flat[s] = old + eps\n"
            "            up, _ = loss_accuracy(forward(p, X)[0], Y)\n"
            "            flat[s] = old - eps\n            down, _ = loss_accuracy(forward(p, X)[0], Y)\n"
            "            flat[s] = old\n            g[s] = (up - down) / (2 * eps)\n"
            "        grads[k] = g.reshape(p[k].shape)\n"
            "    return grads\n",
            "sgd": "def sgd(params, grads, eta):\n    new = {}\n    for k in ('by', 'Wy', 'bh', 'Wh'):\n"
            "        new[k] = params[k].copy()\n        new[k] -= eta * grads[k]\n    return new\n",
            "minibatches": "def minibatches(X, Y, batch_size, rng):\n    order = np.arange(len(X))\n"
            "    rng.shuffle(order)\n"
            "    while len(order):\n        now, order = order[:batch_size], order[batch_size:]\n"
            "        yield X[now], Y[now]\n",
        },
    ),
    Answer(
        "the slope from the pre-activations, gradients by einsum",
        {
            "backward": "def backward(params, outputs, Y):\n    n = Y.shape[0]\n    G = outputs['yhat'] - Y\n"
            "    D = np.einsum('ni,ij->nj', G, params['Wy']) / np.cosh(outputs['htilde']) ** 2\n"
            "    return {'Wh': np.einsum('nj,nk->jk', D, outputs['X']) / n, 'bh': D.mean(axis=0),\n"
            "            'Wy': np.einsum('ni,nj->ij', G, outputs['h']) / n, 'by': np.mean(G, axis=0)}\n",
            "loss_accuracy": "def loss_accuracy(Yhat, Y):\n    logs = np.log(np.where(Y > 0, Yhat, 1))\n"
            "    return -np.sum(Y * logs) / len(Y), np.mean(np.argmax(Yhat, 1) == np.argmax(Y, 1))\n",
            "sgd": "def sgd(params, grads, eta):\n    params = {k: v.copy() for k, v in params.items()}\n"
            "    for k in params:\n        params[k] -= eta * grads[k]\n    return params\n",
            "train_epoch": "def train_epoch(params, batches, eta):\n    for xs, ys in batches:\n"
            "        yhat, out = forward(params, xs)\n        grads = backward(params, out, ys)\n"
            "        params = sgd(params, grads, eta)\n    return params\n",
        },
    ),
    Answer(
        "PyTorch in other words",
        {
            "epoch_autograd": "def epoch_autograd(params, batches, eta):\n"
            "    Wh, bh, Wy, by = ws = [torch.from_numpy(params[k].copy()).requires_grad_() for k "
            "in ('Wh', 'bh', 'Wy', 'by')]\n"
            "    for X, Y in batches:\n        X, Y = torch.as_tensor(X), torch.as_tensor(Y)\n"
            "        logits = torch.tanh(X.matmul(Wh.t()) + bh).matmul(Wy.t()) + by\n"
            "        loss = -(Y * torch.log_softmax(logits, 1)).sum(1).mean()\n"
            "        grads = torch.autograd.grad(loss, ws)\n"
            "        for w, g in zip(ws, grads):\n            w.data -= eta * g\n"
            "    return dict(zip(('Wh', 'bh', 'Wy', 'by'), [w.detach().numpy() for w in ws]))\n",
            "make_model": "class Net(nn.Module):\n    def __init__(self, nx, nh, ny):\n        super().__init__()\n"
            "        self.hidden = nn.Linear(nx, nh, dtype=torch.float64)\n"
            "        self.out = nn.Linear(nh, ny, dtype=torch.float64)\n\n    def forward(self, x):\n"
            "        return self.out(torch.tanh(self.hidden(x)))\n\n\n"
            "def make_model(nx, nh, ny):\n    return Net(nx, nh, ny)\n",
            "epoch_nn": "def epoch_nn(model, batches, eta):\n    criterion = nn.CrossEntropyLoss()\n"
            "    for X, Y in batches:\n"
            "        loss = criterion(model(X), Y)\n        loss.backward()\n        with torch.no_grad():\n"
            "            for p in model.parameters():\n                p.add_(p.grad, alpha=-eta)\n"
            "                p.grad = None\n",
            "epoch_optim": "def epoch_optim(model, batches, optimizer):\n    loss_function = nn.CrossEntropyLoss()\n"
            "    for X, Y in batches:\n        loss = loss_function(model(X), Y)\n        loss.backward()\n"
            "        optimizer.step()\n        optimizer.zero_grad()\n",
        },
    ),
]
