"""One contract for every architecture, and what a few of them promise beside it."""

import re
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

from scramble import params

pytestmark = pytest.mark.usefixtures("tf")

Row = tuple[params.ImageShape, dict[str, Any], int]
SQUEEZE_STEM, SMALL_STEM = 2 * 49 * 64, (49 - 9) * 3 * 64
"""Parameters fewer of a 7x7 stem on one channel instead of three, and of a 3x3 stem on three."""
SE_18, SE_34, SE_50, SE_101, SE_152 = 89_080, 161_196, 2_530_992, 4_777_712, 6_629_040
"""What squeeze-and-excitation adds: 2 C^2 / 16 + C / 16 + C per block of C channels."""

CONTRACT: dict[str, Row] = {
    "mlp": ((6, 5, 3), {"units": (9, 8)}, (90 + 1) * 9 + (9 + 1) * 8 + (8 + 1) * 4),
    "lenet5": ((28, 24, 1), {}, 61_706 - 6 * 85),
    "lenet5_1998": ((28, 24, 1), {}, 60_000),
    "lenet5_channel_pooling": ((28, 24, 1), {}, 64_278 - 6 * 85),
    "alexnet": ((67, 67, 1), {}, 20_161_220),
    "alexnet_one_tower": ((67, 67, 1), {}, 20_161_220 + 62_378_344 - 60_965_224),
    "alexnet_small": ((28, 28, 1), {}, 550_538 - 6 * 513),
    "googlenet": ((65, 65, 1), {}, 6_998_552 - 996 * 1025 - SQUEEZE_STEM),
    "googlenet_small": ((28, 28, 1), {}, 375_296),
    "resnet20": ((8, 8, 3), {}, 269_722 - 6 * 65),
    "resnet32": ((8, 8, 3), {"shortcut": "B"}, 464_154 + 2_752 - 6 * 65),
    "resnet44": ((8, 8, 3), {}, 658_586 - 6 * 65),
    "resnet56": ((8, 8, 3), {}, 853_018 - 6 * 65),
    "resnet110": ((8, 8, 3), {}, 1_727_962 - 6 * 65),
    "resnet18": ((65, 65, 1), {}, 11_689_512 - 996 * 513 - SQUEEZE_STEM),
    "resnet34": ((65, 65, 1), {"shortcut": "A"}, 21_797_672 - 996 * 513 - SQUEEZE_STEM - 173_824),
    "resnet50": ((65, 65, 1), {}, 25_557_032 - 996 * 2049 - SQUEEZE_STEM),
    "resnet101": ((65, 65, 1), {}, 44_549_160 - 996 * 2049 - SQUEEZE_STEM),
    "resnet152": ((65, 65, 1), {}, 60_192_808 - 996 * 2049 - SQUEEZE_STEM),
    "resnet18_small": ((8, 8, 3), {}, 11_689_512 - 996 * 513 - SMALL_STEM),
    "resnet34_small": ((8, 8, 3), {}, 21_797_672 - 996 * 513 - SMALL_STEM),
    "resnet50_small": ((8, 8, 3), {}, 25_557_032 - 996 * 2049 - SMALL_STEM),
    "resnet101_small": ((8, 8, 3), {}, 44_549_160 - 996 * 2049 - SMALL_STEM),
    "resnet152_small": ((8, 8, 3), {}, 60_192_808 - 996 * 2049 - SMALL_STEM),
    "xception": ((71, 71, 1), {}, 22_855_952 - 996 * 2049 - 2 * 9 * 32),
    "xception_small": ((28, 28, 1), {}, 717_612),
    "se_resnet20": ((8, 8, 3), {}, 269_722 + 3 * 791 - 6 * 65),
    "se_resnet32": ((8, 8, 3), {}, 464_154 + 5 * 791 - 6 * 65),
    "se_resnet44": ((8, 8, 3), {}, 658_586 + 7 * 791 - 6 * 65),
    "se_resnet56": ((8, 8, 3), {}, 853_018 + 9 * 791 - 6 * 65),
    "se_resnet110": ((8, 8, 3), {}, 1_727_962 + 18 * 791 - 6 * 65),
    "se_resnet18": ((65, 65, 1), {}, 11_689_512 + SE_18 - 996 * 513 - SQUEEZE_STEM),
    "se_resnet34": ((65, 65, 1), {}, 21_797_672 + SE_34 - 996 * 513 - SQUEEZE_STEM),
    "se_resnet50": ((65, 65, 1), {}, 25_557_032 + SE_50 - 996 * 2049 - SQUEEZE_STEM),
    "se_resnet101": ((65, 65, 1), {}, 44_549_160 + SE_101 - 996 * 2049 - SQUEEZE_STEM),
    "se_resnet152": ((65, 65, 1), {}, 60_192_808 + SE_152 - 996 * 2049 - SQUEEZE_STEM),
    "se_resnet18_small": ((8, 8, 3), {}, 11_689_512 + SE_18 - 996 * 513 - SMALL_STEM),
    "se_resnet34_small": ((8, 8, 3), {}, 21_797_672 + SE_34 - 996 * 513 - SMALL_STEM),
    "se_resnet50_small": ((8, 8, 3), {}, 25_557_032 + SE_50 - 996 * 2049 - SMALL_STEM),
    "se_resnet101_small": ((8, 8, 3), {}, 44_549_160 + SE_101 - 996 * 2049 - SMALL_STEM),
    "se_resnet152_small": ((8, 8, 3), {}, 60_192_808 + SE_152 - 996 * 2049 - SMALL_STEM),
    "senet154": ((65, 65, 1), {}, 115_088_984 - 996 * 2049 - 2 * 9 * 64),
    "senet154_small": ((8, 8, 3), {}, 115_088_984 - 996 * 2049),
}
"""Image shape, options and trainable parameters with 4 classes, by architecture: small images, so that they can run."""


