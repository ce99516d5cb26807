"""One contract for every architecture, and the parameter counts that the papers and the reference table give."""

import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from scramble import params

pytestmark = pytest.mark.usefixtures("tf")

CONTRACT: dict[str, tuple[params.ImageShape, dict[str, Any], int]] = {
    "mlp": ((6, 5, 3), {"units": (9, 8)}, (90 + 1) * 9 + (9 + 1) * 8 + (8 + 1) * 4),
    "lenet5": ((28, 24, 1), {}, 61706 - 6 * 85),
    "alexnet": ((67, 67, 1), {}, 20_161_220),
    "alexnet_small": ((28, 28, 1), {}, 550_538 - 6 * 513),
    "resnet20": ((8, 8, 3), {}, 269_722 - 6 * 65),
    "resnet32": ((8, 8, 3), {"shortcut": "B"}, 464_154 + 2_752 - 6 * 65),
    "resnet44": ((8, 8, 3), {}, 658_586 - 6 * 65),
    "resnet56": ((8, 8, 3), {}, 853_018 - 6 * 65),
    "resnet110": ((8, 8, 3), {}, 1_727_962 - 6 * 65),
}
"""Image shape, options and trainable parameters with 4 classes, by architecture: small images, so that they can run."""

COUNTS: tuple[tuple[str, params.ImageShape, dict[str, Any], int, int], ...] = (
    ("mlp", (28, 28, 1), {"units": (300, 100)}, 266_610, 266_610),
    ("mlp", (28, 28, 1), {"units": (500, 150)}, 469_160, 469_160),
    ("mlp", (28, 28, 1), {"units": (512, 512)}, 669_706, 669_706),
    ("lenet5", (28, 28, 1), {}, 61_706, 61_706),
    ("lenet5", (32, 32, 1), {}, 61_706, 61_706),
    ("lenet5", (32, 32, 3), {}, 62_006, 62_006),
    ("alexnet_small", (32, 32, 1), {}, 714_378, 714_378),
    ("alexnet_small", (32, 32, 3), {}, 715_978, 715_978),
    ("alexnet_small", (28, 28, 1), {}, 550_538, 550_538),
    ("resnet20", (32, 32, 3), {}, 269_722, 271_098),
    ("resnet20", (32, 32, 3), {"shortcut": "B"}, 272_474, 274_042),
    ("resnet32", (32, 32, 3), {}, 464_154, 466_426),
    ("resnet44", (32, 32, 3), {}, 658_586, 661_754),
    ("resnet56", (32, 32, 3), {}, 853_018, 857_082),
    ("resnet110", (32, 32, 3), {}, 1_727_962, 1_736_058),
)
"""Architecture, image shape, options, trainable and total parameters with 10 classes."""

every_architecture = pytest.mark.parametrize("name", CONTRACT)
BUILT: dict[str, Any] = {}


@pytest.fixture(scope="module")
def models(tf: ModuleType) -> ModuleType:
    from scramble import models

    return models


def build(models: ModuleType, name: str) -> Any:
    shape, options, _ = CONTRACT[name]
    return models.build(name, shape, 4, **options)


@pytest.fixture
def model(models: ModuleType, name: str) -> Any:
    """The architecture as its row of the contract says, built once for all tests that only read it."""
    if name not in BUILT:
        BUILT[name] = build(models, name)
    return BUILT[name]


def images(name: str, count: int = 4) -> Any:
    shape, _, _ = CONTRACT[name]
    return np.random.default_rng(0).normal(size=(count, *shape)).astype("float32")


def parameters(weights: list[Any]) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


def test_every_architecture_has_options_and_a_row(models: ModuleType) -> None:
    assert set(models.MODELS) == set(params.ARCHITECTURES) == set(CONTRACT)


@every_architecture
def test_takes_images_and_gives_logits(name: str, model: Any) -> None:
    shape, _, trainable = CONTRACT[name]
    assert [(tensor.name, tensor.dtype, tensor.shape) for tensor in model.inputs] == [
        ("image", "float32", (None, *shape))
    ]
    assert model.output_shape == (None, 4)
    assert model.layers[-1].activation.__name__ == "linear"
    assert model.name == name
    assert parameters(model.trainable_weights) == trainable


@every_architecture
def test_every_weight_gets_a_gradient(name: str, model: Any, tf: ModuleType) -> None:
    with tf.GradientTape() as tape:
        logits = model(images(name), training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits([0, 1, 2, 3], logits))
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.any(gradient), variable.path


@every_architecture
def test_survives_json(name: str, model: Any) -> None:
    import keras

    copy = keras.models.model_from_json(model.to_json())
    assert copy.to_json() == model.to_json()
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(images(name)), model(images(name)))


@every_architecture
def test_a_second_build_has_the_same_names_and_json(name: str, models: ModuleType, model: Any) -> None:
    again = build(models, name)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert again.to_json() == model.to_json()


