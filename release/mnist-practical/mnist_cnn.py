"""Train a network on digits from a shell, and log the run for TensorBoard.

The parts come from the notebook mnist-cnn, whose last code cell writes them to runs/notebook_parts.py: your network,
your step, your flags. Then, in this folder:

    python mnist_cnn.py --out-name try-1 --keep-prob 0.5 --lambda 0.0001 --lr 0.001 --filters 5 5 --batch-norm
    tensorboard --logdir runs
"""

from __future__ import annotations

import sys

import torch

from course_utils.lessons.mnist_practical import digits, runs


def main(words: list[str]) -> None:
    """Train as the flags say; the run is called what --out-name says."""
    sys.path.insert(0, str(runs.folder()))
    try:
        import notebook_parts as parts
    except ModuleNotFoundError as error:
        if error.name != "notebook_parts":
            raise
        raise SystemExit(
            f"{runs.folder() / 'notebook_parts.py'} is missing: run the last code cell of mnist-cnn.ipynb."
        ) from None

    flags = parts.parse_flags(words)
    name = flags.pop("out_name")
    loaded = digits.load()
    settings = {**flags, "epochs": 4, "every": loaded.log_every()}
    torch.manual_seed(0)
    network = parts.DeepCNN(flags["filters"], flags["batch_norm"])
    record = parts.train_run(name, network, loaded, settings, step=parts.regularised_step, again=True)
    print(f"{name}: dev accuracy {100 * record.history['dev_accuracy'][-1]:.1f} %, {record.seconds:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
