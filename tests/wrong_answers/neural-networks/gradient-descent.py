"""Wrong answers to neural-networks/gradient-descent and what each must lose."""

from tests.support.answers import Answer

T_BATCHES = ("test_batches_visible", "test_batches_hidden")


def batches(
    why: str,
    count: str = "num_epochs * -(-num_examples // batch_size)",
    noise: str = "np.sqrt(((batches - full) ** 2).sum(axis=1).mean()) / np.linalg.norm(full)",
    loses: tuple[str, ...] = T_BATCHES,
) -> Answer:
    source = (
        f"def num_updates(num_examples, batch_size, num_epochs):\n    return {count}\n\n"
        f"def relative_noise(full, batches):\n    return float({noise})"
    )
    return Answer(f"batches: {why}", {"batches": source}, loses)


ANSWERS = [
    # Steps and batches
    batches("the visible numbers", "6", "np.sqrt(2)"),
    batches("the last batch dropped", "num_epochs * (num_examples // batch_size)"),
    batches("epochs joined", "-(-num_epochs * num_examples // batch_size)"),
    batches("one epoch", "-(-num_examples // batch_size)"),
    batches("examples counted", "num_examples * num_epochs"),
    batches("mean distance", noise="np.linalg.norm(batches - full, axis=1).mean() / np.linalg.norm(full)"),
    batches("not relative", noise="np.sqrt(((batches - full) ** 2).sum(axis=1).mean())"),
    batches("entries averaged", noise="np.sqrt(((batches - full) ** 2).mean()) / np.linalg.norm(full)"),
    batches(
        "relative to the square",
        noise="np.sqrt(((batches - full) ** 2).sum(axis=1).mean()) / (full ** 2).sum()",
    ),
    # Experiments
    Answer(
        "epochs from 0",
        {
            "first_epoch": "def first_epoch(a, level):\n"
            "    return next((k for k, v in enumerate(a) if v >= level), None)\n"
        },
        ("test_first_epoch_hidden",),
    ),
    Answer(
        "above the level only",
        {
            "first_epoch": "def first_epoch(a, level):\n"
            "    return next((k for k, v in enumerate(a, 1) if v > level), None)\n"
        },
        ("test_first_epoch_hidden",),
    ),
    Answer(
        "argmax, which is 1 where there is none",
        {"first_epoch": "def first_epoch(a, level):\n    return int(np.argmax(np.array(a) >= level)) + 1\n"},
        ("test_first_epoch_hidden",),
    ),
    *[
        Answer(
            why,
            {
                "scaled_rates": f"def scaled_rates(eta, old, new):\n    k = {k}\n"
                f"    return {{'same': eta, 'root': {root}, 'linear': eta * k}}\n"
            },
            ("test_scaled_rates_hidden",),
        )
        for why, k, root in (
            ("the ratio upside down", "old / new", "eta * k**0.5"),
            ("the new size alone", "new", "eta * k**0.5"),
            ("half instead of the root", "new / old", "eta * k / 2"),
        )
    ],
    *[
        Answer(why, {"curve_gap": f"def curve_gap(a, b):\n    return float({text})\n"}, ("test_curve_gap_hidden",))
        for why, text in (
            ("signs cancel", "abs((a.mean(0) - b.mean(0)).mean())"),
            ("the seeds' noise counts", "np.abs(a - b).mean()"),
            ("the largest gap", "np.abs(a.mean(0) - b.mean(0)).max()"),
            ("mean over the epochs first", "np.abs(a.mean(1) - b.mean(1)).mean()"),
        )
    ],
]
