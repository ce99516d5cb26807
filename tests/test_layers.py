"""The layers that Keras lacks, against Keras, against TensorFlow's kernels and against the papers' formulas."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("tf")


@pytest.fixture(scope="module")
def layers(tf: ModuleType) -> ModuleType:
    from scramble import layers

    return layers


@pytest.fixture
def features() -> NDArray[np.float32]:
    """(n, h, w, c) with a mean and a spread of its own in every channel."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(4, 3, 5, 7)) * np.arange(1, 8) + np.arange(7)).astype("float32")


def normalizations(layers: ModuleType, channels: int = 7) -> tuple[Any, Any]:
    """Ours and Keras', with the same scale and offset."""
    import keras

    pair = (
        layers.BatchNormalization(momentum=0.8, epsilon=1e-2),
        keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-2),
    )
    for layer in pair:
        layer.build((None, None, None, channels))
        layer.gamma.assign(np.linspace(0.5, 2, channels))
        layer.beta.assign(np.linspace(-1, 1, channels))
    return pair


def test_batch_normalization_trains_as_keras_does(
    layers: ModuleType, tf: ModuleType, features: NDArray[np.float32]
) -> None:
    results = []
    for layer in normalizations(layers):

        @tf.function
        def step(inputs: Any, layer: Any = layer) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs = layer(inputs, training=True)
                loss = tf.reduce_sum(outputs * tf.cos(tf.range(7.0)) + outputs**3)
            return outputs, *tape.gradient(loss, [inputs, *layer.trainable_variables])

        step(tf.constant(features))
        numbers = step(tf.constant(features[::-1] ** 2 / 5))
        results.append([np.array(number.numpy()) for number in (*numbers, *layer.variables)])
    assert len(results[0]) == 8
    for ours, keras in zip(*results, strict=True):
        np.testing.assert_allclose(ours, keras, rtol=2e-5, atol=2e-5 * np.abs(keras).max())


def test_batch_normalization_is_fused_in_training_alone(layers: ModuleType, tf: ModuleType) -> None:
    layer, _ = normalizations(layers)

    def operations(training: bool) -> set[str]:
        function = tf.function(lambda inputs: layer(inputs, training=training))
        graph = function.get_concrete_function(tf.TensorSpec((None, 4, 4, 7))).graph
        return {operation.type for operation in graph.get_operations()}

    assert "FusedBatchNormV3" in operations(training=True)
    assert "FusedBatchNormV3" not in operations(training=False)


@pytest.mark.parametrize("trainable", [True, False])
def test_batch_normalization_infers_as_keras_does(
    layers: ModuleType, features: NDArray[np.float32], trainable: bool
) -> None:
    outputs = []
    for layer in normalizations(layers):
        layer.moving_mean.assign(np.arange(7.0))
        layer.moving_variance.assign(np.arange(1.0, 8.0))
        layer.trainable = trainable
        outputs.append(layer(features, training=not trainable))
    np.testing.assert_array_equal(*outputs)


def test_batch_normalization_of_bfloat16_keeps_float32_statistics(
    layers: ModuleType, tf: ModuleType, features: NDArray[np.float32]
) -> None:
    import keras

    mixed = layers.BatchNormalization(dtype=keras.DTypePolicy("mixed_bfloat16"))
    full = layers.BatchNormalization()
    outputs = mixed(tf.cast(features, "bfloat16"), training=True)
    expected = full(tf.cast(tf.cast(features, "bfloat16"), "float32"), training=True)
    assert outputs.dtype == tf.bfloat16
    assert {variable.dtype for variable in mixed.variables} == {"float32"}
    np.testing.assert_allclose(tf.cast(outputs, "float32"), expected, atol=0.02)
    np.testing.assert_allclose(mixed.moving_variance, full.moving_variance, rtol=1e-5)


def test_batch_normalization_of_two_replicas_sees_the_whole_batch(
    layers: ModuleType, tf: ModuleType, mirrored: Any, features: NDArray[np.float32]
) -> None:
    single, _ = normalizations(layers)
    with mirrored.scope():
        double, _ = normalizations(layers)
    halves = mirrored.experimental_distribute_values_from_function(
        lambda context: tf.constant(np.split(features, 2)[context.replica_id_in_sync_group])
    )
    step = tf.function(lambda part: mirrored.run(lambda x: double(x, training=True), args=(part,)))
    outputs = np.concatenate(mirrored.experimental_local_results(step(halves)))
    np.testing.assert_allclose(outputs, single(features, training=True), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(double.moving_variance, single.moving_variance, rtol=1e-5)


def test_batch_normalization_refuses_an_epsilon_that_its_kernel_would_replace(layers: ModuleType) -> None:
    with pytest.raises(ValueError, match="epsilon 1e-05 is too small"):
        layers.BatchNormalization(epsilon=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 8])
def test_local_response_normalization_is_the_papers_formula(layers: ModuleType, channels: int) -> None:
    activations = np.random.default_rng(1).normal(size=(2, 3, 4, channels)).astype("float32") * 100
    expected = np.empty_like(activations)
    for i in range(channels):
        near = activations[..., max(0, i - 2) : min(channels - 1, i + 2) + 1]
        expected[..., i] = activations[..., i] / (2 + 1e-4 * np.sum(near**2, axis=-1)) ** 0.75
    np.testing.assert_allclose(layers.LocalResponseNormalization()(activations), expected, rtol=1e-5)


def test_local_response_normalization_has_the_gradient_of_tensorflows_kernel(
    layers: ModuleType, tf: ModuleType
) -> None:
    activations = tf.constant(np.random.default_rng(2).normal(size=(2, 3, 4, 8)).astype("float32") * 100)
    gradients = []
    for normalize in (
        layers.LocalResponseNormalization(),
        lambda x: tf.nn.local_response_normalization(x, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75),
    ):
        with tf.GradientTape() as tape:
            tape.watch(activations)
            loss = tf.reduce_sum(tf.sin(normalize(activations)))
        gradients.append(tape.gradient(loss, activations))
    np.testing.assert_allclose(*gradients, rtol=1e-3, atol=1e-5)


def test_local_response_normalization_keeps_bfloat16(layers: ModuleType, tf: ModuleType) -> None:
    layer = layers.LocalResponseNormalization(dtype="mixed_bfloat16")
    assert layer(tf.ones((1, 2, 2, 4))).dtype == tf.bfloat16


def test_padded_shortcut_takes_every_second_pixel_and_adds_channels_of_zeros(
    layers: ModuleType, features: NDArray[np.float32]
) -> None:
    outputs = np.array(layers.PaddedShortcut(filters=10, strides=2)(features))
    assert outputs.shape == (4, 2, 3, 10)
    np.testing.assert_array_equal(outputs[..., :7], features[:, ::2, ::2])
    assert not outputs[..., 7:].any()


def test_layers_survive_their_configuration(layers: ModuleType) -> None:
    import keras

    for layer in (
        layers.BatchNormalization(momentum=0.7, epsilon=0.1, name="norm"),
        layers.LocalResponseNormalization(name="response"),
        layers.PaddedShortcut(filters=8, strides=2, name="shortcut"),
    ):
        serialized = keras.saving.serialize_keras_object(layer)
        assert serialized["registered_name"] == f"scramble>{type(layer).__name__}"
        copy = keras.saving.deserialize_keras_object(serialized)
        assert type(copy) is type(layer)
        assert copy.get_config() == layer.get_config()
