"""GoogLeNet against the table of its paper, and its auxiliary heads."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("tf")


@pytest.fixture(scope="module")
def models(tf: ModuleType) -> ModuleType:
    from scramble import models

    return models


@pytest.fixture(scope="module")
def published(models: ModuleType) -> Any:
    """GoogLeNet at the paper's size, with its auxiliary heads."""
    return models.build("googlenet", (224, 224, 3), 1000, auxiliary_heads=True)


@pytest.fixture(scope="module")
def small(models: ModuleType) -> Any:
    return models.build("googlenet_small", (28, 28, 1), 10, auxiliary_heads=True)


def parameters(model: Any) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def images(count: int = 2) -> Any:
    return np.random.default_rng(0).normal(size=(count, 28, 28, 1)).astype("float32")


def test_has_the_papers_number_of_parameters(models: ModuleType, published: Any) -> None:
    assert parameters(published) == 13_378_280
    assert parameters(models.build("googlenet", (224, 224, 3), 1000)) == 6_998_552


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("conv1", (112, 112, 64)),
        ("pool1", (56, 56, 64)),
        ("conv2", (56, 56, 192)),
        ("pool2", (28, 28, 192)),
        ("inception3a", (28, 28, 256)),
        ("inception3b", (28, 28, 480)),
        ("pool3", (14, 14, 480)),
        ("inception4a", (14, 14, 512)),
        ("inception4b", (14, 14, 512)),
        ("inception4c", (14, 14, 512)),
        ("inception4d", (14, 14, 528)),
        ("inception4e", (14, 14, 832)),
        ("pool4", (7, 7, 832)),
        ("inception5a", (7, 7, 832)),
        ("inception5b", (7, 7, 1024)),
        ("pool5", (1024,)),
        ("auxiliary1_pool", (4, 4, 512)),
        ("auxiliary2_pool", (4, 4, 528)),
        ("auxiliary1_conv", (4, 4, 128)),
        ("auxiliary2_dense", (1024,)),
    ],
)
def test_maps_are_those_of_table_1_and_section_5(published: Any, layer: str, shape: tuple[int, ...]) -> None:
    assert published.get_layer(layer).output.shape[1:] == shape


@pytest.mark.parametrize(
    ("size", "maps"), [(28, (28, 14, 14, 14, 7, 4)), (32, (32, 16, 16, 16, 8, 4)), (64, (64, 32, 32, 32, 16, 8))]
)
def test_the_small_form_reaches_the_modules_with_wider_maps(
    models: ModuleType, size: int, maps: tuple[int, ...]
) -> None:
    model = models.build("googlenet_small", (size, size, 1), 10)
    scopes = ("conv1", "pool1", "conv2", "inception3b", "inception4e", "inception5b")
    assert tuple(model.get_layer(scope).output.shape[1] for scope in scopes) == maps


def test_the_heads_read_modules_4a_and_4d(published: Any) -> None:
    for head, module in (("auxiliary1", "inception4a"), ("auxiliary2", "inception4d")):
        assert published.get_layer(f"{head}_pool").input is published.get_layer(module).output


def test_the_heads_are_outputs_after_the_main_one(published: Any, small: Any) -> None:
    for model in (published, small):
        assert model.output_names == ["logits", "auxiliary1_logits", "auxiliary2_logits"]


def test_the_heads_drop_as_much_as_the_paper_says(published: Any) -> None:
    rates = {layer.name: layer.rate for layer in published.layers if "dropout" in layer.name}
    assert rates == {"dropout": 0.4, "auxiliary1_dense_dropout": 0.7, "auxiliary2_dense_dropout": 0.7}


def test_the_main_output_does_not_depend_on_the_heads(models: ModuleType, small: Any) -> None:
    plain = models.build("googlenet_small", (28, 28, 1), 10)
    for layer in plain.layers:
        layer.set_weights(small.get_layer(layer.name).get_weights())
    np.testing.assert_array_equal(plain(images()), small(images())[0])


def test_the_heads_teach_what_lies_below_them_and_nothing_above(tf: ModuleType, small: Any) -> None:
    with tf.GradientTape(persistent=True) as tape:
        _, *heads = (tf.reduce_sum(logits**2) for logits in small(images()))
    for loss, lowest_untaught in zip(heads, ("inception4b_1x1", "inception4e_1x1"), strict=True):
        assert np.any(tape.gradient(loss, small.get_layer("conv1").kernel))
        assert tape.gradient(loss, small.get_layer(lowest_untaught).kernel) is None


@pytest.mark.parametrize(("name", "smallest"), [("googlenet", 65), ("googlenet_small", 17)])
def test_the_heads_work_on_no_smaller_image(models: ModuleType, name: str, smallest: int) -> None:
    model = models.MODELS[name]((smallest, smallest, 1), 2, auxiliary_heads=True)
    assert model.get_layer("auxiliary1_pool").output.shape[1:3] == (1, 1)
    with pytest.raises(ValueError, match="AveragePooling2D"):
        models.MODELS[name]((smallest, smallest - 1, 1), 2, auxiliary_heads=True)