class Built(NamedTuple):
    """An architecture as its row of the contract says."""

    name: str
    model: Any

    def images(self, count: int = 4) -> Any:
        return np.random.default_rng(0).normal(size=(count, *CONTRACT[self.name][0])).astype("float32")


@pytest.fixture(scope="module", params=CONTRACT)
def built(request: pytest.FixtureRequest, models: ModuleType) -> Built:
    """Every architecture in turn, built once for all tests that only read it."""
    shape, options, _ = CONTRACT[request.param]
    return Built(request.param, models.build(request.param, shape, 4, **options))


def test_every_architecture_has_options_and_a_row(models: ModuleType) -> None:
    assert set(models.MODELS) == set(params.ARCHITECTURES) == set(CONTRACT)


def test_takes_images_and_gives_logits(built: Built) -> None:
    shape, _, trainable = CONTRACT[built.name]
    assert [(tensor.name, tensor.dtype, tensor.shape) for tensor in built.model.inputs] == [
        ("image", "float32", (None, *shape))
    ]
    assert built.model.output_shape == (None, 4)
    assert built.model.layers[-1].name == "logits"
    assert getattr(built.model.layers[-1], "activation", None) in (None, linear())
    assert built.model.name == built.name
    assert sum(int(np.prod(weight.shape)) for weight in built.model.trainable_weights) == trainable


def linear() -> Any:
    import keras

    return keras.activations.linear


def test_every_weight_gets_a_gradient(built: Built, tf: ModuleType) -> None:
    gradients = gradients_of(built.model, built.images(), tf)
    for variable, gradient in zip(built.model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.any(gradient), variable.path


def gradients_of(model: Any, images: Any, tf: ModuleType) -> list[Any]:
    with tf.GradientTape() as tape:
        logits = tf.cast(model(images, training=True), "float32")
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits([0, 1, 2, 3], logits))
    return tape.gradient(loss, model.trainable_variables)


def test_survives_json(built: Built) -> None:
    from scramble.layers import model_from_json

    copy = model_from_json(built.model.to_json())
    assert copy.to_json() == built.model.to_json()
    copy.set_weights(built.model.get_weights())
    np.testing.assert_array_equal(copy(built.images()), built.model(built.images()))


def test_a_second_build_under_a_strategy_is_the_same(built: Built, models: ModuleType, mirrored: Any) -> None:
    shape, options, _ = CONTRACT[built.name]
    with mirrored.scope():
        again = models.build(built.name, shape, 4, **options)
    assert [layer.name for layer in again.layers] == [layer.name for layer in built.model.layers]
    assert again.to_json() == built.model.to_json()


