"""Train the two small networks of shapes that come with the package, and keep them in course_utils/weights.

python -m tests.artifacts.train_small_networks [--epochs 12] [--pictures 8000] [--to FOLDER]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import nn

from course_utils import data, photographs, pretrained, stand_in, training

WEIGHTS = Path(pretrained.__file__).parent / "weights"
NETWORKS = {"shapes-plain": pretrained.PlainNetwork, "shapes-residual": pretrained.ResidualNetwork}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), help="one of them only")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--pictures", type=int, default=8_000)
    parser.add_argument("--to", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    device = training.pick_device()
    labels = np.random.default_rng(5).permutation(np.arange(options.pictures) % len(stand_in.SHAPES))
    drawn, _ = stand_in.draw_shapes(labels, size=64, seed=5)
    images, labels = torch.from_numpy(drawn).to(device), torch.from_numpy(labels).to(device)
    for name in options.networks:
        torch.manual_seed(0)
        began = time.monotonic()
        model = NETWORKS[name]().to(device).to(memory_format=torch.channels_last)
        fit(model, images, labels, options.epochs)
        state = {key: value.detach().cpu() for key, value in model.state_dict().items()}
        state = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
        path = options.to / f"{name}.safetensors"
        path.write_bytes(safetensors.torch.save({key: value.contiguous() for key, value in state.items()}))
        model.load_state_dict(state)
        print(
            f"{name}: {accuracy(model.cpu().eval()):.1%} of 2,000 new pictures, {path.stat().st_size / 1024:.0f} KiB, "
            f"{time.monotonic() - began:.0f} s on {device.type}",
            flush=True,
        )


def fit(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, epochs: int) -> None:
    batches = data.Batches(images, labels, batch_size=128, drop_last=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=epochs * len(batches))
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for pixels, targets in batches:
            inputs = data.normalise(data.crop(data.flip(pixels), 4)).to(memory_format=torch.channels_last)
            loss = nn.functional.cross_entropy(model(inputs), targets, label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
        print(f"epoch {epoch} of {epochs}: loss {total / len(batches):.3f} nats", flush=True)


@torch.no_grad()
def accuracy(model: nn.Module) -> float:
    images, labels, _ = photographs.draw_pictures(2000, seed=99)
    found = torch.cat([model(data.normalise(part)).argmax(1) for part in images.split(250)])
    return (found == labels).float().mean().item()


if __name__ == "__main__":
    main()
