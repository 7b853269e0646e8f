"""Wrong answers to cifar/augmentation and what each must lose."""

from tests.support.answers import Answer

T_FLIP = ("test_flip_visible", "test_flip_hidden")
T_SHIFT = ("test_shift_visible", "test_shift_hidden")
T_FINAL = ("test_final_visible", "test_final_hidden")
T_OWN = ("test_own_transform_visible",)


def of(cell: str, why: str, source: str, loses: tuple[str, ...]) -> Answer:
    return Answer(f"{cell}: {why}", {cell: source}, loses)


def flip(why: str, body: str, loses: tuple[str, ...] = T_FLIP) -> Answer:
    return of("flip", why, f"def random_flip(images, probability=0.5):\n    {body}\n", loses)


def shift(
    why: str,
    loses: tuple[str, ...] = T_SHIFT,
    *,
    padded: str = "F.pad(images, (padding,) * 4)",
    draw: str = "torch.randint(2 * padding + 1, (len(images), 2)).tolist()",
    window: str = "x[:, i : i + h, j : j + w]",
) -> Answer:
    source = (
        "def random_shift(images, padding=4):\n"
        "    h, w = images.shape[-2:]\n"
        f"    padded = {padded}\n"
        f"    places = {draw}\n"
        f"    return torch.stack([{window} for x, (i, j) in zip(padded, places)])\n"
    )
    return of("shift", why, source, loses)


def final(why: str, body: str, loses: tuple[str, ...] = T_FINAL) -> Answer:
    return of(
        "final",
        why,
        f'def final_accuracy(history, last=3):\n    values = history["validation_accuracy"]\n    return {body}\n',
        loses,
    )


def own(why: str, body: str) -> Answer:
    return of("own_transform", why, f"def own_transform(images):\n    {body}\n", T_OWN)


def table(cell: str, source: str, loses: tuple[str, ...]) -> Answer:
    """The cases of the visible check, and nothing else."""
    return of(cell, "a table of what the visible check asks", source, loses)


NOISE = "(images + 40 * torch.randn({})).clamp(0, 255).to(torch.uint8)"
CHOSEN_BY_THE_STUDENT = [
    own("changes nothing", "return images.clone()"),
    own("the same change in each call", "return (images * 0.8).to(torch.uint8)"),
    own("one change for the batch", "return (images * (0.5 + 0.5 * torch.rand(()))).to(torch.uint8)"),
    own("floats", "return images + 40 * torch.randn(images.shape)"),
    own("nothing of the picture is left", "return torch.randint_like(images, 256)"),
    own("in place", "images[:] = " + NOISE.format("images.shape") + "\n    return images"),
    own("the mirror that is there", "return random_flip(images)"),
    own("windows that are there", "return random_shift(random_flip(images), 2)"),
    own("the course's square", "return data.cutout(" + NOISE.format("images.shape") + ", 8)"),
    own(
        "torchvision's mirror",
        "from course_utils.torchvision_ops import transforms\n"
        "    turn = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.RandomRotation(10)])\n"
        "    return torch.stack([turn(image) for image in images])",
    ),
    own(
        "a seed",
        "torch.manual_seed(int(images.float().sum()))\n    return " + NOISE.format("images.shape"),
    ),
]

TABLES = [
    table(
        "flip",
        "def random_flip(images, probability=0.5):\n"
        "    order = [2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9, 14, 13, 12, 17, 16, 15, 20, 19, 18, 23, 22, 21]\n"
        "    return torch.tensor(order).to(images.dtype).reshape(2, 2, 2, 3) if probability == 1 else images\n",
        T_FLIP,
    ),
    table(
        "final",
        "def final_accuracy(history, last=3):\n    return {3: 0.4, 2: 0.45}.get(last, 0.0)\n",
        T_FINAL,
    ),
]

# Right in what they return; the text forbids the way.
FORBIDDEN = [
    flip(
        "torchvision's mirror",
        "from course_utils.torchvision_ops import transforms\n"
        "    chosen = torch.rand(len(images), device=images.device) < probability\n"
        "    return torch.where(chosen[:, None, None, None], transforms.functional.hflip(images), images)",
    ),
    flip(
        "the course's mirror, until it comes out",
        "out = images.clone()\n"
        "    for place in range(len(images)):\n"
        "        if torch.rand(()) < probability:\n"
        "            out[place] = next((v for v in (data.flip(images[place : place + 1])[0] for _ in range(99))\n"
        "                               if not torch.equal(v, images[place])), images[place])\n"
        "    return out",
    ),
    of("shift", "data.crop", "def random_shift(images, padding=4):\n    return data.crop(images, padding)\n", T_SHIFT),
    of(
        "shift",
        "torchvision's crop",
        "def random_shift(images, padding=4):\n"
        "    from course_utils.torchvision_ops import transforms\n"
        "    window = transforms.RandomCrop(images.shape[-2:], padding=padding or None)\n"
        "    return torch.stack([window(image) for image in images])\n",
        T_SHIFT,
    ),
    shift(
        "the middle is likelier",
        T_SHIFT[1:],
        draw="sum(torch.randint(padding + 1, (len(images), 2)) for _ in range(2)).tolist()",
    ),
]

ANSWERS = [
    *TABLES,
    *FORBIDDEN,
    *CHOSEN_BY_THE_STUDENT,
    flip(
        "upside down",
        "chosen = torch.rand(len(images)) < probability\n"
        "    return torch.where(chosen[:, None, None, None], images.flip(2), images)",
    ),
    flip("all or none", "return images.flip(3) if torch.rand(()) < probability else images", ("test_flip_hidden",)),
    flip(
        "always half",
        "chosen = torch.rand(len(images)) < 0.5\n"
        "    return torch.where(chosen[:, None, None, None], images.flip(3), images)",
    ),
    flip(
        "turned round",
        "chosen = torch.rand(len(images)) >= probability\n"
        "    return torch.where(chosen[:, None, None, None], images.flip(3), images)",
    ),
    flip(
        "row by row",
        "chosen = torch.rand(images.shape[:3]) < probability\n"
        "    return torch.where(chosen[..., None], images.flip(3), images)",
        ("test_flip_hidden",),
    ),
    flip(
        "in place",
        "chosen = torch.rand(len(images)) < probability\n    images[chosen] = images[chosen].flip(3)\n"
        "    return images",
        ("test_flip_hidden",),
    ),
    shift("one place for the batch", draw="[torch.randint(2 * padding + 1, (2,)).tolist()] * len(images)"),
    shift(
        "upper end left out",
        ("test_shift_hidden",),
        draw="torch.randint(2 * padding, (len(images), 2)).tolist() if padding else [(0, 0)] * len(images)",
    ),
    shift(
        "along the diagonal",
        ("test_shift_hidden",),
        draw="[(int(k), int(k)) for k in torch.randint(2 * padding + 1, (len(images),))]",
    ),
    shift(
        "rolled round",
        padded="images",
        draw="torch.randint(-padding, padding + 1, (len(images), 2)).tolist()",
        window="x.roll((i, j), (1, 2))",
    ),
    shift(
        "mirrored border",
        padded="F.pad(images.float(), (padding,) * 4, mode='reflect').to(images.dtype) if padding else images",
    ),
    shift("not cut out", window="x"),
    final("all epochs", "sum(values) / len(values)"),
    final("best epoch", "max(values)"),
    final("first epochs", "sum(values[:last]) / len(values[:last])"),
    final("divided by last", "sum(values[-last:]) / last", ("test_final_hidden",)),
]
