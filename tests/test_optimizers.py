"""Learning rate schedules and optimizers at hand-computed steps, on one device and on two."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from scramble import params


def recipe(**changes: object) -> params.Recipe:
    fields = {"optimizer": "sgd", "learning_rate": 0.4, "batch_size": 8, "epochs": 10}
    return params.Recipe.model_validate(fields | changes)


SCHEDULES = {
    "constant": ({"schedule": "constant"}, {0: 0.4, 50: 0.4, 99: 0.4}),
    "cosine": ({"schedule": "cosine"}, {0: 0.4, 25: 0.2 * (1 + 2**-0.5), 50: 0.2, 100: 0.0}),
    "step": ({"schedule": "step"}, {0: 0.4, 49: 0.4, 50: 0.04, 74: 0.04, 75: 0.004, 99: 0.004}),
    "warm-up": ({"schedule": "constant", "warmup_epochs": 2}, {0: 0.0, 5: 0.1, 19: 0.38, 20: 0.4, 99: 0.4}),
    "warm-up, cosine": ({"schedule": "cosine", "warmup_epochs": 2}, {10: 0.2, 20: 0.4, 60: 0.2, 100: 0.0}),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule(name: str, tf: ModuleType) -> None:
    from scramble.optimizers import Schedule

    changes, expected = SCHEDULES[name]
    schedule = Schedule(recipe(**changes), num_steps=100)
    in_graph = tf.function(schedule)
    for step, rate in expected.items():
        assert float(schedule(step)) == pytest.approx(rate, abs=1e-7)
        assert float(in_graph(tf.constant(step))) == pytest.approx(rate, abs=1e-7)


def test_a_warm_up_leaves_the_last_step_its_rate(tf: ModuleType) -> None:
    from scramble.optimizers import Schedule

    assert float(Schedule(recipe(epochs=1, warmup_epochs=0.99), num_steps=3)(2)) == pytest.approx(0.4)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_weight_decay_leaves_out_biases_and_normalisation(optimizer: str, tf: ModuleType) -> None:
    import keras

    from scramble import optimizers

    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(3), keras.layers.BatchNormalization()])
    decaying = recipe(optimizer=optimizer, weight_decay=0.5)
    built = optimizers.build(decaying, optimizers.Schedule(decaying, 100), model)
    before = [np.ones(weight.shape) for weight in model.trainable_weights]
    for weight in model.trainable_weights:
        weight.assign(np.ones(weight.shape))
    built.apply([tf.zeros(weight.shape) for weight in model.trainable_weights], model.trainable_weights)
    decayed = {
        weight.name: not np.allclose(weight.numpy(), old)
        for weight, old in zip(model.trainable_weights, before, strict=True)
    }
    assert decayed == {"kernel": True, "bias": False, "gamma": False, "beta": False}
    np.testing.assert_allclose(model.trainable_weights[0].numpy(), 1 - 0.4 * 0.5)


@pytest.mark.parametrize(("optimizer", "keras_name"), [("sgd", "SGD"), ("adam", "Adam"), ("adamw", "AdamW")])
def test_every_optimizer_is_built(optimizer: str, keras_name: str, tf: ModuleType) -> None:
    import keras

    from scramble import optimizers

    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(3)])
    built = optimizers.build(recipe(optimizer=optimizer), optimizers.Schedule(recipe(), 10), model)
    assert type(built).__name__ == keras_name
    assert float(built.learning_rate) == pytest.approx(0.4)


# --- steps ----------------------------------------------------------------------------------------------------

START = np.array([1.0, -2.0, 0.5])
"""A kernel of two weights and a bias."""
GRADIENTS = np.array([[[3, 0, 0], [0, 4, 0]], [[0.125, 0.25, 0.25], [-0.375, 0, 0.25]]])
"""(2 steps, 2 replicas, 3); the sums over the replicas have the norms 5 and 0.61."""
SUMS = GRADIENTS.sum(1)
Steps = Callable[..., Any]


@pytest.fixture(params=["one device", "mirrored"])
def run_steps(request: pytest.FixtureRequest, tf: ModuleType, mirrored: Any) -> Steps:
    """Makes steps by a recipe with given gradients, in a loop as training's; returns the weights, the optimizer."""
    from scramble import optimizers

    two = request.param == "mirrored"
    strategy = mirrored if two else tf.distribute.OneDeviceStrategy("/cpu:0")

    def run(gradients: np.ndarray = GRADIENTS, **changes: Any) -> tuple[np.ndarray, Any]:
        import keras

        with strategy.scope():
            model = keras.Sequential([keras.Input([2]), keras.layers.Dense(1)])
            optimizer = optimizers.build(recipe(**changes), optimizers.Schedule(recipe(**changes), 100), model)
        model.set_weights([START[:2, None], START[2:]])
        by_replica = tf.constant(gradients if two else gradients.sum(1, keepdims=True), tf.float32)

        def on_replica(step: Any) -> None:
            gradient = by_replica[step, tf.distribute.get_replica_context().replica_id_in_sync_group]
            scaled = [optimizer.scale_loss(part) for part in (gradient[:2, None], gradient[2:])]
            optimizers.apply(optimizer, scaled, model.trainable_variables, recipe(**changes).clip_norm)

        def step(number: Any) -> Any:
            strategy.run(on_replica, args=(number,))
            return number + 1

        tf.function(lambda: tf.while_loop(lambda n: n < len(gradients), step, [0]), autograph=False)()
        for weight in model.weights if two else ():
            np.testing.assert_array_equal(*weight.value.values)
        return flat(model.get_weights()), optimizer

    return run


