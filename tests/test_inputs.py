"""What happens to images on their way into a network: the same eagerly and in a graph."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats

from scramble import params
from scramble.permutations import FixedPermutation, draw

HEIGHT, WIDTH = 8, 6
SHAPE = (HEIGHT, WIDTH, 3)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, *SHAPE), dtype=np.uint8)


@pytest.fixture
def partners() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (5, *SHAPE), dtype=np.uint8)


@pytest.fixture(params=["eager", "graph"])
def mode(request: pytest.FixtureRequest, tf: ModuleType) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wraps a function of arrays so that it runs eagerly, or in a graph as training's are."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        function = tf.function(function, autograph=False) if request.param == "graph" else function
        return lambda *arrays: to_numpy(tf, function(*tf.nest.map_structure(tf.constant, arrays)))

    return wrap


def to_numpy(tf: ModuleType, structure: Any) -> Any:
    return tf.nest.map_structure(lambda tensor: tensor.numpy(), structure)


def make_draws(count: int = 5, **changes: Any) -> Any:
    """Draws that shift to the corner, flip and mix nothing, changed for all images alike or for each."""
    from scramble.inputs import Draws

    still = {"shift": (0, 0), "flip": 1, "hole": (0, 0), "patch": (0, 0), "cutmix": False, "share": 1}
    assert set(still) >= set(changes)
    shapes = {name: (count, *np.shape(value)) for name, value in still.items()}
    dtypes = {name: bool if name == "cutmix" else np.float32 for name in still}
    fields = still | changes
    return Draws(**{name: np.broadcast_to(np.asarray(fields[name], dtypes[name]), shapes[name]) for name in still})


def pixel(row: int, column: int) -> tuple[float, float]:
    """The draw of a pixel as a centre."""
    return (row + 0.5) / HEIGHT, (column + 0.5) / WIDTH


# --- permuting and normalising --------------------------------------------------------------------------------


def test_permute_is_what_numpy_does(mode: Any, images: np.ndarray) -> None:
    from scramble import inputs

    index = draw(params.Plain(family="channels", seed=3), SHAPE, replicate=1)
    expected = FixedPermutation(index).apply(images, split="train")
    np.testing.assert_array_equal(mode(inputs.permute)(images, index), expected)


def test_permute_each_gives_every_image_its_own(mode: Any, images: np.ndarray) -> None:
    from scramble import inputs

    same = np.repeat(images[:1], 5, axis=0)
    indices = np.random.default_rng(1).permuted(np.tile(np.arange(48, dtype=np.int32), (5, 1)), axis=1)
    permuted = mode(inputs.permute_each)(same, indices)
    for image, index in zip(permuted.reshape(5, 48, 3), indices, strict=True):
        np.testing.assert_array_equal(image, same[0].reshape(48, 3)[index])
    assert len({image.tobytes() for image in permuted}) == 5


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_normaliser_gives_mean_0_and_deviation_1(mode: Any, images: np.ndarray, dtype: type) -> None:
    from scramble.inputs import Normaliser

    scaled = images / 255
    normalise = Normaliser(tuple(scaled.mean((0, 1, 2))), tuple(scaled.std((0, 1, 2))))
    normalised = mode(normalise)(images.astype(dtype))
    assert normalised.dtype == np.float32
    np.testing.assert_allclose(normalised.mean((0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(normalised.std((0, 1, 2)), 1, atol=1e-6)


def test_normaliser_centres_a_constant_channel(tf: ModuleType) -> None:
    from scramble.inputs import Normaliser

    images = np.full((2, 3, 3, 1), 51, np.uint8)
    np.testing.assert_allclose(Normaliser([0.2], [0.0])(tf.constant(images)), 0, atol=1e-7)


# --- augmenting -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("column", [0, 4])
def test_shift_uncovers_background(mode: Any, images: np.ndarray, row: int, column: int) -> None:
    from scramble import inputs

    augmentation = params.Augmentation(max_shift=2)
    draws = make_draws(shift=((row + 0.5) / 5, (column + 0.5) / 5))
    shifted = mode(lambda x, d: inputs.augment(x, augmentation, d))(images, draws)
    padded = np.pad(images, [(0, 0), (2, 2), (2, 2), (0, 0)])
    np.testing.assert_array_equal(shifted, padded[:, row : row + 8, column : column + 6])


def test_flip_mirrors_half_of_the_draws(mode: Any, images: np.ndarray) -> None:
    from scramble import inputs

    augmentation = params.Augmentation(horizontal_flip=True)
    draws = make_draws(flip=[0.49, 0.51, 0, 0.99, 0.5])
    flipped = mode(lambda x, d: inputs.augment(x, augmentation, d))(images, draws)
    for image, original, mirrored in zip(flipped, images, [True, False, True, False, False], strict=True):
        np.testing.assert_array_equal(image, original[:, ::-1] if mirrored else original)


@pytest.mark.parametrize(
    ("side", "centre", "rows", "columns"),
    [
        (3, pixel(4, 2), slice(3, 6), slice(1, 4)),
        (4, pixel(4, 2), slice(2, 6), slice(0, 4)),
        (1, pixel(7, 0), slice(7, 8), slice(0, 1)),
        (4, pixel(0, 5), slice(0, 2), slice(3, 6)),
        (3, (0.9999999, 0.9999999), slice(6, 8), slice(4, 6)),
        (20, pixel(3, 3), slice(0, 8), slice(0, 6)),
    ],
)
def test_cutout_blackens_a_square(
    mode: Any, images: np.ndarray, side: int, centre: tuple[float, float], rows: slice, columns: slice
) -> None:
    from scramble import inputs

    augmentation = params.Augmentation(cutout=side)
    cut = mode(lambda x, d: inputs.augment(x, augmentation, d))(images, make_draws(hole=centre))
    expected = images.copy()
    expected[:, rows, columns] = 0
    assert cut.dtype == np.uint8
    np.testing.assert_array_equal(cut, expected)


def test_augmentations_follow_one_another(mode: Any, images: np.ndarray) -> None:
    """Shift, flip, cutout, each image by its own draws; only then the permutation."""
    from scramble import inputs

    augmentation = params.Augmentation(max_shift=1, horizontal_flip=True, cutout=3)
    shifts = [(0, 0), (0, 2), (2, 1), (1, 1), (2, 2)]
    flips = [0.2, 0.7, 0.1, 0.9, 0.3]
    centres = [(0, 0), (1, 2), (4, 4), (7, 1), (6, 5)]
    draws = make_draws(
        shift=(np.array(shifts) + 0.5) / 3, flip=flips, hole=[pixel(row, column) for row, column in centres]
    )
    index = draw(params.Plain(family="pixels", seed=3), SHAPE, replicate=0)
    permuted = mode(lambda x, d: inputs.permute(inputs.augment(x, augmentation, d), index))(images, draws)
    expected = []
    for image, (down, right), flip, (row, column) in zip(images, shifts, flips, centres, strict=True):
        changed = np.pad(image, [(1, 1), (1, 1), (0, 0)])[down : down + 8, right : right + 6]
        changed = (changed[:, ::-1] if flip < 0.5 else changed).copy()
        changed[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = 0
        expected.append(changed)
    np.testing.assert_array_equal(permuted, FixedPermutation(index).apply(np.stack(expected), split="train"))


# --- mixing ---------------------------------------------------------------------------------------------------

SHARES = np.array([0, 0.3, 0.5, 0.99, 1], np.float32)


def test_mixup_blends(mode: Any, images: np.ndarray, partners: np.ndarray) -> None:
    from scramble import inputs

    augmentation = params.Augmentation(mixup=0.2)
    mixed, share = mode(lambda x, y, d: inputs.mix(x, y, augmentation, d))(images, partners, make_draws(share=SHARES))
    own = SHARES[:, None, None, None]
    assert mixed.dtype == share.dtype == np.float32
    np.testing.assert_allclose(mixed, own * images.astype(np.float64) + (1 - own) * partners, atol=1e-4)
    np.testing.assert_array_equal(mixed[0], partners[0])
    np.testing.assert_array_equal(mixed[4], images[4])
    np.testing.assert_array_equal(share, SHARES)


@pytest.mark.parametrize(
    ("share", "centre", "rows", "columns"),
    [
        (0.75, pixel(4, 2), slice(2, 6), slice(1, 4)),
        (0.75, pixel(0, 0), slice(0, 2), slice(0, 2)),
        (0.75, pixel(7, 5), slice(5, 8), slice(4, 6)),
        (0.0, pixel(4, 3), slice(0, 8), slice(0, 6)),
        (0.9, pixel(4, 3), slice(3, 6), slice(2, 4)),
        (1.0, pixel(4, 2), slice(0, 0), slice(0, 0)),
    ],
    ids=["inside", "first corner", "last corner", "all", "rounded", "nothing"],
)
def test_cutmix_pastes_a_rectangle(
    mode: Any,
    images: np.ndarray,
    partners: np.ndarray,
    share: float,
    centre: tuple[float, float],
    rows: slice,
    columns: slice,
) -> None:
    """A share of 3/4 leaves half of the height and half of the width; 9/10 leaves 2.5 rows and 1.9 columns, 2 and 2."""
    from scramble import inputs

    augmentation = params.Augmentation(cutmix=1)
    draws = make_draws(patch=centre, share=share, cutmix=True)
    mixed, own_share = mode(lambda x, y, d: inputs.mix(x, y, augmentation, d))(images, partners, draws)
    expected = images.astype(np.float32)
    expected[:, rows, columns] = partners[:, rows, columns]
    np.testing.assert_array_equal(mixed, expected)
    pasted = (rows.stop - rows.start) * (columns.stop - columns.start)
    np.testing.assert_array_equal(own_share, np.full(5, 1 - pasted / 48, np.float32))


def test_each_image_takes_one_of_mixup_and_cutmix(mode: Any, images: np.ndarray, partners: np.ndarray) -> None:
    from scramble import inputs

    augmentation = params.Augmentation(mixup=0.2, cutmix=1)
    draws = make_draws(patch=pixel(0, 0), share=0.75, cutmix=[True, False, True, False, False])
    mixed, share = mode(lambda x, y, d: inputs.mix(x, y, augmentation, d))(images, partners, draws)
    blended = 0.75 * images.astype(np.float32) + 0.25 * partners
    pasted = images.astype(np.float32)
    pasted[:, :2, :2] = partners[:, :2, :2]
    np.testing.assert_array_equal(mixed, np.where(draws.cutmix[:, None, None, None], pasted, blended))
    np.testing.assert_array_equal(share, np.where(draws.cutmix, np.float32(1 - 4 / 48), np.float32(0.75)))


# --- drawing --------------------------------------------------------------------------------------------------

EVERYTHING = params.Augmentation(max_shift=1, horizontal_flip=True, cutout=3, mixup=0.2, cutmix=1)


def draw_many(tf: ModuleType, augmentation: params.Augmentation, count: int = 4800) -> Any:
    from scramble import inputs

    return to_numpy(tf, inputs.draw(tf.constant([1, 2]), count, augmentation))


def test_draws_are_the_same_bits_in_a_graph(tf: ModuleType) -> None:
    """In the loop of an epoch, every step by its own seed."""
    from scramble import inputs

    def draw_step(step: Any) -> Any:
        return inputs.draw(tf.random.fold_in(tf.constant([1, 2]), step), 7, EVERYTHING)

    def in_loop() -> Any:
        def body(step: Any, arrays: Any) -> Any:
            draws = draw_step(step)
            return step + 1, tf.nest.map_structure(lambda a, d: a.write(step, d), arrays, draws)

        arrays = inputs.Draws(*(tf.TensorArray(each.dtype, 3, element_shape=each.shape) for each in draw_step(0)))
        _, arrays = tf.while_loop(lambda step, _: step < 3, body, (0, arrays))
        return tf.nest.map_structure(lambda array: array.stack(), arrays)

    looped = to_numpy(tf, tf.function(in_loop, autograph=False)())
    for step in range(3):
        for in_graph, eager in zip(looped, draw_step(step), strict=True):
            np.testing.assert_array_equal(in_graph[step], eager)
    assert not np.array_equal(looped.share[0], looped.share[1])


def test_an_option_leaves_the_draws_of_the_others(tf: ModuleType) -> None:
    together = draw_many(tf, EVERYTHING)
    moves = tf.random.stateless_uniform([4800, 3], tf.constant([1, 2]))
    np.testing.assert_array_equal(np.column_stack([together.shift, together.flip]), moves)
    for options in ({"max_shift": 1}, {"cutout": 3}, {"mixup": 0.2}, {"cutmix": 1}):
        alone = draw_many(tf, params.Augmentation(**options))
        for name in ("shift", "flip", "hole", "patch"):
            np.testing.assert_array_equal(getattr(alone, name), getattr(together, name))
    np.testing.assert_array_equal(draw_many(tf, params.Augmentation(cutout=3)).share, 1)


def test_draws_are_independent_and_uniform(tf: ModuleType) -> None:
    draws = draw_many(tf, EVERYTHING)
    uniform = np.column_stack([draws.shift, draws.flip, draws.hole, draws.patch])
    assert all(stats.kstest(column, stats.uniform.cdf).pvalue > 0.01 for column in uniform.T)
    assert len(np.unique(uniform)) > 0.99 * uniform.size  # no stream twice
    correlations = np.corrcoef(np.column_stack([uniform, draws.cutmix, draws.share]), rowvar=False)
    assert np.abs(correlations - np.eye(9)).max() < 0.05  # 3.5 standard deviations of 1 / sqrt(4800)


def test_every_shift_and_every_centre_occurs_as_often(tf: ModuleType) -> None:
    from scramble import inputs

    dot = np.zeros((1, HEIGHT, WIDTH, 1), np.uint8)
    dot[0, 4, 3] = 255
    draws = draw_many(tf, EVERYTHING)
    shifted = inputs.augment(tf.repeat(dot, 4800, axis=0), params.Augmentation(max_shift=1), draws).numpy()
    counts = (shifted > 0).sum((0, 3))
    assert np.array_equal(np.argwhere(counts), [(row, column) for row in (3, 4, 5) for column in (2, 3, 4)])
    assert np.abs(counts[counts > 0] - 4800 / 9).max() < 80
    white = np.full((4800, HEIGHT, WIDTH, 1), 255, np.uint8)
    holes = inputs.augment(tf.constant(white), params.Augmentation(cutout=1), draws).numpy() == 0
    assert np.abs(holes.sum((0, 3)) - 100).max() < 40


@pytest.mark.parametrize("alpha", [0.01, 0.2, 1.0, 8.0])
@pytest.mark.parametrize("option", ["mixup", "cutmix"])
def test_shares_are_of_a_beta_distribution(tf: ModuleType, option: str, alpha: float) -> None:
    """With mean 1/2 and variance 1 / (4 (2 alpha + 1)); a small alpha gives no NaN."""
    draws = draw_many(tf, params.Augmentation(**{option: alpha}))
    assert draws.share.dtype == np.float32
    assert np.all((draws.share >= 0) & (draws.share <= 1))
    assert draws.share.mean() == pytest.approx(0.5, abs=0.02)
    assert draws.share.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)
    assert np.all(draws.cutmix == (option == "cutmix"))


def test_mixup_and_cutmix_take_turns_with_their_own_shares(tf: ModuleType) -> None:
    draws = draw_many(tf, params.Augmentation(mixup=0.2, cutmix=4))
    assert draws.cutmix.mean() == pytest.approx(0.5, abs=0.02)
    assert stats.kstest(draws.share[draws.cutmix], stats.beta(4, 4).cdf).pvalue > 0.01
    assert stats.kstest(draws.share[~draws.cutmix], stats.beta(0.2, 0.2).cdf).pvalue > 0.01


def test_replicas_change_an_image_as_one_device_does(tf: ModuleType) -> None:
    """Two replicas of four images each, whose partners stand at the other end of the batch."""
    from scramble import inputs

    batch = tf.constant(np.random.default_rng(2).integers(0, 256, (8, *SHAPE), dtype=np.uint8))
    draws = inputs.draw(tf.constant([3, 4]), 8, EVERYTHING)

    @tf.function(autograph=False)
    def changed(first: Any, size: int) -> Any:
        last = 8 - size - first
        own, others = draws.part(first, size), draws.part(last, size).reversed()
        partners = tf.reverse(tf.slice(batch, [last, 0, 0, 0], [size, *SHAPE]), [0])
        images = inputs.augment(tf.slice(batch, [first, 0, 0, 0], [size, *SHAPE]), EVERYTHING, own)
        return inputs.mix(images, inputs.augment(partners, EVERYTHING, others), EVERYTHING, own)

    whole = changed(tf.constant(0), 8)
    halves = [changed(tf.constant(first), 4) for first in (0, 4)]
    for one, two in zip(whole, zip(*halves, strict=True), strict=True):
        np.testing.assert_array_equal(one, np.concatenate(two))
    augmented = inputs.augment(batch, EVERYTHING, draws)
    images, share = inputs.mix(augmented, augmented[::-1], EVERYTHING, draws)
    np.testing.assert_array_equal(whole[0], images)
    np.testing.assert_array_equal(whole[1], share)
