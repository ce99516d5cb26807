"""The ledger against published numbers, against numbers worked out by hand, and against what a network sees."""

from collections.abc import Callable
from functools import cache
from math import prod
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import synthetic_study
from scramble import params


@pytest.fixture(scope="module")
def ledger(tf: ModuleType) -> Any:
    from scramble.ledger import ledger

    return ledger


@pytest.fixture(scope="module")
def ledger_of(models: ModuleType, ledger: Any) -> Callable[..., Any]:
    """The ledger of an architecture, built as `describe` does: its weights have shapes only."""
    import keras
    from keras.src.backend.common import global_state

    @cache
    def read(name: str, image_shape: params.ImageShape, num_classes: int, **options: Any) -> Any:
        with keras.StatelessScope(initialize_variables=False):
            row = ledger(models.build(name, image_shape, num_classes, **options))
        # Else the next network that a test builds would give all these weights their values, too.
        global_state.set_global_attribute("uninitialized_variables", [])
        return row

    return read


def row_of(ledger: Any, name: str) -> Any:
    return next(row for row in ledger.layers if row.name == name)


def usual_shape(name: str) -> params.ImageShape:
    """Small images for networks that take them, large ones for the others."""
    return (32, 32, 3) if params.ARCHITECTURES[name].smallest <= 32 else (224, 224, 3)


@pytest.mark.parametrize("name", params.ARCHITECTURES)
def test_every_architecture_can_be_counted(ledger_of: Any, name: str) -> None:
    row = ledger_of(name, usual_shape(name), 10)
    assert sum(row.parameters_in.model_dump().values()) == row.trainable_parameters <= row.total_parameters
    assert row.trainable_parameters == sum(layer.parameters for layer in row.layers)
    assert row.connections >= row.macs
    with_map = {layer.depth for layer in row.layers if layer.receptive_field}
    assert with_map | {0} == set(range(max(with_map, default=0) + 1))  # which the figure of receptive fields needs


def test_a_tests_ledger_is_a_ledger(ledger: Any) -> None:
    from scramble.ledger import Ledger

    assert Ledger.model_validate(synthetic_study.LEDGER).model_dump(mode="json") == synthetic_study.LEDGER


# --- counting --------------------------------------------------------------------------------------------------


def test_lenet5_of_1998_has_the_connections_of_its_paper(ledger_of: Any) -> None:
    row = ledger_of("lenet5_1998", (32, 32, 1), 10)
    published = {"c1": 122_304, "s2": 5_880, "c3": 151_600, "s4": 2_000, "c5": 48_120, "f6": 10_164}
    assert {name: row_of(row, name).connections for name in published} == published
    assert row.trainable_parameters == 60_000
    assert row.connections == 340_908
    assert row.parameters_in.other == 12 + 32
    assert row.macs == 28 * 28 * 6 * 25 + 10 * 10 * 60 * 25 + 400 * 120 + 120 * 84 + 84 * 10


def test_lenet5_as_taught_today(ledger_of: Any) -> None:
    row = ledger_of("lenet5", (32, 32, 1), 10)
    published = {"c1": 122_304, "c5": 48_120, "f6": 10_164}
    dense_c3, logits = 10 * 10 * 16 * (5 * 5 * 6 + 1), (84 + 1) * 10
    assert row.connections == sum(published.values()) + dense_c3 + logits
    assert row.sharing_factor == row.connections / 61_706
    assert row.macs == 28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10
    assert row.dense_share == (48_120 + 10_164 + 850) / 61_706


def test_mlp_shares_nothing_and_sees_everything(ledger_of: Any) -> None:
    row = ledger_of("mlp", (28, 20, 1), 10)
    assert row.sharing_factor == row.dense_share == 1
    assert row.receptive_field == (28, 20)
    assert row.macs == 560 * 512 + 512 * 512 + 512 * 10
    assert row.depth == 3
    assert {layer.receptive_field for layer in row.layers} == {None}


