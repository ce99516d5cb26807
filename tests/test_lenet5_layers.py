"""The layers of LeNet-5 as it was in 1998, against the paper's formulas, and the network that they make."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("tf")

Array = NDArray[np.float32]

TABLE = ((0, 2), (1,), (0, 1, 2), (2, 0))
"""Of a small sparse convolution: four maps that see some of three."""

TABLE_I = """
X...XXX..XXXX.XX
XX...XXX..XXXX.X
XXX...XXX..X.XXX
.XXX..XXXX..X.XX
..XXX..XXXX.XX.X
...XXX..XXXX.XXX
"""
"""As the paper prints it: rows are maps of S2, columns are maps of C3."""


@pytest.fixture(scope="module")
def lenet5(tf: ModuleType) -> ModuleType:
    from scramble.layers import lenet5

    return lenet5


@pytest.fixture
def network(tf: ModuleType) -> Any:
    from scramble import models

    return models.build("lenet5_1998", (28, 28, 1), 10)


def random(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def randomized(layer: Any, channels: int) -> Any:
    """The layer, built for maps of so many channels, all its weights drawn at random."""
    layer.build((None, 8, 8, channels))
    layer.set_weights([random(*weight.shape, seed=number) for number, weight in enumerate(layer.weights)])
    return layer


def dense_kernel(kernel: Array, table: Sequence[Sequence[int]], channels: int) -> Array:
    """The kernels of the connections, (k, k, connections), where a convolution of all maps has them."""
    dense = np.zeros((*kernel.shape[:2], channels, len(table)), "float32")
    columns = iter(np.moveaxis(kernel, -1, 0))
    for target, seen in enumerate(table):
        for source in seen:
            dense[:, :, source, target] = next(columns)
    return dense


# --- the sparse convolution -------------------------------------------------------------------------------------


def test_sparse_convolution_sums_over_the_maps_of_its_table(lenet5: ModuleType) -> None:
    layer = randomized(lenet5.SparseConv2D(TABLE, 3), channels=3)
    kernel, bias = layer.get_weights()
    images = random(2, 6, 5, 3, seed=9)
    windows = sliding_window_view(images, (3, 3), axis=(1, 2))  # (n, h, w, c, k, k)
    expected = np.zeros((2, 4, 3, len(TABLE)), "float32") + bias
    connection = 0
    for target, seen in enumerate(TABLE):
        for source in seen:
            expected[..., target] += np.einsum("nhwij,ij->nhw", windows[..., source, :, :], kernel[..., connection])
            connection += 1
    assert connection == kernel.shape[-1] == 8
    np.testing.assert_allclose(layer(images), expected, rtol=1e-4, atol=1e-5)


def test_sparse_convolution_has_the_gradients_of_a_dense_one(lenet5: ModuleType, tf: ModuleType) -> None:
    layer = randomized(lenet5.SparseConv2D(TABLE, 3), channels=3)
    images, weights = tf.constant(random(2, 6, 5, 3, seed=9)), random(4, 3, len(TABLE), seed=8)
    dense = tf.constant(dense_kernel(layer.get_weights()[0], TABLE, channels=3))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([images, dense])
        ours = tf.reduce_sum(layer(images) * weights)
        theirs = tf.reduce_sum(tf.nn.conv2d(images, dense, 1, "VALID") * weights)
    kernel_gradient, bias_gradient = map(np.array, tape.gradient(ours, layer.trainable_variables))
    seen = dense_kernel(np.ones_like(kernel_gradient), TABLE, channels=3)
    np.testing.assert_allclose(
        dense_kernel(kernel_gradient, TABLE, channels=3), seen * tape.gradient(theirs, dense), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(bias_gradient, 2 * weights.sum(axis=(0, 1)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(tape.gradient(ours, images), tape.gradient(theirs, images), rtol=1e-4, atol=1e-4)


def test_sparse_convolution_starts_within_the_fan_in_of_each_map(lenet5: ModuleType) -> None:
    import keras

    keras.utils.set_random_seed(0)
    layer = lenet5.SparseConv2D([[0], [0, 1, 2, 3]], 9)
    layer.build((None, 9, 9, 4))
    kernel, bias = layer.get_weights()
    for fan_in, weights in ((81, kernel[..., :1]), (4 * 81, kernel[..., 1:])):
        assert 0.95 < np.abs(weights).max() / (2.4 / fan_in) <= 1
        assert abs(weights.mean()) < 0.2 * 2.4 / fan_in
    assert not bias.any()


# --- the other layers -------------------------------------------------------------------------------------------


def test_subsampling_scales_sums_and_adds_a_bias(lenet5: ModuleType) -> None:
    layer = randomized(lenet5.TrainableSubsampling(2), channels=3)
    coefficient, bias = layer.get_weights()
    images = random(2, 5, 4, 3, seed=9)
    sums = images[:, 0:4:2, ::2] + images[:, 1:4:2, ::2] + images[:, 0:4:2, 1::2] + images[:, 1:4:2, 1::2]
    np.testing.assert_allclose(layer(images), coefficient * sums + bias, rtol=1e-5, atol=1e-5)


def test_the_squashing_keeps_one_and_stays_below_its_limit(lenet5: ModuleType) -> None:
    squashed = lenet5.scaled_tanh(np.array([-100, -1, 0, 1, 100], "float32"))
    np.testing.assert_allclose(squashed, [-1.7159, -1, 0, 1, 1.7159], atol=1e-4)


def test_radial_basis_is_the_squared_distance_to_the_codes(lenet5: ModuleType) -> None:
    layer = lenet5.RadialBasis(10)
    features = random(5, 84)
    distances = np.sum((features[:, None] - layer.codes[None]) ** 2, axis=-1)
    np.testing.assert_allclose(layer(features), -distances, rtol=1e-5)
    np.testing.assert_array_equal(np.diag(layer(layer.codes)), np.zeros(10))
    assert layer.weights == []


def test_cross_entropy_of_the_logits_is_the_papers_equation_9(lenet5: ModuleType, tf: ModuleType) -> None:
    layer = lenet5.RadialBasis(10)
    features, labels = 0.1 * random(4, 84) + layer.codes[:4], np.array([0, 1, 7, 9])
    distances = np.sum((features[:, None] - layer.codes[None]) ** 2, axis=-1, dtype="float64")
    criterion = distances[np.arange(4), labels] + np.log(np.exp(-distances).sum(axis=1))
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, layer(features))
    np.testing.assert_allclose(losses, criterion, rtol=1e-4, atol=1e-4)


def test_the_codes_are_bitmaps_of_the_digits() -> None:
    from scramble.layers.codes import class_codes

    codes = class_codes(10)
    assert codes.shape == (10, 84)
    assert set(codes.flat) == {-1, 1}
    np.testing.assert_array_equal(class_codes(3), codes[:3])
    seven = codes[7].reshape(12, 7) > 0
    assert seven[0].all()
    assert all(row.sum() == 2 for row in seven[1:])
    hamming = (codes[:, None] != codes[None]).sum(axis=-1)
    others = hamming + 84 * np.eye(10)
    assert others.min() >= 10
    assert others[3].argmin() in {5, 8, 9}
    assert hamming[1].sum() > 1.5 * hamming[8].sum()  # nothing looks like a one


def test_more_classes_have_random_codes_that_are_always_the_same() -> None:
    from scramble.layers.codes import class_codes

    codes = class_codes(1000)
    assert set(codes.flat) == {-1, 1}
    assert abs(codes.mean()) < 0.01
    assert len(np.unique(codes, axis=0)) == 1000
    np.testing.assert_array_equal(class_codes(1000), codes)


def test_layers_survive_their_configuration(lenet5: ModuleType) -> None:
    import keras

    for layer, arguments in (
        (lenet5.SparseConv2D(TABLE, 3, name="sparse"), {"table": TABLE, "kernel_size": 3}),
        (lenet5.TrainableSubsampling(3, name="subsampling"), {"pool_size": 3}),
        (lenet5.RadialBasis(7, name="logits"), {"units": 7}),
    ):
        serialized = keras.saving.serialize_keras_object(layer)
        assert serialized["registered_name"] == f"scramble>{type(layer).__name__}"
        copy = keras.saving.deserialize_keras_object(serialized)
        assert type(copy) is type(layer)
        assert copy.get_config() == layer.get_config()
        assert arguments.items() <= copy.get_config().items()


def test_layers_say_how_their_windows_move(lenet5: ModuleType) -> None:
    sparse, subsampling = lenet5.SparseConv2D(TABLE, 3), lenet5.TrainableSubsampling(2)
    assert (sparse.table, sparse.kernel_size, sparse.strides, sparse.padding) == (TABLE, (3, 3), (1, 1), "valid")
    assert (subsampling.pool_size, subsampling.strides, subsampling.padding) == ((2, 2), (2, 2), "valid")


@pytest.mark.parametrize("name", ["SparseConv2D", "TrainableSubsampling"])
def test_layers_compute_in_bfloat16_from_float32_weights(lenet5: ModuleType, tf: ModuleType, name: str) -> None:
    arguments = (TABLE, 3) if name == "SparseConv2D" else (2,)
    mixed = randomized(getattr(lenet5, name)(*arguments, dtype="mixed_bfloat16"), channels=3)
    full = randomized(getattr(lenet5, name)(*arguments), channels=3)
    images = random(2, 6, 6, 3, seed=9)
    assert mixed(images).dtype == tf.bfloat16
    assert {variable.dtype for variable in mixed.variables} == {"float32"}
    np.testing.assert_allclose(tf.cast(mixed(images), "float32"), full(images), atol=0.1)


def test_radial_basis_tells_small_distances_in_bfloat16(lenet5: ModuleType, tf: ModuleType) -> None:
    layer = lenet5.RadialBasis(10, dtype="mixed_bfloat16")
    features = layer.codes[:1] * np.where(np.arange(84) == 0, 1.25, 1)
    assert layer(features).dtype == tf.bfloat16
    assert float(layer(features)[0, 0]) == -(0.25**2)


# --- the network ------------------------------------------------------------------------------------------------


def test_c3_sees_the_maps_of_table_i(network: Any) -> None:
    rows = TABLE_I.split()
    expected = tuple(tuple(row for row in range(6) if rows[row][column] == "X") for column in range(16))
    assert network.get_layer("c3").table == expected


def test_the_network_has_the_papers_parameters_layer_by_layer(network: Any) -> None:
    counts = {layer.name: layer.count_params() for layer in network.layers if layer.weights}
    assert counts == {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}
    assert network.count_params() == 60_000
    assert len(network.trainable_weights) == len(network.weights) == 12


def test_every_layer_but_the_last_is_squashed(network: Any, lenet5: ModuleType) -> None:
    squashed = [
        layer.input.name for layer in network.layers if getattr(layer, "activation", None) is lenet5.scaled_tanh
    ]
    assert squashed == [network.get_layer(name).output.name for name in ("c1", "s2", "c3", "s4", "c5", "f6")]


@pytest.mark.parametrize(("name", "fan_in"), [("c1", 25), ("s2", 4), ("s4", 4), ("c5", 400), ("f6", 120)])
def test_first_weights_are_uniform_within_the_fan_in(name: str, fan_in: int, network: Any) -> None:
    weights, bias = network.get_layer(name).get_weights()
    limit = 2.4 / fan_in
    assert limit / 10 < np.abs(weights).max() <= limit
    assert len(np.unique(weights)) > weights.size * 0.9
    assert not bias.any()


def test_the_network_survives_json_with_its_weights(network: Any) -> None:
    from scramble import layers

    images = random(3, 28, 28, 1)
    copy = layers.model_from_json(network.to_json())
    assert copy.to_json() == network.to_json()
    copy.set_weights(network.get_weights())
    np.testing.assert_array_equal(copy(images), network(images))


def test_two_replicas_have_the_gradients_of_one_device(network: Any, tf: ModuleType, mirrored: Any) -> None:
    from scramble import layers

    with mirrored.scope():
        double = layers.model_from_json(network.to_json())
    double.set_weights(network.get_weights())
    images, labels = random(8, 28, 28, 1), np.arange(8)

    def gradients(model: Any, images: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(images, training=True))
        return tape.gradient(losses, model.trainable_variables)

    halves = mirrored.experimental_distribute_values_from_function(
        lambda context: tuple(
            tf.constant(np.split(part, 2)[context.replica_id_in_sync_group]) for part in (images, labels)
        )
    )
    step = tf.function(lambda half: mirrored.run(lambda half: gradients(double, *half), args=(half,)))
    parts = [mirrored.experimental_local_results(gradient) for gradient in step(halves)]
    for both, single in zip(parts, gradients(network, images, labels), strict=True):
        assert np.any(single)
        np.testing.assert_allclose(np.sum(both, axis=0), single, rtol=1e-3, atol=1e-3 * np.abs(single).max())
