"""Networks are compared by what they compute, whatever their layers are called."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_utils import data, training
from course_utils.checks import CheckFailed
from course_utils.checks.networks import (
    assert_accuracy,
    assert_depends,
    assert_memorised,
    assert_same_network,
    assert_shapes,
    restored,
    share_right,
    values_by_shape,
)

IMAGES = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


class Named(nn.Module):
    """Two layers, made in another order than they are used."""

    def __init__(self, activation=torch.relu, normed=False):
        super().__init__()
        self.last, self.first = nn.Linear(5, 10), nn.Linear(3, 5)
        self.norm = nn.BatchNorm1d(5) if normed else nn.Identity()
        self.activation = activation

    def forward(self, x):
        return self.last(self.activation(self.norm(self.first(x))))


def listed(*between: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 5), *between, nn.Linear(5, 10))


def test_names_and_order_of_layers_do_not_matter():
    assert_same_network(Named(), listed(nn.ReLU()), IMAGES, "the output")
    for train in (False, True):
        assert_same_network(Named(normed=True), listed(nn.BatchNorm1d(5), nn.ReLU()), IMAGES, "the output", train=train)


def test_a_mistake_is_recognised():
    with pytest.raises(CheckFailed, match="The ReLU is missing"):
        assert_same_network(
            Named(activation=lambda x: x),
            listed(nn.ReLU()),
            IMAGES,
            "the output",
            mistakes={"The ReLU is missing.": listed()},
        )


def test_running_averages_are_part_of_the_comparison():
    with pytest.raises(CheckFailed, match="wrong in"):
        assert_same_network(Named(normed=True).train(), listed(nn.ReLU(), nn.BatchNorm1d(5)), IMAGES, "the output")


class Alike(nn.Module):
    """Layers of equal shapes, called in the given order."""

    def __init__(self, *order, names=("a", "b", "c")):
        super().__init__()
        self.layers = nn.ModuleDict({name: nn.Linear(3, 3) for name in names})
        self.norms = nn.ModuleDict({name: nn.BatchNorm1d(3) for name in names})
        self.order = order

    def forward(self, x):
        for layer, norm in self.order:
            x = torch.relu(self.norms[norm](self.layers[layer](x)))
        return x


@pytest.mark.parametrize("train", [False, True])
def test_layers_of_equal_shapes_have_places_of_their_own(train):
    twin, images = Alike("aa", "bb", "cc"), IMAGES.repeat(3, 1) + torch.randn(12, 3)
    for names in ("abc", "cab"):  # whatever they are called, and in whichever order they were made
        assert_same_network(Alike("aa", "cb", "bc", names=names), twin, images, "the output", train=train)
    for order, shape in ((("aa", "bb", "bc"), r"\(3, 3\)"), (("aa", "bb", "cb"), r"\(3,\)")):
        with pytest.raises(CheckFailed, match=rf"the layers with weights of shape {shape}.*\n.*used twice"):
            assert_same_network(Alike(*order), twin, images, "the output", train=train)


@pytest.mark.parametrize(
    "network, message",
    [
        (
            nn.Sequential(nn.Linear(3, 5), nn.ReLU()),
            r"has 2 weights and biases, expected 4; one of shape \(10,\) is missing",
        ),
        (nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 10), nn.Linear(10, 10)), r"one of shape \(10,\) is too many"),
        (nn.ReLU(), "has no parameters"),
        (nn.Sequential(nn.Linear(3, 5), nn.LazyLinear(10)), "not known yet.*\nGive their sizes"),
        (nn.Sequential(nn.LazyConv2d(5, 3), nn.LazyBatchNorm2d()), "not known yet"),
        (torch.relu, "must be an nn.Module"),
    ],
)
def test_other_shapes_are_told(network, message):
    with pytest.raises(CheckFailed, match=message):
        assert_shapes(network, listed(), "the network")


def test_weights_that_are_shared_count_once():
    network = listed()
    network.again = network[0]
    assert_shapes(network, listed(), "the network")


def test_values_neither_grow_nor_vanish():
    x, deep = torch.randn(8, 64), nn.Sequential(*[layer for _ in range(10) for layer in (nn.Linear(64, 64), nn.ReLU())])
    deep.load_state_dict(values_by_shape(deep.state_dict()))
    assert 0.01 < deep(x).std() < 100


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A network that was kept without any training: it is right on about a tenth."""
    monkeypatch.chdir(tmp_path)
    for name in ("COURSE_GRADING", "COURSE_FILES", "COURSE_COUNTS"):
        monkeypatch.delenv(name, raising=False)
    training.train("net", make(), lambda: {"train_loss": 2.3}, 1, data=data.STAND_IN)