def test_alexnet_agrees_with_the_published_numbers(ledger_of: Any) -> None:
    row = ledger_of("alexnet", (227, 227, 3), 1000)
    assert row.trainable_parameters == row.total_parameters == 60_965_224
    assert row.macs == 724_406_816
    dense = (9216 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    assert row.dense_share == dense / 60_965_224


@pytest.mark.parametrize(
    ("name", "size", "macs", "published"),
    [
        ("resnet18", 224, 1_814_073_344, 1.8),
        ("resnet34", 224, 3_663_761_408, 3.6),
        ("resnet50", 224, 3_857_973_248, 3.8),
        ("resnet101", 224, 7_570_194_432, 7.6),
        ("resnet152", 224, 11_282_415_616, 11.3),
        ("se_resnet50", 224, 3_860_488_192, 3.87),
        ("senet154", 224, 20_688_363_520, 20.7),
        ("xception", 299, 8_357_403_496, 8.4),
    ],
)
def test_multiply_accumulates_of_large_networks(
    ledger_of: Any, name: str, size: int, macs: int, published: float
) -> None:
    """Against what He et al. 2016 and Hu et al. 2018 print, and what is quoted for the last two, in 10**9."""
    row = ledger_of(name, (size, size, 3), 1000)
    assert row.macs == macs == pytest.approx(published * 1e9, rel=0.02)


def test_googlenet_multiplies_as_often_as_table_1_of_its_paper_says(ledger_of: Any) -> None:
    row = ledger_of("googlenet", (224, 224, 3), 1000)
    published = {"inception3a": 128, "inception3b": 304, "inception4a": 73, "inception4b": 88, "inception4c": 100}
    published |= {"inception4d": 119, "inception4e": 170, "inception5b": 71, "conv2": 360, "logits": 1}
    found = {
        module: sum(layer.macs for layer in row.layers if layer.name.startswith(module)) / 1e6 for module in published
    }
    assert found == pytest.approx(published, abs=1)
    # Of two rows, table 1 has other numbers than its own filters make: 34 for the first convolution, 54 for 5a.
    conv1 = 112 * 112 * 64 * 7 * 7 * 3
    inception5a = 7 * 7 * (832 * (256 + 160 + 32 + 128) + 9 * 160 * 320 + 25 * 32 * 128)
    assert row_of(row, "conv1").macs == conv1
    assert row.macs == 1_582_671_872 == sum(round(found[module] * 1e6) for module in found) + conv1 + inception5a


@pytest.mark.parametrize(("shortcut", "extra_macs"), [("A", 0), ("B", 256 * 16 * 32 + 64 * 32 * 64)])
def test_resnet20_agrees_with_the_published_numbers(ledger_of: Any, shortcut: str, extra_macs: int) -> None:
    row = ledger_of("resnet20", (32, 32, 3), 10, shortcut=shortcut)
    assert row.macs == 40_551_040 + extra_macs
    if shortcut == "A":
        assert (row.trainable_parameters, row.total_parameters) == (269_722, 271_098)


def test_normalisation_uses_its_scale_and_offset_at_every_position(ledger_of: Any) -> None:
    row = ledger_of("resnet20", (32, 32, 3), 10)
    units = 7 * 32 * 32 * 16 + 6 * 16 * 16 * 32 + 6 * 8 * 8 * 64
    assert row.connections == row.macs + 2 * units + 10
    assert row.parameters_in.normalisation == 2 * (7 * 16 + 6 * 32 + 6 * 64)


def test_separable_and_grouped_convolutions(ledger: Any) -> None:
    import keras

    from scramble.layers import GroupedConv2D

    image = keras.Input((9, 7, 4), name="image")
    tensor = keras.layers.SeparableConv2D(6, 3, name="separable")(image)
    row = ledger(keras.Model(image, GroupedConv2D(8, 3, strides=2, groups=2, name="grouped")(tensor)))
    separable, grouped = row.layers
    assert separable.parameters == 3 * 3 * 4 + 4 * 6 + 6
    assert separable.macs == 7 * 5 * (3 * 3 * 4 + 4 * 6)
    assert separable.connections == 7 * 5 * separable.parameters
    assert grouped.parameters == 3 * 3 * 3 * 8 + 8
    assert grouped.macs == 3 * 2 * 3 * 3 * 3 * 8
    assert (grouped.kernel_size, grouped.strides, grouped.padding) == ((3, 3), (2, 2), "valid")
    assert grouped.output_shape == (3, 2, 8)


def test_refuses_a_layer_that_it_cannot_count(ledger: Any) -> None:
    import keras

    image = keras.Input((4, 4, 1), name="image")
    model = keras.Model(image, keras.layers.PReLU(name="slope")(image))
    with pytest.raises(TypeError, match="cannot count PReLU 'slope'"):
        ledger(model)


def test_activations_are_the_outputs_of_layers_and_no_views(ledger_of: Any) -> None:
    row = ledger_of("lenet5", (28, 28, 1), 10)
    maps = 28 * 28 + 32 * 32 + 28 * 28 * 6 + 14 * 14 * 6 + 10 * 10 * 16 + 5 * 5 * 16
    assert row.activation_bytes == 4 * (maps + 120 + 84 + 10)


def test_auxiliary_heads_count_in_training_only(ledger_of: Any) -> None:
    plain, headed = (
        ledger_of("googlenet", (224, 224, 3), 1000, auxiliary_heads=with_heads) for with_heads in (False, True)
    )
    heads = [layer for layer in headed.layers if layer.auxiliary]
    assert {layer.name.split("_")[0] for layer in heads} == {"auxiliary1", "auxiliary2"}
    assert not any(layer.auxiliary for layer in plain.layers)
    for field in ("macs", "receptive_field", "depth", "first_layer"):
        assert getattr(plain, field) == getattr(headed, field)
    assert headed.trainable_parameters == 13_378_280 == plain.trainable_parameters + sum(h.parameters for h in heads)
    assert headed.connections == plain.connections + sum(layer.connections for layer in heads)
    activations = 4 * sum(prod(layer.output_shape) for layer in heads if layer.kind != "Flatten")
    assert headed.activation_bytes == plain.activation_bytes + activations


# --- the first layer -------------------------------------------------------------------------------------------


def test_the_lectures_fully_connected_neuron(ledger_of: Any) -> None:
    first = ledger_of("resnet50", (200, 200, 3), 10).first_layer
    assert first.dense_weights_per_unit == 120_000
    assert first.units == 100 * 100 * 64
    assert first.parameters == 7 * 7 * 3 * 64
    assert first.dense_parameters == 640_000 * 120_001


def test_both_towers_are_alexnets_first_layer(ledger_of: Any) -> None:
    towers, tower = (ledger_of(name, (227, 227, 3), 10).first_layer for name in ("alexnet", "alexnet_one_tower"))
    assert towers == tower
    assert towers.units == 55 * 55 * 96


def test_the_first_layer_of_an_mlp_is_fully_connected(ledger_of: Any) -> None:
    first = ledger_of("mlp", (28, 28, 1), 10).first_layer
    assert first.parameters == first.dense_parameters == 785 * 512


# --- fields and depth ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "size", "field"),
    [
        ("alexnet", 227, 195),
        ("resnet50", 224, 483),
        ("resnet101", 224, 1027),
        ("resnet152", 224, 1507),
        # The stem 11; 4 windows 4 pixels apart; then in each stage one as far apart as before it and 3 twice as far.
        ("resnet18", 224, 11 + 4 * 8 + (8 + 3 * 16) + (16 + 3 * 32) + (32 + 3 * 64)),
        # Window by window: the stem, then 5x5 convolutions 8, 16 and 32 pixels apart and poolings between.
        ("googlenet", 224, 7 + 4 + 8 + 8 + 2 * 32 + 16 + 5 * 64 + 32 + 2 * 128),
        # The stem, three blocks of two convolutions and a pooling, the middle flow, the exit block, two convolutions.
        ("xception", 299, 7 + (4 + 4 + 4) + (8 + 8 + 8) + (16 + 16 + 16) + 8 * 3 * 32 + (32 + 32 + 32) + 2 * 64),
        ("lenet5_1998", 28, 16),
        # 3 pixels, then 2 for each 3x3 convolution times the distance between units: 7 at 1, 6 at 2, 5 at 4.
        ("resnet20", 32, 81),
        ("se_resnet20", 32, 81),
    ],
)
def test_published_receptive_fields_and_those_worked_out_by_hand(
    ledger_of: Any, name: str, size: int, field: int
) -> None:
    """The first four are of Araujo et al. 2019, table 1."""
    assert ledger_of(name, (size, size, 3), 10).receptive_field == (field, field)


