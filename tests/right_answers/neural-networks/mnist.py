"""Right answers to neural-networks/mnist in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "with helpers, loops and small constants",
        {
            "functions": "def draw(rng, *shape):\n    return 3e-1 * rng.standard_normal(shape)\n\n"
            "def init_params(nx, nh, ny, seed=0):\n    r = np.random.RandomState(seed)\n"
            "    return dict(Wh=draw(r, nh, nx), bh=np.zeros(nh), Wy=draw(r, ny, nh), by=np.zeros(ny))\n\n"
            "def softmax_of(rows):\n    return special.softmax(rows, axis=1)\n\n"
            "def forward(params, X):\n    a = np.einsum('nj,ij->ni', X, params['Wh']) + params['bh']\n"
            "    b = np.dot(np.tanh(a), np.transpose(params['Wy'])) + params['by']\n"
            "    outputs = {'X': X, 'htilde': a, 'h': np.tanh(a), 'ytilde': b, 'yhat': softmax_of(b)}\n"
            "    return outputs['yhat'], outputs\n\n"
            "def loss_accuracy(Yhat, Y):\n    total, right = 0.0, 0\n    for p, t in zip(Yhat, Y):\n"
            "        total -= (t * np.log(p + 10**-300)).sum()\n        right += np.argmax(p) == np.argmax(t)\n"
            "    return total / len(Y), right / len(Y)\n\n"
            "def backward(params, outputs, Y):\n    n = Y.shape[0]\n    G = outputs['yhat'] - Y\n"
            "    D = (G @ params['Wy']) / np.cosh(outputs['htilde']) ** 2\n"
            "    return {'Wy': G.T @ outputs['h'] / n, 'by': G.mean(axis=0),\n"
            "            'Wh': D.T @ outputs['X'] / n, 'bh': D.mean(axis=0)}\n\n"
            "def sgd(params, grads, eta):\n    new = {}\n    for k in params:\n"
            "        new[k] = params[k] - eta * grads[k]\n    return new\n\n"
            "def minibatches(X, Y, batch_size, rng):\n    order = np.arange(len(X))\n    rng.shuffle(order)\n"
            "    while len(order):\n        now, order = order[:batch_size], order[batch_size:]\n"
            "        yield X[now], Y[now]\n\n"
            "def train_epoch(params, batches, eta):\n    for x, y in batches:\n"
            "        params = sgd(params, backward(params, forward(params, x)[1], y), eta)\n    return params\n",
            "to_inputs": "def to_inputs(images):\n    rows = []\n    for image in images:\n"
            "        rows.append(image.astype(float).ravel() / 255.0)\n    return np.array(rows)\n",
            "one_hot": "def one_hot(labels, ny):\n    Y = np.zeros((len(labels), ny))\n"
            "    Y[np.arange(len(labels)), labels] = 1\n    return Y\n",
            "init_scaled": "def init_scaled(nx, nh, ny, seed=0):\n    rng = np.random.default_rng(seed)\n"
            "    return {'Wh': rng.standard_normal((nh, nx)) / nx**0.5, 'bh': np.zeros((nh,)),\n"
            "            'Wy': rng.standard_normal((ny, nh)) / nh**0.5, 'by': np.zeros((ny,))}\n",
            "saturated": "def saturated(params, X):\n    htilde = X @ params['Wh'].T + params['bh']\n"
            "    return np.mean(np.abs(htilde) > np.arctanh(0.99))\n",
            "surest_mistakes": "def surest_mistakes(Yhat, labels, count):\n    answers = np.argmax(Yhat, axis=1)\n"
            "    wrong = [n for n in range(len(labels)) if answers[n] != labels[n]]\n"
            "    return sorted(wrong, key=lambda n: -Yhat[n, answers[n]])[:count]\n",
            "confusions": "def confusions(Yhat, labels, ny):\n    table = np.zeros((ny, ny), dtype=int)\n"
            "    for row, label in zip(Yhat, labels):\n        table[label, np.argmax(row)] += 1\n    return table\n",
        },
    ),
    Answer(
        "other tools of NumPy",
        {
            "to_inputs": "def to_inputs(images):\n"
            "    return np.divide(images, 255, dtype=np.float64).reshape(images.shape[0], -1)\n",
            "one_hot": "def one_hot(labels, ny):\n    return (labels[:, None] == np.arange(ny)).astype(int)\n",
            "init_scaled": "def init_scaled(nx, nh, ny, seed=0):\n    params = init_params(nx, nh, ny, seed)\n"
            "    for k in ('Wh', 'Wy'):\n        params[k] *= 1 / 0.3 / np.sqrt(params[k].shape[1])\n"
            "    return params\n",
            "saturated": "def saturated(params, X):\n    h = forward(params, X)[1]['h']\n"
            "    return np.count_nonzero(h**2 > 0.99**2) / h.size\n",
            "surest_mistakes": "def surest_mistakes(Yhat, labels, count):\n"
            "    sure = np.where(Yhat.argmax(1) == labels, -1.0, Yhat.max(1))\n"
            "    order = np.lexsort((np.arange(len(sure)), -sure))\n"
            "    return order[: min(count, int((sure >= 0).sum()))]\n",
            "confusions": "def confusions(Yhat, labels, ny):\n    said = Yhat.argmax(axis=1)\n"
            "    return np.bincount(labels * ny + said, minlength=ny * ny).reshape(ny, ny)\n",
        },
    ),
    Answer(
        "the table of confusions as a product, targets as bools",
        {
            "one_hot": "def one_hot(labels, ny):\n    return np.equal.outer(labels, np.arange(ny))\n",
            "confusions": "def confusions(Yhat, labels, ny):\n"
            "    return (np.eye(ny)[labels].T @ np.eye(ny)[Yhat.argmax(axis=1)]).astype(int)\n",
        },
    ),
]