@every_architecture
def test_works_in_mixed_precision(name: str, models: ModuleType, tf: ModuleType) -> None:
    import keras

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(models, name)
    finally:
        keras.config.set_dtype_policy("float32")
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.cast(model(images(name), training=True), "float32") ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    assert {variable.dtype for variable in model.weights} == {"float32"}
    assert model.output.dtype == "bfloat16"
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)


@pytest.mark.parametrize("name", ["mlp", "lenet5", "alexnet_small", "resnet20"])
def test_two_replicas_compute_what_one_device_computes(
    name: str, models: ModuleType, tf: ModuleType, mirrored: Any
) -> None:
    shape, options, _ = CONTRACT[name]
    if "dropout" in params.ARCHITECTURES[name].model_fields:
        options = options | {"dropout": 0.0}
    single = models.build(name, shape, 4, **options)
    with mirrored.scope():
        double = models.build(name, shape, 4, **options)
    double.set_weights(single.get_weights())

    batch = images(name, count=8)
    halves = mirrored.experimental_distribute_values_from_function(
        lambda context: tf.constant(batch[context.replica_id_in_sync_group :: 2])
    )
    step = tf.function(lambda part: mirrored.run(lambda x: double(x, training=True), args=(part,)))
    outputs = np.empty((8, 4), "float32")
    for replica, part in enumerate(mirrored.experimental_local_results(step(halves))):
        outputs[replica::2] = part
    np.testing.assert_allclose(outputs, single(batch, training=True), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("name", "shape", "options", "trainable", "total"), COUNTS)
def test_has_the_published_number_of_parameters(
    name: str, shape: params.ImageShape, options: dict[str, Any], trainable: int, total: int, models: ModuleType
) -> None:
    model = models.build(name, shape, 10, **options)
    assert (parameters(model.trainable_weights), parameters(model.weights)) == (trainable, total)


def test_alexnet_is_the_papers(published_alexnet: Any) -> None:
    assert parameters(published_alexnet.trainable_weights) == 60_965_224
    maps = {layer.name: layer.output.shape[1:] for layer in published_alexnet.layers}
    assert maps["tower1_conv1"] == (55, 55, 48)
    assert maps["tower2_conv2"] == (27, 27, 128)
    assert maps["tower1_conv3"] == (13, 13, 192)
    assert maps["conv5_towers"] == (6, 6, 256)


def test_the_layers_of_resnet_are_named_by_scope(models: ModuleType) -> None:
    names = [layer.name for layer in models.build("resnet20", (32, 32, 3), 10).layers]
    assert len([name for name in names if name.endswith(("conv1", "conv2"))]) == 18
    assert {"stem", "stage2_block1_conv1", "stage2_block1_shortcut", "stage3_block3_relu2", "logits"} <= set(names)


@every_architecture
def test_smallest_image_is_really_the_smallest(name: str, models: ModuleType) -> None:
    smallest = params.ARCHITECTURES[name].smallest
    assert models.build(name, (smallest, smallest, 1), 2).output_shape == (None, 2)
    with pytest.raises(ValueError, match=f"{name} needs images of at least {smallest}x{smallest}"):
        models.build(name, (smallest, smallest - 1, 1), 2)


@pytest.mark.parametrize("name", ["alexnet", "alexnet_small"])
def test_no_smaller_image_would_work(name: str, models: ModuleType) -> None:
    size = params.ARCHITECTURES[name].smallest - 1
    with pytest.raises(ValueError, match=r"pool"):
        models.MODELS[name]((size, size, 1), 2)


def test_larger_images_work_where_the_paper_has_one_size(models: ModuleType) -> None:
    assert parameters(models.build("lenet5", (40, 36, 1), 10).weights) == 61_706 + (7 * 6 - 25) * 16 * 120


def test_the_small_form_is_named_only_where_it_works(models: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"its small form is alexnet_small$"):
        models.build("alexnet", (32, 32, 1), 10)
    with pytest.raises(ValueError, match=r"these are 8x8$"):
        models.build("alexnet", (8, 8, 1), 10)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lenet", {}, "unknown architecture 'lenet': did you mean 'lenet5'?"),
        ("mlp", {"unit": (10,)}, "unknown parameter 'unit': did you mean 'units'?"),
        ("lenet5", {"dropout": 0.5}, "unknown parameter 'dropout'"),
        ("mlp", {"units": (0,)}, "options.units.0: input should be greater than or equal to 1, received 0"),
        ("alexnet_small", {"dropout": 1.0}, "options.dropout: input should be less than 1, received 1.0"),
        ("resnet20", {"shortcut": "C"}, "options.shortcut: unknown choice 'C': known: A, B"),
    ],
)
def test_refuses_what_it_does_not_know(name: str, options: dict[str, Any], message: str, models: ModuleType) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        models.build(name, (32, 32, 1), 10, **options)
