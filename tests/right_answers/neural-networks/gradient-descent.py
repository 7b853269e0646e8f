"""Right answers to neural-networks/gradient-descent in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "steps counted and noise by norms",
        {
            "batches": "def num_updates(num_examples, batch_size, num_epochs):\n    steps = 0\n"
            "    for _ in range(num_epochs):\n        for start in range(0, num_examples, batch_size):\n"
            "            steps += 1\n    return steps\n\n\ndef relative_noise(full, batches):\n"
            "    distances = np.linalg.norm(batches - full[None], axis=-1)\n"
            "    return np.sqrt(np.mean(distances ** 2)) / np.sqrt(full @ full)"
        },
    ),
    Answer(
        "steps by ceil",
        {
            "batches": "import math\n\n\ndef num_updates(num_examples, batch_size, num_epochs):\n"
            "    return math.ceil(num_examples / batch_size) * num_epochs\n\n\ndef relative_noise(full, batches):\n"
            "    return (np.mean([sum((b - full) ** 2) for b in batches]) / sum(full ** 2)) ** 0.5"
        },
    ),
    Answer(
        "experiments in other words",
        {
            "first_epoch": "def first_epoch(accuracies, level):\n    for k in range(len(accuracies)):\n"
            "        if accuracies[k] >= level:\n            return k + 1\n",
            "curve_gap": "def curve_gap(one, other):\n    return np.mean(np.abs(np.mean(one - other, axis=0)))\n",
            "scaled_rates": "def scaled_rates(eta, batch_size, new_size):\n    k = new_size / batch_size\n"
            "    return dict(linear=k * eta, root=np.sqrt(k) * eta, same=eta)\n",
        },
    ),
]
