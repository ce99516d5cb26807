"""Pooling over channels, and the LeNet-5 that does it."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("tf")


@pytest.fixture(scope="module")
def pooling(tf: ModuleType) -> Any:
    from scramble.layers import ChannelMaxPooling

    return ChannelMaxPooling


@pytest.fixture(scope="module")
def models(tf: ModuleType) -> ModuleType:
    from scramble import models

    return models


@pytest.mark.parametrize(("channels", "pool_size"), [(6, 1), (6, 2), (6, 3), (4, 4)])
def test_takes_the_maximum_of_neighbouring_channels(pooling: Any, channels: int, pool_size: int) -> None:
    features = np.random.default_rng(0).normal(size=(2, 3, 5, channels)).astype("float32")
    groups = [features[..., first : first + pool_size] for first in range(0, channels, pool_size)]
    expected = np.stack([group.max(axis=-1) for group in groups], axis=-1)
    np.testing.assert_array_equal(pooling(pool_size)(features), expected)


def test_the_gradient_goes_to_the_maximum_alone(pooling: Any, tf: ModuleType) -> None:
    features = tf.constant([[[[1.0, 5.0, -2.0, -3.0]]]])
    with tf.GradientTape() as tape:
        tape.watch(features)
        outputs = pooling(2)(features) * [7.0, 8.0]
    np.testing.assert_array_equal(tape.gradient(outputs, features), [[[[0.0, 7.0, 8.0, 0.0]]]])


def test_refuses_channels_that_do_not_make_whole_groups(pooling: Any) -> None:
    with pytest.raises(ValueError, match="pool: 7 channels do not make groups of 2, use a multiple of 2 channels"):
        pooling(2, name="pool")(np.zeros((1, 2, 2, 7)))


def test_survives_its_configuration(pooling: Any) -> None:
    import keras

    layer = pooling(3, name="pool")
    serialized = keras.saving.serialize_keras_object(layer)
    assert serialized["registered_name"] == "scramble>ChannelMaxPooling"
    copy = keras.saving.deserialize_keras_object(serialized)
    assert copy.get_config() == layer.get_config()
    np.testing.assert_array_equal(copy(np.arange(6.0).reshape(1, 1, 1, 6)), [[[[2, 5]]]])


def test_keeps_bfloat16(pooling: Any, tf: ModuleType) -> None:
    assert pooling(2, dtype="mixed_bfloat16")(tf.ones((1, 2, 2, 4))).dtype == tf.bfloat16


def test_lenet5_with_every_filter_twice_computes_what_lenet5_computes(models: ModuleType) -> None:
    lenet5 = models.build("lenet5", (28, 28, 1), 10)
    twice = models.build("lenet5_channel_pooling", (28, 28, 1), 10)
    for layer in lenet5.layers:
        weights = layer.get_weights()
        if layer.name in {"c1", "c3"}:
            weights = [np.repeat(weight, 2, axis=-1) for weight in weights]
        twice.get_layer(layer.name).set_weights(weights)
    images = np.random.default_rng(0).normal(size=(3, 28, 28, 1)).astype("float32")
    np.testing.assert_allclose(twice(images), lenet5(images), rtol=1e-5, atol=1e-6)


def test_lenet5_pools_channels_before_positions(models: ModuleType) -> None:
    plain = ["image", "field", "c1", "s2", "c3", "s4", "flatten", "c5", "f6", "logits"]
    assert [layer.name for layer in models.build("lenet5", (28, 28, 1), 10).layers] == plain
    pooled = models.build("lenet5_channel_pooling", (28, 28, 1), 10)
    assert [layer.name for layer in pooled.layers] == [*plain[:3], "c1_pool", "s2", "c3", "c3_pool", *plain[5:]]
    assert pooled.get_layer("c1_pool").output.shape == (None, 28, 28, 6)
    assert pooled.get_layer("c3_pool").output.shape == (None, 10, 10, 16)
    assert pooled.count_params() == 64_278
