"""Learning rate schedules at hand-computed steps, and what weight decay touches."""

from types import ModuleType

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