def flat(arrays: list[Any]) -> np.ndarray:
    return np.concatenate([np.ravel(array) for array in arrays])


def sgd(momentum: float, nesterov: bool = False) -> Iterator[np.ndarray]:
    """The weights after each step; Nesterov's form as in Sutskever et al. 2013, with the weights looked ahead."""
    weights, velocity = START, np.zeros(3)
    for gradient in SUMS:
        velocity = momentum * velocity - 0.4 * gradient
        weights = weights + (momentum * velocity - 0.4 * gradient if nesterov else velocity)
        yield weights


def adam(decay: float) -> Iterator[np.ndarray]:
    """Kingma & Ba 2015, the form before section 2.1; the kernel shrinks, the bias does not."""
    weights, mean, square = START, np.zeros(3), np.zeros(3)
    for step, gradient in enumerate(SUMS, start=1):
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        rate = 0.4 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        weights = weights * (1 - 0.4 * decay * np.array([1, 1, 0])) - rate * mean / (np.sqrt(square) + 1e-7)
        yield weights


UPDATES: dict[str, tuple[dict[str, Any], list[np.ndarray]]] = {
    "plain": ({"momentum": 0.0}, list(sgd(0))),
    "momentum": ({"momentum": 0.5, "nesterov": False}, list(sgd(0.5))),
    "nesterov": ({"momentum": 0.5}, list(sgd(0.5, nesterov=True))),
    "adam": ({"optimizer": "adam"}, list(adam(0))),
    "adamw": ({"optimizer": "adamw", "weight_decay": 0.1}, list(adam(0.1))),
}


@pytest.mark.parametrize("name", UPDATES)
def test_two_steps(name: str, run_steps: Steps) -> None:
    changes, expected = UPDATES[name]
    for steps in (1, 2):
        weights, optimizer = run_steps(GRADIENTS[:steps], **changes)
        np.testing.assert_allclose(weights, expected[steps - 1], rtol=2e-5)  # in float32, 1 - 0.999 is off by 1.3e-5
        assert optimizer.iterations.numpy() == steps


def test_averages_start_with_the_first_step(run_steps: Steps) -> None:
    """And stay beside the weights, which Keras must not replace by them."""
    from scramble import optimizers

    first, second = sgd(0)
    for steps, average in ((1, first), (2, 0.75 * first + 0.25 * second)):
        weights, optimizer = run_steps(GRADIENTS[:steps], momentum=0.0, ema_decay=0.75)
        averages = optimizers.averages(optimizer)
        assert [variable.shape for variable in averages] == [(2, 1), (1,)]
        np.testing.assert_allclose(flat([variable.numpy() for variable in averages]), average, rtol=1e-6)
        np.testing.assert_allclose(weights, (first, second)[steps - 1], rtol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_every_optimizer_averages_if_it_is_asked(optimizer: str, precision: str, tf: ModuleType) -> None:
    import keras

    from scramble import optimizers

    model = keras.Sequential([keras.Input([2]), keras.layers.Dense(1, name="average")])
    for decay, shapes in ((None, []), (0.9, [(2, 1), (1,)])):
        averaging = recipe(optimizer=optimizer, precision=precision, ema_decay=decay)
        built = optimizers.build(averaging, optimizers.Schedule(averaging, 9), model)
        assert [variable.shape for variable in optimizers.averages(built)] == shapes


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_the_sum_of_the_gradients_is_clipped(run_steps: Steps, precision: str) -> None:
    """The first, of norm 5, to 1; the second is short enough."""
    weights, _ = run_steps(momentum=0.0, clip_norm=1, precision=precision)
    np.testing.assert_allclose(weights, START - 0.4 * (SUMS[0] / 5 + SUMS[1]), rtol=1e-6)


def test_short_gradients_stay_as_they_are(run_steps: Steps) -> None:
    plain, _ = run_steps()
    clipped, _ = run_steps(clip_norm=7.4)  # in float32, 7.4 * (1 / 7.4) is not 1
    np.testing.assert_array_equal(clipped, plain)


@pytest.mark.parametrize("changes", [{}, {"clip_norm": 0.7}, {"optimizer": "adamw", "weight_decay": 0.1}])
def test_scaling_the_loss_changes_no_bit(run_steps: Steps, changes: dict[str, Any]) -> None:
    from scramble import optimizers

    plain, by_plain = run_steps(**changes, ema_decay=0.9)
    scaled, by_scaled = run_steps(**changes, ema_decay=0.9, precision="mixed_float16")
    np.testing.assert_array_equal(scaled, plain)
    for one, two in zip(optimizers.averages(by_plain), optimizers.averages(by_scaled), strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())
    assert float(by_plain.scale_loss(3.0)) == 3
    assert float(by_scaled.scale_loss(3.0)) == 3 * 2**15
    assert by_scaled.iterations.numpy() == 2


@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize("replica", [0, 1])
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_an_overflow_leaves_out_the_step(run_steps: Steps, replica: int, value: float, clip_norm: float | None) -> None:
    """Wherever it happens: two replicas stay together, and the scale is halved."""
    changes: dict[str, Any] = {"momentum": 0.0, "precision": "mixed_float16", "clip_norm": clip_norm}
    bad = GRADIENTS[:1].copy()
    bad[0, replica, 1] = value
    weights, optimizer = run_steps(np.concatenate([bad, GRADIENTS[1:]]), **changes)
    np.testing.assert_allclose(weights, START - 0.4 * SUMS[1], rtol=1e-6)
    assert optimizer.iterations.numpy() == 1
    assert float(optimizer.scale_loss(1.0)) == 2**14