def make() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))


def test_accuracy_is_measured_on_pictures_that_nobody_knows(trained):
    shares = [assert_accuracy(make, "net", {data.STAND_IN: 0.0}, count=200, seed=seed) for seed in (0, 0, 1, 2)]
    assert shares[0] == shares[1] and len(set(shares)) > 1 and max(shares) < 0.3
    with pytest.raises(CheckFailed, match=r"right on .* % of 200 pictures .*; 90 % are needed \(stand-in\)\.\nTrain"):
        assert_accuracy(make, "net", {data.STAND_IN: 0.9}, "Train for longer.", count=200, seed=0)
    with pytest.raises(CheckFailed, match="none of CIFAR-10"):
        assert_accuracy(make, "net", {data.CIFAR10: 0.1}, count=200)


class LooksUp(nn.Module):
    """Has the layers of `make`, and gives the labels of training pictures that it looks up."""

    def __init__(self):
        super().__init__()
        self.layers = make()

    def forward(self, inputs):
        return nn.functional.one_hot(data.cifar10("train", data.STAND_IN)[1][: len(inputs)], 10).float()


def test_what_was_memorised_is_measured_from_the_weights_alone(trained):
    share = assert_memorised(make(), "net", {data.STAND_IN: 0.0}, count=200)
    assert share < 0.3
    with pytest.raises(CheckFailed, match=r"of the first 200 training pictures; 90 % are needed \(stand-in\)\.\nTrain"):
        assert_memorised(make(), "net", {data.STAND_IN: 0.9}, "Train for longer.", count=200)
    training.train("sly", LooksUp(), lambda: {"train_loss": 2.3}, 1, data=data.STAND_IN)  # other names of weights
    assert assert_memorised(make(), "sly", {data.STAND_IN: 0.0}, count=200) == share
    with pytest.raises(CheckFailed, match=r"they hold a layer with 'bias' .* and 'weight' .*; here there is none\."):
        assert_memorised(nn.Sequential(nn.Flatten(), nn.Linear(3072, 10, bias=False)), "net", {data.STAND_IN: 0.0})
    with pytest.raises(CheckFailed, match="which is none of CIFAR-10"):
        assert_memorised(make(), "net", {data.CIFAR10: 0.0})
    with pytest.raises(ValueError, match="of the same kinds and shapes"):
        assert_memorised(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), "net", {data.STAND_IN: 0.0})


def test_layers_whose_biases_are_alike_are_told_apart_by_their_weights(trained):
    class OtherOrder(nn.Module):
        """The layers of `deep`, made from the last to the first."""

        def __init__(self):
            super().__init__()
            self.last, self.middle, self.first = nn.Linear(7, 10), nn.Linear(10, 7), nn.Linear(3072, 10)

        def forward(self, inputs):
            return self.last(self.middle(self.first(inputs.flatten(1))))

    torch.manual_seed(3)
    own, deep = OtherOrder(), nn.Sequential(nn.Flatten(), nn.Linear(3072, 10), nn.Linear(10, 7), nn.Linear(7, 10))
    training.train("deep", own, lambda: {"train_loss": 2.3}, 1, data=data.STAND_IN)
    share = assert_memorised(deep, "deep", {data.STAND_IN: 0.0}, count=200)
    images, labels = data.cifar10("train", data.STAND_IN)
    assert share == share_right(own, data.normalise(images[:200]), labels[:200], "deep")
    assert all(torch.equal(deep[at].bias, layer.bias) for at, layer in ((1, own.first), (3, own.last)))


