"""The grouped convolution against plain convolutions side by side: numbers, gradients, replicas, precision."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

HEIGHT, WIDTH, CHANNELS, FILTERS = 7, 10, 8, 16


@pytest.fixture(scope="module")
def grouped(tf: ModuleType) -> Any:
    from scramble.layers import GroupedConv2D

    return GroupedConv2D


@pytest.fixture
def features() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(4, HEIGHT, WIDTH, CHANNELS)).astype("float32")


def built(grouped: Any, groups: int = 4, kernel_size: int | tuple[int, int] = 3, **options: Any) -> Any:
    """A layer with random weights, a bias among them."""
    layer = grouped(FILTERS, kernel_size, groups=groups, bias_initializer="random_normal", **options)
    layer.build((None, HEIGHT, WIDTH, CHANNELS))
    draws = np.random.default_rng(1)
    layer.set_weights([draws.normal(size=weight.shape) for weight in layer.weights])
    return layer


def side_by_side(tf: ModuleType, layer: Any, inputs: Any) -> Any:
    """What the layer should compute: group by group, a plain convolution."""
    size, share = CHANNELS // layer.groups, FILTERS // layer.groups
    parts = [
        tf.nn.conv2d(
            inputs[..., group * size : (group + 1) * size],
            tf.convert_to_tensor(layer.kernel)[..., group * share : (group + 1) * share],
            layer.strides,
            layer.padding.upper(),
            dilations=layer.dilation_rate,
        )
        for group in range(layer.groups)
    ]
    return tf.nn.relu(tf.concat(parts, axis=-1) + layer.bias)


@pytest.mark.parametrize(
    "options",
    [
        {"padding": "same"},
        {"padding": "same", "strides": 2},
        {"padding": "valid", "strides": (2, 3)},
        {"padding": "same", "dilation_rate": 2},
        {"kernel_size": (1, 4)},
        {"groups": 1},
        {"groups": CHANNELS},
    ],
    ids=str,
)
def test_equals_plain_convolutions_side_by_side_gradients_too(
    grouped: Any, tf: ModuleType, features: NDArray[np.float32], options: dict[str, Any]
) -> None:
    layer = built(grouped, activation="relu", **options)
    results = []
    for convolve in (layer, lambda inputs: side_by_side(tf, layer, inputs)):
        inputs = tf.constant(features)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = convolve(inputs)
            loss = tf.reduce_sum(tf.sin(outputs))
        results.append([outputs, *tape.gradient(loss, [inputs, *layer.trainable_variables])])
    assert results[0][0].shape == layer.compute_output_shape(features.shape)
    assert len(results[0]) == 4
    for ours, expected in zip(*results, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_is_a_convolution_with_the_kernel_that_keras_gives_it(grouped: Any) -> None:
    import keras

    layer = built(grouped, kernel_size=(3, 5))
    theirs = keras.layers.Conv2D(FILTERS, (3, 5), groups=4)
    theirs.build((None, HEIGHT, WIDTH, CHANNELS))
    assert isinstance(layer, keras.layers.Conv2D)
    assert layer.kernel.shape == theirs.kernel.shape == (3, 5, CHANNELS // 4, FILTERS)


def test_needs_no_xla(grouped: Any, tf: ModuleType, features: NDArray[np.float32]) -> None:
    import keras

    def compiled(layer: Any) -> bool:
        step = tf.function(layer, autograph=False).get_concrete_function(tf.TensorSpec((None, HEIGHT, WIDTH, CHANNELS)))
        return "_XlaMustCompile" in str(step.graph.as_graph_def())

    assert compiled(keras.layers.Conv2D(FILTERS, 3, groups=4))
    assert not compiled(built(grouped))


def test_two_replicas_compute_what_one_device_computes(
    grouped: Any, tf: ModuleType, mirrored: Any, features: NDArray[np.float32]
) -> None:
    single = built(grouped)
    with mirrored.scope():
        double = built(grouped)

    def gradient(layer: Any, inputs: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(layer(inputs)))
        return tape.gradient(loss, layer.kernel.value)

    @tf.function(autograph=False)
    def step(part: Any) -> Any:
        return mirrored.reduce("SUM", mirrored.run(lambda x: gradient(double, x), args=(part,)), axis=None)

    halves = mirrored.experimental_distribute_values_from_function(
        lambda context: tf.constant(np.split(features, 2)[context.replica_id_in_sync_group])
    )
    np.testing.assert_allclose(step(halves), gradient(single, tf.constant(features)), rtol=1e-4, atol=1e-4)


def test_mixed_precision_computes_in_bfloat16(grouped: Any, tf: ModuleType, features: NDArray[np.float32]) -> None:
    layer, exact = built(grouped, dtype="mixed_bfloat16"), built(grouped)
    with tf.GradientTape(persistent=True) as tape:
        outputs = layer(features)
        expected = exact(features)
        losses = [tf.reduce_sum(tf.cast(numbers, "float32") ** 2) for numbers in (outputs, expected)]
    assert outputs.dtype == tf.bfloat16
    ours, theirs = (tape.gradient(loss, net.kernel.value) for loss, net in zip(losses, (layer, exact), strict=True))
    assert ours.dtype == tf.float32
    np.testing.assert_allclose(tf.cast(outputs, "float32"), expected, atol=0.02 * np.abs(expected).max())
    np.testing.assert_allclose(ours, theirs, atol=0.02 * np.abs(theirs).max())


def test_survives_its_configuration(grouped: Any) -> None:
    import keras

    layer = built(grouped, strides=2, padding="same", name="grouped")
    serialized = keras.saving.serialize_keras_object(layer)
    assert serialized["registered_name"] == "scramble>GroupedConv2D"
    copy = keras.saving.deserialize_keras_object(serialized)
    assert type(copy) is grouped
    assert copy.get_config() == layer.get_config()
    assert copy.groups == 4