@pytest.mark.parametrize(
    ("name", "height"),
    [
        ("lenet5", 32),
        ("lenet5_1998", 32),
        ("alexnet_small", 96),
        ("googlenet_small", 256),
        ("resnet18_small", 160),
        ("xception_small", 352),
        ("se_resnet20", 128),
    ],
)
def test_the_receptive_field_is_what_a_unit_sees(models: ModuleType, ledger: Any, name: str, height: int) -> None:
    """Images with one lit row each: those that light the unit in the middle of the last map are in its field."""
    import keras

    width = max(4, params.ARCHITECTURES[name].smallest)
    model = models.build(name, (height, width, 1), 2)
    for weight in model.weights:
        weight.assign(np.full(weight.shape, let_all_through(weight.name, weight.shape)))
    row = ledger(model)
    last = [layer.name for layer in row.layers if layer.receptive_field][-1]
    outputs = keras.Model(model.input, model.get_layer(last).output)
    images = np.zeros((height, height, width, 1), np.float32)
    images[np.arange(height), np.arange(height)] = 1
    maps = np.concatenate([outputs(images[start : start + 32], training=False) for start in range(0, height, 32)])
    rows = np.flatnonzero(maps[:, maps.shape[1] // 2].max(axis=(1, 2)))
    assert rows[0] > 0
    assert rows[-1] < height - 1
    assert rows[-1] - rows[0] + 1 == row.receptive_field[0]


def let_all_through(weight: str, shape: tuple[int, ...]) -> float:
    """The value of a weight with which nothing positive is lost, and nothing added."""
    if weight in {"gamma", "moving_variance", "coefficient"}:
        return 1
    if weight == "depthwise_kernel":
        return 1 / prod(shape[:2])
    return 1 / prod(shape[:-1]) if weight.endswith("kernel") else 0


def test_padding_the_image_is_no_window(ledger_of: Any) -> None:
    padded, whole = (ledger_of("lenet5", (size, size, 1), 10) for size in (28, 32))
    assert padded.receptive_field == whole.receptive_field
    assert padded.layers[1:] == whole.layers
    assert (padded.layers[0].receptive_field, padded.layers[0].padding) == ((1, 1), "2+2, 2+2")


@pytest.mark.parametrize(
    ("name", "depth"),
    [("lenet5", 5), ("alexnet", 8), ("googlenet", 22), ("xception", 37), ("senet154", 154)]
    + [(f"{se}resnet{depth}", depth) for se in ("", "se_") for depth in (18, 20, 50, 110, 152)],
)
def test_depth_is_what_networks_are_called_by(ledger_of: Any, name: str, depth: int) -> None:
    assert ledger_of(name, usual_shape(name), 10).depth == depth


def test_a_gate_does_not_widen_the_field_and_sees_the_whole_image(ledger_of: Any) -> None:
    row = ledger_of("se_resnet20", (32, 32, 3), 10)
    gates = [layer for layer in row.layers if layer.name.startswith("stage1_block1_se_")]
    assert [layer.receptive_field for layer in gates] == [None, None, None, (7, 7)]
    assert [layer.depth for layer in gates] == [3, 4, 5, 3]
