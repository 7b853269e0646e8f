"""Right answers to cifar/residual-networks in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "shortcut None, additions in place, blocks numbered",
        {
            "residual_block": "class ResidualBlock(nn.Module):\n"
            "    def __init__(self, in_channels, out_channels, stride=1, residual=True):\n        super().__init__()\n"
            "        same = stride == 1 and in_channels == out_channels\n"
            "        self.shortcut = None\n        if residual:\n"
            "            self.shortcut = nn.Identity() if same else nn.Sequential(\n"
            "                nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),\n"
            "                nn.BatchNorm2d(out_channels))\n"
            "        self.f = nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False), "
            "nn.BatchNorm2d(out_channels),\n"
            "            nn.ReLU(inplace=True), nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False), "
            "nn.BatchNorm2d(out_channels))\n\n"
            "    def forward(self, x):\n        y = self.f(x)\n        if self.shortcut is not None:\n"
            "            y += self.shortcut(x)\n"
            "        return y.relu_()\n",
            "deep_net": "class DeepNet(nn.Module):\n    def __init__(self, num_blocks=12, residual=True, width=8):\n"
            "        super().__init__()\n        layers = [nn.Conv2d(3, width, 3, 2, 1, bias=False), "
            "nn.BatchNorm2d(width), nn.ReLU()]\n"
            "        channels = width\n        for number in range(num_blocks):\n"
            "            layers.append(ResidualBlock(channels, 2 * width, stride=1 + (number == 0), "
            "residual=residual))\n"
            "            channels = 2 * width\n"
            "        layers += [nn.AvgPool2d(8), nn.Flatten(), nn.Linear(channels, 10)]\n"
            "        self.layers = nn.Sequential(*layers)\n\n    def forward(self, x):\n"
            "        return self.layers(x)\n",
        },
    ),
]