def test_accuracy_is_measured_on_pictures_as_the_network_takes_them(trained):
    share = assert_accuracy(make, "net", {data.STAND_IN: 0.0}, count=200, seed=0, prepare=lambda images: 0.0 * images)
    _, classes = data.held_out(data.STAND_IN, 200, seed=0)
    assert share in [(classes == label).sum().item() / 200 for label in range(10)]  # one answer for all pictures


def test_weights_of_another_class_are_told(trained):
    record, network = restored(make, "net")
    assert record.data == data.STAND_IN and not network.training
    with pytest.raises(CheckFailed, match=r"'1.bias' has the shape \(10,\) there, none in your class"):
        restored(lambda: nn.Sequential(nn.Flatten(), nn.Linear(3072, 10, bias=False)), "net")


def test_labels_for_logits_are_told():
    with pytest.raises(CheckFailed, match=r"must return logits of shape \(2, 10\), got \(2,\)"):
        share_right(lambda x: x.argmax(1), torch.randn(2, 10), torch.tensor([1, 2]), "net")


class Views(nn.Module):
    """Flattens with `view`, which asks for channels that lie one after the other."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.convolution, self.linear = nn.Conv2d(3, 4, 3, stride=8), nn.Linear(64, 10)
        self.seen = []

    def forward(self, inputs):
        maps = self.convolution(inputs)
        self.seen.append(maps.is_contiguous())
        return self.linear(maps.view(len(maps), -1))


def test_a_network_is_measured_in_the_fast_layout_and_one_that_needs_the_other_in_that():
    torch.manual_seed(0)
    training.train("views", Views(), lambda: {"train_loss": 2.3}, 1, data=data.STAND_IN)
    _, network = restored(Views, "views")
    images, labels = torch.randn(450, 3, 32, 32), torch.arange(450) % 10
    share = share_right(network, images, labels, "views")
    assert network.seen == [False, True, True, True]
    with torch.no_grad():
        assert share == pytest.approx((network(images).argmax(1) == labels).float().mean().item())


class Shapes(nn.Module):
    """The weights of a network, and nothing that uses all of them."""

    def __init__(self, use_weight):
        super().__init__()
        self.linear, self.use_weight = nn.Linear(4, 3), use_weight

    def forward(self, inputs):
        return inputs @ self.linear.weight.T if self.use_weight else torch.zeros(len(inputs), 3) + self.linear.bias


def test_a_network_uses_its_input_and_all_its_weights():
    inputs = torch.randn(3, 4)
    assert_depends(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), inputs, "the output")
    with pytest.raises(CheckFailed, match="the output does not depend on the input"):
        assert_depends(Shapes(use_weight=False), inputs, "the output")
    with pytest.raises(CheckFailed, match=r"the output does not depend on its bias of shape \(3,\)"):
        assert_depends(Shapes(use_weight=True), inputs, "the output")


def test_of_layers_of_equal_shapes_each_is_used():
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    assert_depends(network, torch.randn(4, 3), "the output")
    network.forward = lambda inputs: network[2](network[0](inputs))
    with pytest.raises(CheckFailed, match=r"depend on its weight of shape \(3, 3\) \(1.weight\)"):
        assert_depends(network, torch.randn(4, 3), "the output")


def test_a_layer_that_has_two_names_is_used_all_the_same():
    layer = nn.Linear(4, 3)
    network = nn.Sequential(nn.Sequential(layer))
    network.again = layer
    network.forward = lambda inputs: layer(inputs)
    assert_depends(network, torch.randn(3, 4), "the output")
