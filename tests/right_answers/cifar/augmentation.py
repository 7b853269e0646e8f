"""Right answers to cifar/augmentation in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "copies, indices",
        {
            "flip": "def random_flip(images, probability=0.5):\n"
            "    images = images.clone()\n"
            "    for place in range(len(images)):\n"
            "        if np.random.rand() < probability:\n"
            "            images[place] = torch.flip(images[place], dims=[2])\n"
            "    return images\n",
            "shift": "def random_shift(images, padding=4):\n"
            "    n, _, h, w = images.shape\n"
            "    padded = F.pad(images, [padding] * 4)\n"
            "    rows = torch.randint(0, 2 * padding + 1, (n, 1)) + torch.arange(h)\n"
            "    columns = torch.randint(0, 2 * padding + 1, (n, 1)) + torch.arange(w)\n"
            "    one = torch.arange(n)[:, None, None]\n"
            "    return padded.movedim(1, -1)[one, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)\n",
            "final": "def final_accuracy(history, last=3):\n"
            '    return np.mean(history["validation_accuracy"][-last:])\n',
        },
    ),
    Answer(
        "noise",
        {
            "own_transform": "def own_transform(images):\n"
            "    strength = 40 * torch.rand(len(images), 1, 1, 1)\n"
            "    return (images + strength * torch.randn(images.shape)).round().clamp(0, 255).byte()\n",
        },
    ),
    Answer(
        "brightness on top of random_flip",
        {
            "own_transform": "def own_transform(images):\n"
            "    factors = 0.7 + 0.6 * torch.rand(len(images), 1, 1, 1, device=images.device)\n"
            "    return (random_flip(images).float() * factors).round().clamp(0, 255).to(torch.uint8)\n",
        },
    ),
    Answer(
        "transforms of torchvision",
        {
            "own_transform": "from course_utils.torchvision_ops import transforms\n\n\n"
            "def own_transform(images):\n"
            "    colours = transforms.ColorJitter(0.3, 0.3, 0.3, 0.02)\n"
            "    turn = transforms.Compose([transforms.RandomRotation(12), colours])\n"
            "    return torch.stack([turn(image) for image in images])\n",
        },
    ),
    Answer(
        "some pictures without colour",
        {
            "own_transform": "def own_transform(images):\n"
            "    grey = images.float().mean(1, keepdim=True).round().byte().expand_as(images)\n"
            "    return torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, grey, images)\n",
        },
    ),
    Answer(
        "the negative of some pictures",
        {
            "own_transform": "def own_transform(images):\n"
            "    chosen = torch.rand(len(images)) < 0.3\n"
            "    images = images.clone()\n    images[chosen] = 255 - images[chosen]\n"
            "    grey = images.float() * (0.8 + 0.4 * np.random.rand(len(images), 1, 1, 1).astype('float32'))\n"
            "    return torch.as_tensor(grey).clamp(0, 255).to(torch.uint8)\n",
        },
    ),
]