def test_works_in_mixed_precision(built: Built, tf: ModuleType) -> None:
    from scramble.layers import model_from_json

    model = model_from_json(built.model.to_json(), "mixed_bfloat16")
    gradients = gradients_of(model, built.images(), tf)
    assert {variable.dtype for variable in model.weights} == {"float32"}
    assert model.output.dtype == "bfloat16"
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)


ONE_OF_EACH_KIND = (
    *("mlp", "lenet5", "lenet5_1998", "lenet5_channel_pooling", "alexnet_small", "googlenet_small"),
    *("resnet20", "resnet18_small", "xception_small", "se_resnet20"),
)


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
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

    batch = Built(name, single).images(count=8)
    halves = mirrored.experimental_distribute_values_from_function(
        lambda context: tf.constant(batch[context.replica_id_in_sync_group :: 2])
    )
    step = tf.function(lambda part: mirrored.run(lambda x: double(x, training=True), args=(part,)))
    outputs = np.empty((8, 4), "float32")
    for replica, part in enumerate(mirrored.experimental_local_results(step(halves))):
        outputs[replica::2] = part
    np.testing.assert_allclose(outputs, single(batch, training=True), rtol=1e-3, atol=1e-4)


def test_alexnet_is_the_papers(published_alexnet: Any) -> None:
    maps = {layer.name: layer.output.shape[1:] for layer in published_alexnet.layers}
    assert maps["tower1_conv1"] == (55, 55, 48)
    assert maps["tower2_conv2"] == (27, 27, 128)
    assert maps["tower1_conv3"] == (13, 13, 192)
    assert maps["conv5_towers"] == (6, 6, 256)


def test_the_layers_of_resnet_are_named_by_scope(models: ModuleType) -> None:
    names = [layer.name for layer in models.build("resnet20", (32, 32, 3), 10).layers]
    assert len([name for name in names if name.endswith(("conv1", "conv2"))]) == 18
    assert {"stem", "stage2_block1_conv1", "stage2_block1_shortcut", "stage3_block3_relu2", "logits"} <= set(names)


def test_smallest_image_is_really_the_smallest(built: Built, models: ModuleType) -> None:
    name, smallest = built.name, params.ARCHITECTURES[built.name].smallest
    if CONTRACT[name][0] != (smallest, smallest, 1):
        assert models.build(name, (smallest, smallest, 1), 2).output_shape == (None, 2)
    with pytest.raises(ValueError, match=f"{name} needs images of at least {smallest}x{smallest}"):
        models.build(name, (smallest, smallest - 1, 1), 2)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("alexnet", {}),
        ("alexnet_small", {}),
        ("googlenet", {"auxiliary_heads": True}),
        ("googlenet_small", {"auxiliary_heads": True}),
    ],
)
def test_no_smaller_image_would_work(name: str, options: dict[str, Any], models: ModuleType) -> None:
    size = params.ARCHITECTURES[name].smallest - 1
    with pytest.raises(ValueError, match=r"pool"):
        models.MODELS[name]((size, size, 1), 2, **options)


def test_larger_images_work_where_the_paper_has_one_size(models: ModuleType) -> None:
    weights = models.build("lenet5", (40, 36, 1), 10).weights
    assert sum(int(np.prod(weight.shape)) for weight in weights) == 61_706 + (7 * 6 - 25) * 16 * 120


def test_the_small_form_is_named_only_where_it_works(models: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"its small form is alexnet_small$"):
        models.build("alexnet", (32, 32, 1), 10)
    with pytest.raises(ValueError, match=r"its small form is se_resnet50_small$"):
        models.build("se_resnet50", (32, 32, 1), 10)
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
        ("se_resnet20", {"reduction": 0}, "options.reduction: input should be greater than or equal to 1, received 0"),
        ("googlenet_small", {"heads": True}, "unknown parameter 'heads'"),
    ],
)
def test_refuses_what_it_does_not_know(name: str, options: dict[str, Any], message: str, models: ModuleType) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        models.build(name, (32, 32, 1), 10, **options)
