"""The training loop: the same seeds give the same bytes, no example is lost, replicas agree with one device."""

import hashlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from scramble import params
from scramble.artifacts import DatasetInfo, SplitInfo, TrainSplit
from scramble.errors import UserError
from scramble.permutations import FixedPermutation, PerImagePermutation, draw

SHAPE = (8, 8, 1)
NUM_TRAIN, NUM_VALIDATION = 90, 20
MakeTrainer = Callable[..., Any]


def recipe(**changes: Any) -> params.Recipe:
    fields = {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.0, "batch_size": 16, "epochs": 2}
    return params.Recipe.model_validate(fields | changes)


@pytest.fixture
def split() -> TrainSplit:
    """Images whose class is where their bright quadrant is, and noise."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, NUM_TRAIN + NUM_VALIDATION).astype(np.int32)
    images = random.integers(0, 120, (len(labels), *SHAPE), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 100
    return TrainSplit(images=images, labels=labels, validation=np.arange(3, 103, 5, dtype=np.int32))


@pytest.fixture
def info() -> DatasetInfo:
    splits = {"train": SplitInfo(count=NUM_TRAIN, per_class=()), "validation": SplitInfo(count=20, per_class=())}
    return DatasetInfo(
        name="quadrants",
        image_shape=SHAPE,
        class_names=("a", "b", "c", "d"),
        splits=splits,
        mean=(0.3,),
        std=(0.2,),
        digest="",
        duplicates=0,
        source="",
        licence="",
    )


@pytest.fixture
def make_trainer(tf: ModuleType, mirrored: Any, info: DatasetInfo) -> MakeTrainer:
    import keras

    from scramble import layers
    from scramble.training import Trainer

    inputs = keras.Input(SHAPE, name="image")
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    convolutional = keras.Model(inputs, keras.layers.Dense(4, name="logits")(x)).to_json()
    x = keras.layers.Flatten(name="flatten")(inputs)
    linear = keras.Model(inputs, keras.layers.Dense(4, name="logits")(x)).to_json()
    x = keras.layers.Dense(6, activation="tanh", name="shared")(x)
    heads = keras.Model(
        inputs, [keras.layers.Dense(4, name=name)(x) for name in ("logits", "head1", "head2")]
    ).to_json()

    def make(recipe: params.Recipe, replicas: int = 1, network: str = "convolutional", **compute: Any) -> Any:
        strategy = mirrored if replicas == 2 else tf.distribute.OneDeviceStrategy("/cpu:0")
        architecture = {"convolutional": convolutional, "linear": linear, "heads": heads}[network]
        return Trainer(architecture, recipe, info, strategy, params.Compute(**compute))

    return make


def pixels(replicate: int = 0) -> FixedPermutation:
    return FixedPermutation(draw(params.Plain(family="pixels"), SHAPE, replicate))


def identity() -> FixedPermutation:
    return FixedPermutation(draw(params.Plain(family="identity"), SHAPE, 0))


def digest(trainer: Any) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in trainer.model.get_weights())).hexdigest()


def train(trainer: Any, split: TrainSplit, permutation: Any, replicate: int = 0) -> tuple[list[Any], str]:
    from scramble.training import prepare

    data = prepare(split, permutation, trainer.recipe)
    return list(trainer.train(data, (1, replicate))), digest(trainer)


SHIFTED = {"augmentation": {"max_shift": 1}}
AUGMENTED = {"augmentation": {"max_shift": 1, "horizontal_flip": True}}


@pytest.mark.parametrize(
    ("changes", "permutation"),
    [({}, pixels()), (AUGMENTED, pixels()), (AUGMENTED, PerImagePermutation(seed=0, replicate=0))],
    ids=["plain", "augmented", "augmented per image"],
)
def test_the_same_seeds_give_the_same_bytes(
    make_trainer: MakeTrainer, split: TrainSplit, changes: dict[str, Any], permutation: Any
) -> None:
    """Also when the trainer has trained another replicate in between, as a worker with several does."""
    trainer = make_trainer(recipe(**changes))
    first = train(trainer, split, permutation)
    other = train(trainer, split, permutation, replicate=1)
    assert train(trainer, split, permutation) == first
    assert train(make_trainer(recipe(**changes)), split, permutation) == first
    assert other[1] != first[1]


def test_it_learns(make_trainer: MakeTrainer, split: TrainSplit) -> None:
    epochs, _ = train(make_trainer(recipe(epochs=8)), split, pixels())
    assert [epoch.epoch for epoch in epochs] == list(range(1, 9))
    assert [epoch.learning_rate for epoch in epochs] == [pytest.approx(0.1)] * 8
    assert epochs[-1].accuracy > 0.95
    assert epochs[-1].validation_accuracy > 0.9
    assert epochs[-1].loss < epochs[0].loss / 3


@pytest.mark.parametrize(
    "permutation", [pixels(), PerImagePermutation(seed=4, replicate=2)], ids=["fixed", "per image"]
)
def test_permuting_the_data_or_the_batches_is_the_same(
    make_trainer: MakeTrainer, split: TrainSplit, permutation: Any
) -> None:
    """With augmentation the graph permutes; a flip of images that are their own mirror images changes nothing else."""
    symmetric = split.model_copy(update={"images": np.maximum(split.images, split.images[:, :, ::-1])})
    ahead = train(make_trainer(recipe()), symmetric, permutation)
    in_graph = train(make_trainer(recipe(augmentation={"horizontal_flip": True})), symmetric, permutation)
    assert in_graph == ahead


@pytest.mark.parametrize("augmentation", [{"max_shift": 1}, {"cutout": 3}, {"mixup": 0.4}, {"cutmix": 1.0}], ids=str)
def test_augmentation_comes_before_the_permutation(
    make_trainer: MakeTrainer, split: TrainSplit, augmentation: dict[str, float], tf: ModuleType
) -> None:
    from scramble.training import prepare

    trainer = make_trainer(recipe(augmentation=augmentation))
    data = prepare(split, pixels(), trainer.recipe)

    def batch(index: Any) -> Any:
        arguments = data.images, data.labels, index, tf.range(16), tf.constant([5, 6])
        return trainer.graphs.batch(*map(tf.constant, arguments)).images.numpy()

    augmented = batch(identity().index)
    np.testing.assert_array_equal(batch(pixels().index), pixels().apply(augmented, split="train"))
    assert not np.array_equal(augmented, trainer.graphs.normalise(data.images[:16]))
    np.testing.assert_array_equal(data.images, np.delete(split.images, split.validation, axis=0))


def test_first_inputs_are_those_of_the_first_batch(make_trainer: MakeTrainer, split: TrainSplit) -> None:
    from scramble.training import prepare

    per_image = PerImagePermutation(seed=0, replicate=0)
    for changed in (recipe(**AUGMENTED), recipe(), recipe(augmentation={"mixup": 1.0})):
        trainer = make_trainer(changed)
        seen: list[np.ndarray] = []
        trainer.graphs.update = lambda x, *_, seen=seen, trainer=trainer: (
            seen.append(trainer.normalise.undo(x)) or (np.float64(0), 0.0)
        )
        eagerly(lambda trainer=trainer: train(trainer, split, per_image))
        first = trainer.first_inputs(prepare(split, per_image, changed), (1, 0))
        assert first.shape == (16, *SHAPE)
        np.testing.assert_array_equal(first, seen[0])


def test_scrambling_does_not_touch_a_linear_network(make_trainer: MakeTrainer, split: TrainSplit) -> None:
    """Started from weights that are permuted with the pixels, it computes the same function after training."""
    from scramble.training import prepare

    trainer = make_trainer(recipe(), network="linear")
    natural, _ = train(trainer, split, identity())
    kernel, bias = trainer.model.get_weights()
    reset = trainer._reset

    def permuted_start(seeds: tuple[int, int]) -> None:
        reset(seeds)
        start, zero = trainer.model.get_weights()
        trainer.model.set_weights([start[pixels().index], zero])

    trainer._reset = permuted_start
    scrambled = list(trainer.train(prepare(split, pixels(), trainer.recipe), (1, 0)))
    np.testing.assert_allclose(trainer.model.get_weights()[0], kernel[pixels().index], atol=1e-5)
    np.testing.assert_allclose(trainer.model.get_weights()[1], bias, atol=1e-5)
    assert scrambled[-1].loss == pytest.approx(natural[-1].loss, abs=1e-5)


def test_auxiliary_heads_train_with_a_weight_of_0_3(
    make_trainer: MakeTrainer, split: TrainSplit, tf: ModuleType
) -> None:
    """After one step of gradient descent, every weight is where the gradient of the paper's total loss points."""
    trainer = make_trainer(recipe(epochs=1, batch_size=NUM_TRAIN), network="heads")
    trainer._reset((1, 0))
    images, labels = (np.delete(array, split.validation, axis=0) for array in (split.images, split.labels))
    with tf.GradientTape() as tape:
        outputs = trainer.model(trainer.normalise(tf.constant(images)), training=True)
        losses = [
            tf.reduce_mean(tf.keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True))
            for logits in outputs
        ]
        total = losses[0] + 0.3 * losses[1] + 0.3 * losses[2]
    gradients = tape.gradient(total, trainer.model.trainable_variables)
    expected = [
        variable - 0.1 * gradient
        for variable, gradient in zip(trainer.model.trainable_variables, gradients, strict=True)
    ]
    (epoch,), _ = train(trainer, split, identity())
    for variable, value in zip(trainer.model.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(variable, value, rtol=1e-4, atol=1e-6)
    assert epoch.loss == pytest.approx(float(losses[0]), rel=1e-5)  # the network's own, as in validation


def test_no_example_is_lost(make_trainer: MakeTrainer, split: TrainSplit, tf: ModuleType) -> None:
    """The batches of an epoch cut a stream of shuffled epochs; 90 is no multiple of 16."""
    trainer = make_trainer(recipe(epochs=4))
    seeds = tf.constant([1, 0])
    orders = [trainer.graphs.order(seeds, epoch).numpy() for epoch in range(5)]
    assert all(sorted(order) == list(range(NUM_TRAIN)) for order in orders)
    assert not np.array_equal(orders[0], orders[1])
    seen = record_batches(trainer, split)
    stream = np.concatenate(orders)
    np.testing.assert_array_equal(np.concatenate(seen), stream[: len(seen) * 16])
    assert len(seen) * 16 >= 4 * NUM_TRAIN > (len(seen) - 1) * 16


def record_batches(trainer: Any, split: TrainSplit) -> list[np.ndarray]:
    """Trains, eagerly, and returns the rows of every batch."""
    seen: list[np.ndarray] = []
    step = trainer.graphs.step

    def recording(images: Any, labels: Any, index: Any, rows: Any, seed: Any) -> Any:
        seen.append(rows.numpy())
        return step(images, labels, index, rows, seed)

    trainer.graphs.step = recording
    eagerly(lambda: train(trainer, split, pixels()))
    return seen


def eagerly(run: Callable[[], object]) -> None:
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        run()
    finally:
        tf.config.run_functions_eagerly(False)


def test_two_replicas_agree_with_one_device(make_trainer: MakeTrainer, split: TrainSplit) -> None:
    one, _ = train(make_trainer(recipe(epochs=1), network="linear"), split, pixels())
    two, _ = train(make_trainer(recipe(epochs=1), network="linear", replicas=2), split, pixels())
    assert two[0].loss == pytest.approx(one[0].loss, abs=1e-6)
    assert two[0].validation_loss == pytest.approx(one[0].validation_loss, abs=1e-6)


@pytest.mark.parametrize(
    "augmentation", [AUGMENTED["augmentation"], {"cutout": 3, "mixup": 0.5, "cutmix": 1.0}], ids=["moved", "mixed"]
)
@pytest.mark.parametrize("kind", [FixedPermutation, PerImagePermutation])
def test_two_replicas_augment_as_one_device(
    make_trainer: MakeTrainer, split: TrainSplit, kind: type, augmentation: dict[str, Any]
) -> None:
    permutation = pixels() if kind is FixedPermutation else PerImagePermutation(seed=0, replicate=0)
    changed = recipe(epochs=1, augmentation=augmentation)
    one, _ = train(make_trainer(changed, network="linear"), split, permutation)
    two, _ = train(make_trainer(changed, network="linear", replicas=2), split, permutation)
    assert two[0].loss == pytest.approx(one[0].loss, abs=1e-6)


def test_every_replica_has_the_data_on_its_device(make_trainer: MakeTrainer, split: TrainSplit) -> None:
    from scramble.training import prepare

    trainer = make_trainer(recipe(), replicas=2)
    resident = trainer._resident(prepare(split, pixels(), trainer.recipe))
    assert [value.device[-5:] for value in resident.images.values] == ["CPU:0", "CPU:1"]


def test_two_replicas_normalise_and_drop_out_as_one_device(make_trainer: MakeTrainer, split: TrainSplit) -> None:
    one, _ = train(make_trainer(recipe(epochs=1)), split, pixels())
    trainer = make_trainer(recipe(epochs=1), replicas=2)
    two, first = train(trainer, split, pixels())
    assert two[0].loss == pytest.approx(one[0].loss, abs=1e-6)
    assert two[0].validation_loss == pytest.approx(one[0].validation_loss, abs=1e-6)
    assert train(trainer, split, pixels())[1] == first


RECIPES: dict[str, dict[str, Any]] = {
    "momentum, step": {"momentum": 0.9, "schedule": "step"},
    "adam, cosine, augmented": {"optimizer": "adam", "schedule": "cosine", "warmup_epochs": 1, **SHIFTED},
    "adamw, mixed": {"optimizer": "adamw", "weight_decay": 0.1, "augmentation": {"mixup": 0.2, "cutmix": 1.0}},
    "moving averages": {"ema_decay": 0.9, "clip_norm": 0.5},
    "best of moving averages": {"ema_decay": 0.9, "keep": "best"},
    "early stopping of moving averages": {"early_stopping": {"patience": 1}, "ema_decay": 0.5, "learning_rate": 1.0},
    "early stopping": {"early_stopping": {"patience": 2}, "learning_rate": 1.0},
    "bfloat16": {"precision": "mixed_bfloat16"},
    "float16": {"precision": "mixed_float16", "clip_norm": 1.0},
}


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("name", RECIPES)
def test_resumed_equals_straight_through(
    make_trainer: MakeTrainer, split: TrainSplit, name: str, replicas: int
) -> None:
    """After every epoch: by a new trainer, from the state as it is stored."""
    from scramble.training import State, prepare

    changed = recipe(**({"epochs": 4} | RECIPES[name]))
    trainer = make_trainer(changed, replicas=replicas)
    data = prepare(split, pixels(), changed)
    states = [(epoch, trainer.state().to_arrays()) for epoch in trainer.train(data, (1, 0))]
    straight, history = digest(trainer), list(trainer.history)
    assert len(states) == 4 or "stopping" in name
    resumed = make_trainer(changed, replicas=replicas)
    for epoch, arrays in states:
        rest = list(resumed.train(data, (1, 0), State.from_arrays(arrays)))
        assert rest == history[epoch.epoch :]
        assert resumed.history == history
        assert digest(resumed) == straight


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_learns(make_trainer: MakeTrainer, split: TrainSplit, name: str) -> None:
    rate = {"adam": 0.01, "adamw": 0.01}.get(RECIPES[name].get("optimizer", ""), 0.1)
    epochs, _ = train(
        make_trainer(recipe(**({"epochs": 15} | RECIPES[name] | {"learning_rate": rate}))), split, pixels()
    )
    assert epochs[-1].validation_accuracy > 0.8


def test_moving_averages_are_validated_and_kept(make_trainer: MakeTrainer, split: TrainSplit) -> None:
    from scramble.training import prepare

    trainer = make_trainer(recipe(ema_decay=0.5, epochs=1), network="linear")
    data = prepare(split, pixels(), trainer.recipe)
    walk = trainer.train(data, (1, 0))
    epoch = next(walk)
    last = trainer.model.get_weights()
    assert next(walk, None) is None
    assert not np.array_equal(trainer.model.get_weights()[0], last[0])
    loss, _ = trainer.graphs.run_validation(data.validation_images, data.validation_labels)
    assert float(loss) == epoch.validation_loss


def test_the_best_epoch_is_kept(make_trainer: MakeTrainer, split: TrainSplit) -> None:
    """With labels without a rule, which a network learns by heart."""
    split = split.model_copy(update={"labels": np.random.default_rng(1).permutation(split.labels)})
    last, weights_last = train(make_trainer(recipe(epochs=30), network="linear"), split, pixels())
    trainer = make_trainer(recipe(epochs=30, keep="best"), network="linear")
    best, weights_best = train(trainer, split, pixels())
    assert best == last
    assert weights_best != weights_last
    losses = [epoch.validation_loss for epoch in best]
    validation = pixels().apply(split.images, split="train")[split.validation], split.labels[split.validation]
    kept, _ = trainer.graphs.run_validation(*validation)
    assert float(kept) == min(losses) < losses[-1]


def test_data_on_the_host_changes_no_byte(make_trainer: MakeTrainer, split: TrainSplit) -> None:
    changed = recipe(**AUGMENTED)
    assert train(make_trainer(changed, data="host"), split, pixels()) == train(make_trainer(changed), split, pixels())


def test_a_compiled_step_agrees(make_trainer: MakeTrainer, split: TrainSplit) -> None:
    """In all but dropout: XLA draws other random numbers."""
    changed = recipe(epochs=1, **AUGMENTED)
    plain, _ = train(make_trainer(changed, network="linear"), split, pixels())
    compiled, _ = train(make_trainer(changed, network="linear", jit=True), split, pixels())
    assert compiled[0].loss == pytest.approx(plain[0].loss, abs=1e-5)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_a_lower_precision_computes_otherwise_and_keeps_float32(
    make_trainer: MakeTrainer, split: TrainSplit, precision: str
) -> None:
    full, _ = train(make_trainer(recipe(epochs=1)), split, pixels())
    trainer = make_trainer(recipe(epochs=1, precision=precision))
    lower, _ = train(trainer, split, pixels())
    assert lower[0].loss != full[0].loss
    assert lower[0].loss == pytest.approx(full[0].loss, rel=0.05)
    assert {weight.dtype for weight in trainer.model.weights} == {"float32"}


def test_label_smoothing(tf: ModuleType) -> None:
    from scramble.training.losses import cross_entropy

    logits, labels = tf.constant([[2.0, 0.0, -1.0, 0.5]]), tf.constant([0])
    log_softmax = np.log(np.exp(logits[0]) / np.exp(logits[0]).sum())
    plain = cross_entropy(logits, labels, smoothing=0.0)
    smoothed = cross_entropy(logits, labels, smoothing=0.2)
    np.testing.assert_allclose(plain, [-log_softmax[0]], rtol=1e-6)
    np.testing.assert_allclose(smoothed, [-(0.8 * log_softmax[0] + 0.2 * log_softmax.mean())], rtol=1e-6)


def test_early_stopping_keeps_the_best_epoch(make_trainer: MakeTrainer, split: TrainSplit) -> None:
    """Labels without a rule are learned by heart, which makes the validation loss rise."""
    split = split.model_copy(update={"labels": np.random.default_rng(1).permutation(split.labels)})
    trainer = make_trainer(recipe(epochs=30, early_stopping={"patience": 2}), network="linear")
    epochs, _ = train(trainer, split, pixels())
    losses = [epoch.validation_loss for epoch in epochs]
    best = int(np.argmin(losses))
    assert len(losses) < 30
    assert len(losses) == best + 3
    kept = trainer.graphs.run_validation(
        pixels().apply(split.images, split="train")[split.validation], split.labels[split.validation]
    )
    assert float(kept[0]) == losses[best] < losses[-1]


def test_divergence_is_told(make_trainer: MakeTrainer, split: TrainSplit) -> None:
    with pytest.raises(UserError, match=r"epoch 1: training diverged, lower recipe\.learning_rate 1e\+38"):
        train(make_trainer(recipe(learning_rate=1e38), network="linear"), split, pixels())


def test_a_batch_needs_as_many_images(make_trainer: MakeTrainer) -> None:
    with pytest.raises(UserError, match="batch_size 100 is more than the 90 training images"):
        make_trainer(recipe(batch_size=100))


def test_mixed_labels_share_the_loss(tf: ModuleType) -> None:
    from scramble.training.losses import cross_entropy, mixed_cross_entropy

    logits, share = tf.constant([[2.0, 0.0, -1.0], [0.0, 1.0, 3.0]]), tf.constant([0.7, 1.0])
    own, partner = tf.constant([0, 1]), tf.constant([2, 0])
    mixed = mixed_cross_entropy(logits, own, partner, share, smoothing=0.1)
    of_own, of_partner = (cross_entropy(logits, labels, 0.1).numpy() for labels in (own, partner))
    np.testing.assert_allclose(mixed, [0.7 * of_own[0] + 0.3 * of_partner[0], of_own[1]], rtol=1e-6)
    assert of_own[0] < of_partner[0]
