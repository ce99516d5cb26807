"""The parameter counts that the papers print, and those of the reference implementations."""

from types import ModuleType
from typing import Any

import pytest

from scramble import params

pytestmark = pytest.mark.usefixtures("tf")

TEN_CLASSES: tuple[tuple[str, params.ImageShape, dict[str, Any], int, int], ...] = (
    ("mlp", (28, 28, 1), {"units": (300, 100)}, 266_610, 266_610),
    ("mlp", (28, 28, 1), {"units": (500, 150)}, 469_160, 469_160),
    ("mlp", (28, 28, 1), {"units": (512, 512)}, 669_706, 669_706),
    ("lenet5", (28, 28, 1), {}, 61_706, 61_706),
    ("lenet5", (32, 32, 1), {}, 61_706, 61_706),
    ("lenet5", (32, 32, 3), {}, 62_006, 62_006),
    ("lenet5_1998", (28, 28, 1), {}, 60_000, 60_000),
    ("lenet5_1998", (32, 32, 1), {}, 60_000, 60_000),
    ("lenet5_channel_pooling", (32, 32, 1), {}, 64_278, 64_278),
    ("alexnet_small", (32, 32, 1), {}, 714_378, 714_378),
    ("alexnet_small", (32, 32, 3), {}, 715_978, 715_978),
    ("alexnet_small", (28, 28, 1), {}, 550_538, 550_538),
    ("resnet20", (32, 32, 3), {}, 269_722, 271_098),
    ("resnet20", (32, 32, 3), {"shortcut": "B"}, 272_474, 274_042),
    ("resnet32", (32, 32, 3), {}, 464_154, 466_426),
    ("resnet44", (32, 32, 3), {}, 658_586, 661_754),
    ("resnet56", (32, 32, 3), {}, 853_018, 857_082),
    ("resnet110", (32, 32, 3), {}, 1_727_962, 1_736_058),
    ("se_resnet20", (32, 32, 3), {}, 272_095, 273_471),
)
"""Architecture, image shape, options, trainable and total parameters with 10 classes."""

IMAGENET: tuple[tuple[str, int, dict[str, Any], int, int], ...] = (
    ("alexnet", 227, {}, 60_965_224, 60_965_224),
    ("alexnet_one_tower", 227, {}, 62_378_344, 62_378_344),
    ("googlenet", 224, {}, 6_998_552, 6_998_552),
    ("googlenet", 224, {"auxiliary_heads": True}, 13_378_280, 13_378_280),
    ("resnet18", 224, {}, 11_689_512, 11_699_112),
    ("resnet34", 224, {}, 21_797_672, 21_814_696),
    ("resnet50", 224, {}, 25_557_032, 25_610_152),
    ("resnet101", 224, {}, 44_549_160, 44_654_504),
    ("resnet152", 224, {}, 60_192_808, 60_344_232),
    ("resnet50", 224, {"conv_bias": True}, 25_583_592, 25_636_712),
    ("resnet101", 224, {"conv_bias": True}, 44_601_832, 44_707_176),
    ("resnet152", 224, {"conv_bias": True}, 60_268_520, 60_419_944),
    ("xception", 299, {}, 22_855_952, 22_910_480),
    ("se_resnet50", 224, {}, 28_088_024, 28_141_144),
    ("senet154", 224, {}, 115_088_984, 115_336_536),
)
"""Architecture, height and width, options, trainable and total parameters with 3 channels and 1000 classes."""


def counts(model: Any) -> tuple[int, int]:
    weights = model.trainable_weights, model.weights
    return tuple(sum(weight.shape.num_elements() for weight in group) for group in weights)


@pytest.mark.parametrize(("name", "shape", "options", "trainable", "total"), TEN_CLASSES)
def test_small_images(
    name: str, shape: params.ImageShape, options: dict[str, Any], trainable: int, total: int, models: ModuleType
) -> None:
    assert counts(models.build(name, shape, 10, **options)) == (trainable, total)


@pytest.mark.parametrize(("name", "size", "options", "trainable", "total"), IMAGENET)
def test_imagenet(
    name: str, size: int, options: dict[str, Any], trainable: int, total: int, models: ModuleType
) -> None:
    assert counts(models.build(name, (size, size, 3), 1000, **options)) == (trainable, total)
