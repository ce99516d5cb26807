"""Of ResNet and SENet, what counts of parameters cannot see: strides, zeros on both sides, shortcuts, weighed maps."""

from dataclasses import replace
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
def shallow_senet154(tf: ModuleType) -> Any:
    """SENet-154 with one block a stage."""
    from scramble.models import resnet, senet

    form = replace(senet.SENET154, num_blocks=(1, 1, 1, 1))
    options = resnet.Options("B", dropout=0.2, reduction=16)
    return resnet.residual_network("shallow", form, options, (64, 64, 3), 4)


def convolutions(model: Any) -> list[Any]:
    import keras

    return [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]


def strided(model: Any) -> dict[str, tuple[tuple[int, int], str]]:
    """(kernel size, padding) of the convolutions with stride 2, by name."""
    return {layer.name: (layer.kernel_size, layer.padding) for layer in convolutions(model) if layer.strides == (2, 2)}


def in_stages(*scopes: str) -> list[str]:
    """The scopes in the first block of all stages but the first."""
    return [f"stage{stage}_block1_{scope}" for stage in (2, 3, 4) for scope in scopes]


def test_strides_sit_in_the_first_convolution_of_a_block_and_in_its_shortcut(models: ModuleType) -> None:
    one, three, seven = ((1, 1), "same"), ((3, 3), "valid"), ((7, 7), "valid")
    basic, bottleneck = (strided(models.build(f"resnet{depth}", (65, 65, 3), 4)) for depth in (18, 50))
    assert basic == {"stem": seven} | dict.fromkeys(in_stages("conv1"), three) | dict.fromkeys(
        in_stages("shortcut"), one
    )
    assert bottleneck == {"stem": seven} | dict.fromkeys(in_stages("conv1", "shortcut"), one)


def test_the_small_form_differs_in_its_stem_alone(models: ModuleType) -> None:
    large, small = (models.build(name, (65, 65, 3), 4) for name in ("resnet18", "resnet18_small"))
    assert [layer.name for layer in large.layers if "stem" not in layer.name] == [
        layer.name for layer in small.layers if "stem" not in layer.name
    ]
    stem = small.get_layer("stem")
    assert (stem.kernel_size, stem.strides, stem.padding) == ((3, 3), (1, 1), "same")
    assert small.get_layer("stage1_block1_conv1").input.shape == (None, 65, 65, 64)


def test_senet154_takes_strides_in_its_grouped_convolution_and_projects_with_3x3(shallow_senet154: Any) -> None:
    windows = ["stem_conv1", *in_stages("conv2", "shortcut")]
    assert strided(shallow_senet154) == dict.fromkeys(windows, ((3, 3), "valid"))
    assert shallow_senet154.get_layer("stage1_block1_shortcut").kernel_size == (1, 1)
    groups = {layer.name: layer.groups for layer in convolutions(shallow_senet154) if layer.groups > 1}
    assert groups == {f"stage{stage}_block1_conv2": 64 for stage in (1, 2, 3, 4)}
    assert [layer.name for layer in shallow_senet154.layers[-3:]] == ["pool", "dropout", "logits"]


@pytest.mark.parametrize(
    ("symmetric", "padding"), [(True, [[0, 0], [1, 1], [1, 1], [0, 0]]), (False, [[0, 0], [0, 1], [0, 1], [0, 0]])]
)
def test_a_window_with_a_stride_has_zeros_on_both_sides_or_after(
    tf: ModuleType, symmetric: bool, padding: list[list[int]]
) -> None:
    import keras

    from scramble.models.blocks import normalised_convolution

    image = keras.Input((6, 8, 2))
    model = keras.Model(image, normalised_convolution(image, 3, 3, 2, "conv", symmetric=symmetric))
    features = np.random.default_rng(0).normal(size=(2, 6, 8, 2)).astype("float32")
    expected = tf.nn.conv2d(features, model.get_layer("conv").kernel.value, 2, padding)
    np.testing.assert_allclose(model(features), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "shortcut", "kind", "count"),
    [
        ("resnet18_small", "A", "PaddedShortcut", 3),
        ("resnet18_small", "B", "Conv2D", 3),
        ("resnet18_small", "C", "Conv2D", 8),
        ("resnet50_small", "A", "PaddedShortcut", 4),
        ("resnet50_small", "B", "Conv2D", 4),
        ("resnet50_small", "C", "Conv2D", 16),
    ],
)
def test_options_say_which_shortcuts_have_parameters(
    models: ModuleType, name: str, shortcut: str, kind: str, count: int
) -> None:
    model = models.build(name, (8, 8, 3), 4, shortcut=shortcut)
    kinds = [type(layer).__name__ for layer in model.layers if layer.name.endswith("_shortcut")]
    assert kinds == [kind] * count


@pytest.mark.parametrize(("reduction", "units"), [(4, 2), (16, 1)])
def test_squeeze_excitation_weighs_maps_by_their_means(tf: ModuleType, reduction: int, units: int) -> None:
    import keras

    from scramble.models.blocks import squeeze_excitation

    image = keras.Input((3, 5, 8))
    model = keras.Model(image, squeeze_excitation(image, reduction, "se"))
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=weight.shape) for weight in model.weights])
    assert [weight.shape for weight in model.weights] == [(8, units), (units,), (units, 8), (8,)]

    features = (3 * random.normal(size=(16, 3, 5, 8))).astype("float32")
    reduce, reduce_bias, excite, excite_bias = model.get_weights()
    hidden = np.maximum(features.mean(axis=(1, 2)) @ reduce + reduce_bias, 0)
    weights = 1 / (1 + np.exp(-(hidden @ excite + excite_bias)))
    assert hidden.any(axis=0).all()
    np.testing.assert_allclose(model(features), features * weights[:, None, None, :], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["se_resnet20", "se_resnet18_small"])
def test_every_block_weighs_its_residual_before_the_addition(models: ModuleType, name: str) -> None:
    model = models.build(name, (8, 8, 3), 4)
    additions = [layer for layer in model.layers if layer.name.endswith("_add")]
    for addition in additions:
        scope = addition.name.removesuffix("_add")
        shortcut, residual = addition.input
        assert residual is model.get_layer(f"{scope}_se_scale").output
        assert model.get_layer(f"{scope}_se_scale").input[0] is model.get_layer(f"{scope}_conv2_norm").output
        assert shortcut is not residual
    assert len(additions) == {"se_resnet20": 9, "se_resnet18_small": 8}[name]
