"""Do the course's effects show on the stand-in as on the real pictures? Curves of five small networks, as a picture.

python -m benchmarks.stand_in [--to docs/pictures/stand-in.png] [--epochs 12]

Each network is trained on 5,000 pictures of the stand-in and, if COURSE_DATA holds CIFAR-10, on its first 5,000
pictures.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor, nn

from benchmarks.classes import ROOT, machine
from course_utils import data
from course_utils.plotting import BLUE, GREEN, PINK, VERMILLION, save_png

COUNT = 5000


def network(depth: int, batch_norm: bool) -> nn.Sequential:
    """Convolutions of 16 to 64 channels, each but the last followed by pooling; with `depth` 0 a linear classifier."""
    layers: list[nn.Module] = []
    channels = 3
    for number, width in enumerate((16, 32, 64, 64)[:depth]):
        layers.append(nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm))
        layers += [nn.BatchNorm2d(width)] if batch_norm else []
        layers += [nn.ReLU()] + ([nn.MaxPool2d(2)] if number < 3 else [])
        channels = width
    layers.append(nn.AdaptiveAvgPool2d(4))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * channels, 10))


def augment(images: Tensor) -> Tensor:
    return data.crop(data.flip(images), 2)


# name: (depth, batch norm, largest learning rate, augmentation)
RUNS: dict[str, tuple[int, bool, float, Callable[[Tensor], Tensor] | None]] = {
    "1 convolution": (1, True, 0.1, None),
    "4 convolutions": (4, True, 0.1, None),
    "without batch norm": (4, False, 0.1, None),
    "augmented": (4, True, 0.1, augment),
    "500 pictures": (4, True, 0.1, None),
}


def train(source: str, name: str, epochs: int) -> dict[str, list[float]]:
    """Return accuracy (per cent) on training and test pictures, and the test loss, epoch by epoch."""
    depth, batch_norm, lr, transform = RUNS[name]
    count = 500 if name.startswith("500") else COUNT
    images, labels = (part[:count] for part in data.cifar10("train", source))
    test = tuple(part[:2000] for part in data.cifar10("test", source))
    torch.manual_seed(0)
    net = network(depth, batch_norm).to(memory_format=torch.channels_last)
    batches = data.Batches(images, labels, 128 if count == COUNT else 64, transform=transform)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=epochs * len(batches))
    history: dict[str, list[float]] = {"train": [], "test": [], "test loss": []}
    for _ in range(epochs):
        net.train()
        for pictures, truth in batches:
            loss = F.cross_entropy(net(prepare(pictures)), truth)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        for split, part in (("train", (images[:2000], labels[:2000])), ("test", test)):
            logits, truth = outputs(net, *part)
            history[split].append(100 * (logits.argmax(1) == truth).float().mean().item())
        history["test loss"].append(F.cross_entropy(logits, truth).item())
    return history


def prepare(images: Tensor) -> Tensor:
    return data.normalise(images).contiguous(memory_format=torch.channels_last)


def outputs(net: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    net.eval()
    with torch.no_grad():
        return torch.cat([net(prepare(x)) for x, _ in data.Batches(images, labels, 500, shuffle=False)]), labels


def draw(histories: dict[str, dict[str, dict[str, list[float]]]]) -> Figure:
    """One row for each data set: depth, batch norm, augmentation, overfitting."""
    panels = {
        "depth": {"4 convolutions": BLUE, "1 convolution": VERMILLION},
        "batch norm": {"4 convolutions": BLUE, "without batch norm": GREEN},
        "augmentation": {"4 convolutions": BLUE, "augmented": PINK},
        "few pictures": {"4 convolutions": BLUE, "500 pictures": VERMILLION},
    }
    figure = Figure(figsize=(13, 3.2 * len(histories)), layout="constrained")
    for row, (source, runs) in zip(
        figure.subplots(len(histories), len(panels), squeeze=False, sharey=True), histories.items(), strict=True
    ):
        for ax, (title, shown) in zip(row, panels.items(), strict=True):
            for (name, colour), marker in zip(shown.items(), "os", strict=True):
                epochs = range(1, len(runs[name]["test"]) + 1)
                label = "5,000 pictures" if title == "few pictures" and name == "4 convolutions" else name
                ax.plot(epochs, runs[name]["train"], color=colour, linewidth=1)
                ax.plot(
                    epochs, runs[name]["test"], color=colour, linestyle="--", marker=marker, markersize=4, label=label
                )
            ax.set(title=f"{source}: {title}", xlabel="Epoch")
            ax.spines[["top", "right"]].set_visible(False)
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            ax.legend(frameon=False, fontsize="small", loc="upper left")
        row[0].set_ylabel("Accuracy (%)")
    figure.suptitle("Lines: training pictures. Dashes with markers: test pictures.", fontsize="medium")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "pictures" / "stand-in.png")
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    matplotlib.use("agg")
    os.environ.setdefault("COURSE_OFFLINE", "1")
    histories: dict[str, dict[str, dict[str, list[float]]]] = {}
    for source in dict.fromkeys([data.STAND_IN, data.cifar10_source()]):
        histories[source] = {}
        print(
            f"{source}: accuracy (%) on training and test pictures, and test loss (nats), after {options.epochs} epochs"
        )
        for name in RUNS:
            began = time.perf_counter()
            found = histories[source][name] = train(source, name, options.epochs)
            last = ", ".join(f"{key} {values[-1]:.3g}" for key, values in found.items())
            print(f"  {name}: {last} ({time.perf_counter() - began:.0f} s)", flush=True)
    options.to.parent.mkdir(parents=True, exist_ok=True)
    options.to.write_bytes(save_png(draw(histories)))
    print(f"{options.to}\n{machine()}")


if __name__ == "__main__":
    main()
