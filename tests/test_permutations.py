"""The families of permutations: what holds for all of them, what sets each apart, and the structure statistics."""

import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import TypeAdapter

from scramble import params, permutations
from scramble.artifacts import write_json
from scramble.errors import UserError
from scramble.permutations import FAMILIES, FixedPermutation, PerImagePermutation, draw

SHAPE = (12, 12, 3)

ROWS: dict[str, dict[str, Any]] = {
    "identity": {},
    "pixels": {},
    "rows": {},
    "columns": {},
    "rows_columns": {},
    "channels": {},
    "tiles": {"size": 4},
    "within_tiles": {"size": 4},
    "swaps": {"share": 0.5},
    "flip": {"axis": "vertical"},
    "transpose": {},
}
"""A strength for every family that has one draw for all images."""
RANDOM = sorted(set(ROWS) - {"identity", "flip", "transpose"})

seeds = st.integers(0, 2**31 - 1)
shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))


def spec_of(family: str, seed: int = 0, **strength: Any) -> params.AnyPermutation:
    adapter: TypeAdapter[params.AnyPermutation] = TypeAdapter(params.AnyPermutation)
    return adapter.validate_python({"family": family, "seed": seed, **(strength or ROWS[family])})


def grid_of(spec: params.AnyPermutation, shape: params.ImageShape = SHAPE) -> NDArray[np.int32]:
    """Where each value comes from, (h, w, c)."""
    return draw(spec, shape, 0).reshape(shape)


def mean_kept(family: str, seed: int, **strength: Any) -> float:
    """Neighbour pairs kept, averaged over draws, on images of 24x24."""
    spec = spec_of(family, seed, **strength)
    shape = (24, 24, 1)
    return float(np.mean([permutations.neighbour_pairs_kept(draw(spec, shape, r), shape) for r in range(4)]))


def tags() -> Iterator[str]:
    """Every value of `family` that params.yaml may hold."""
    for member in typing.get_args(typing.get_args(params.AnyPermutation)[0]):
        yield from typing.get_args(member.model_fields["family"].annotation)


def test_every_family_of_params_is_drawn_and_has_a_row() -> None:
    assert set(tags()) == {*FAMILIES, "per_image"}
    assert set(ROWS) == set(FAMILIES)


# --- every family ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ROWS)
@settings(max_examples=10, deadline=None)
@given(seed=seeds, replicate=st.integers(0, 5))
def test_a_draw_is_a_bijection_with_an_inverse(family: str, seed: int, replicate: int) -> None:
    index = draw(spec_of(family, seed), SHAPE, replicate)
    assert index.dtype == np.int32
    assert index.shape == (np.prod(SHAPE),)
    np.testing.assert_array_equal(np.bincount(index), np.ones(len(index)))
    np.testing.assert_array_equal(index[permutations.invert(index)], np.arange(len(index)))
    np.testing.assert_array_equal(permutations.invert(index)[index], np.arange(len(index)))


@pytest.mark.parametrize("family", sorted(set(ROWS) - {"tiles", "within_tiles", "transpose"}))
@settings(max_examples=10, deadline=None)
@given(seed=seeds, shape=shapes)
def test_any_shape_is_permuted(family: str, seed: int, shape: params.ImageShape) -> None:
    index = draw(spec_of(family, seed), shape, 0)
    np.testing.assert_array_equal(np.sort(index), np.arange(np.prod(shape)))


@pytest.mark.parametrize("family", sorted(set(ROWS) - {"channels"}))
def test_the_channels_of_a_pixel_move_together(family: str) -> None:
    grid = grid_of(spec_of(family))
    assert np.all(grid % 3 == np.arange(3))
    assert np.all(grid // 3 == grid[:, :, :1] // 3)


def test_channels_are_permuted_each_on_its_own() -> None:
    grid = grid_of(spec_of("channels"))
    assert np.all(grid % 3 == np.arange(3))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.mean(grid[:, :, one] // 3 == grid[:, :, other] // 3) < 0.1


@pytest.mark.parametrize("family", ROWS)
def test_the_same_seed_gives_the_same_bytes(family: str) -> None:
    assert draw(spec_of(family, 7), SHAPE, 2).tobytes() == draw(spec_of(family, 7), SHAPE, 2).tobytes()


@pytest.mark.parametrize("family", RANDOM)
def test_replicates_and_seeds_differ(family: str) -> None:
    first = draw(spec_of(family), SHAPE, 0)
    assert not np.array_equal(first, np.arange(len(first)))
    assert not np.array_equal(first, draw(spec_of(family), SHAPE, 1))
    assert not np.array_equal(first, draw(spec_of(family, 1), SHAPE, 0))


@pytest.mark.parametrize("family", sorted(set(ROWS) - set(RANDOM)))
def test_controls_are_the_same_in_every_replicate(family: str) -> None:
    np.testing.assert_array_equal(draw(spec_of(family), SHAPE, 0), draw(spec_of(family, 9), SHAPE, 3))


# --- single families ------------------------------------------------------------------------------------------


def test_identity_moves_nothing() -> None:
    np.testing.assert_array_equal(grid_of(spec_of("identity")), permutations.positions(SHAPE))


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_rows_and_columns_stay_whole(seed: int) -> None:
    row, column, _ = np.unravel_index(grid_of(spec_of("rows", seed)), SHAPE)
    assert np.all(row == row[:, :1])
    assert np.all(column == np.arange(12)[:, None])
    row, column, _ = np.unravel_index(grid_of(spec_of("columns", seed)), SHAPE)
    assert np.all(row == np.arange(12)[:, None, None])
    assert np.all(column == column[:1])
    row, column, _ = np.unravel_index(grid_of(spec_of("rows_columns", seed)), SHAPE)
    assert np.all(row == row[:, :1])
    assert np.all(column == column[:1])
    orders = {tuple(row[:, 0, 0]), tuple(column[0, :, 0]), tuple(range(12))}
    assert len(orders) == 3


@settings(max_examples=20, deadline=None)
@given(seed=seeds, size=st.sampled_from([1, 2, 3, 4, 6]))
def test_the_inside_of_a_tile_stays(seed: int, size: int) -> None:
    shape = (12, 24, 1)
    grid = grid_of(spec_of("tiles", seed, size=size), shape)[..., 0]
    inside = np.arange(size)[:, None] * 24 + np.arange(size)
    for top in range(0, 12, size):
        for left in range(0, 24, size):
            tile = grid[top : top + size, left : left + size]
            assert tile[0, 0] // 24 % size == 0
            assert tile[0, 0] % 24 % size == 0
            np.testing.assert_array_equal(tile - tile[0, 0], inside)


@settings(max_examples=20, deadline=None)
@given(seed=seeds, size=st.sampled_from([1, 2, 3, 4, 6]))
def test_pixels_stay_within_their_tile(seed: int, size: int) -> None:
    shape = (12, 24, 1)
    row, column, _ = np.unravel_index(grid_of(spec_of("within_tiles", seed, size=size), shape)[..., 0:1], shape)
    assert np.all(row // size == np.arange(12)[:, None, None] // size)
    assert np.all(column // size == np.arange(24)[:, None] // size)


def test_every_tile_is_shuffled_by_a_draw_of_its_own() -> None:
    grid = grid_of(spec_of("within_tiles", size=6), (12, 12, 1))[..., 0]
    assert not np.array_equal(grid[:6, :6], grid[:6, 6:] - 6)


def test_whole_image_tiles_are_the_extremes() -> None:
    np.testing.assert_array_equal(grid_of(spec_of("tiles", size=12)), permutations.positions(SHAPE))
    np.testing.assert_array_equal(grid_of(spec_of("within_tiles", size=1)), permutations.positions(SHAPE))


@settings(max_examples=20, deadline=None)
@given(seed=seeds, share=st.floats(0, 1))
def test_swaps_move_just_the_share(seed: int, share: float) -> None:
    shape = (10, 10, 1)
    moved = np.sum(grid_of(spec_of("swaps", seed, share=share), shape) != permutations.positions(shape))
    chosen = round(share * 100)
    assert moved == (chosen if chosen > 1 else 0)


def test_flip_and_transpose() -> None:
    shape = (2, 2, 1)
    assert draw(spec_of("flip", axis="horizontal"), shape, 0).tolist() == [1, 0, 3, 2]
    assert draw(spec_of("flip", axis="vertical"), shape, 0).tolist() == [2, 3, 0, 1]
    assert draw(spec_of("transpose"), shape, 0).tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize(
    ("family", "shape", "message"),
    [
        ("tiles", (12, 10, 1), "size 4 does not divide images of 12x10"),
        ("within_tiles", (10, 12, 1), "size 4 does not divide images of 10x12"),
        ("transpose", (10, 12, 1), "only square images can be transposed, these are 10x12"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_numbers(family: str, shape: params.ImageShape, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(spec_of(family), shape, 0)


def test_a_draw_that_loses_positions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "pixels", lambda image, generator: np.zeros_like(image))
    with pytest.raises(ValueError, match="do not occur once each"):
        draw(spec_of("pixels"), SHAPE, 0)


# --- applying -------------------------------------------------------------------------------------------------


def images_of(count: int, shape: params.ImageShape = SHAPE) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def test_a_fixed_permutation_follows_the_index() -> None:
    images = images_of(5)
    index = draw(spec_of("channels"), SHAPE, 0)
    permuted = FixedPermutation(index).apply(images, "train")
    assert permuted.dtype == np.uint8
    np.testing.assert_array_equal(permuted.reshape(5, -1), images.reshape(5, -1)[:, index])
    np.testing.assert_array_equal(FixedPermutation(permutations.invert(index)).apply(permuted, "test"), images)


def test_per_image_moves_whole_pixels_differently_in_every_image() -> None:
    index = PerImagePermutation(0, 0).apply(np.stack([permutations.positions(SHAPE)] * 4), "train")
    assert np.all(index % 3 == np.arange(3))
    assert np.all(index // 3 == index[..., :1] // 3)
    assert np.all(np.sort(index.reshape(4, -1)) == np.arange(np.prod(SHAPE)))
    assert len({each.tobytes() for each in index}) == 4


def test_per_image_draws_depend_on_split_replicate_and_position_alone() -> None:
    images = images_of(8)
    permuted = PerImagePermutation(3, 1).apply(images, "train")
    assert permuted.dtype == np.uint8
    np.testing.assert_array_equal(PerImagePermutation(3, 1).apply(images[:5], "train"), permuted[:5])
    for other, split in ((PerImagePermutation(3, 1), "test"), (PerImagePermutation(3, 0), "train")):
        assert not np.array_equal(other.apply(images, typing.cast(Any, split))[0], permuted[0])
    fixed = FixedPermutation(draw(spec_of("pixels", 3), SHAPE, 1)).apply(images, "train")
    assert not np.array_equal(fixed[0], permuted[0])


def test_load_refuses_a_replicate_without_a_draw(tmp_path: Path) -> None:
    write_json(tmp_path / "permutation.json", {"seed": 4, "per_image": True, "replicates": 2})
    assert permutations.load(tmp_path, 1) == PerImagePermutation(4, 1)
    with pytest.raises(UserError, match="2 replicates, replicate 2 needs one"):
        permutations.load(tmp_path, 2)


# --- structure ------------------------------------------------------------------------------------------------


def test_neighbour_pairs_kept_by_hand() -> None:
    # 0 1 2 becomes 1 0 2: the pair (0, 1) is kept, (1, 2) is torn apart.
    assert permutations.neighbour_pairs_kept(np.array([1, 0, 2], np.int32), (1, 3, 1)) == 0.5
    # 0 1 / 2 3 becomes 0 1 / 3 2: the rows are kept, the columns hold diagonals.
    assert permutations.neighbour_pairs_kept(np.array([0, 1, 3, 2], np.int32), (2, 2, 1)) == 0.5
    # In two channels, the second of which stays as it was: (0.5 + 1) / 2.
    assert permutations.neighbour_pairs_kept(np.array([0, 1, 2, 3, 6, 5, 4, 7], np.int32), (2, 2, 2)) == 0.75
    # The end of one row and the start of the next follow each other in memory, but are no neighbours.
    assert permutations.neighbour_pairs_kept(np.array([0, 2, 3, 1, 4, 5], np.int32), (2, 3, 1)) == 3 / 7
    assert permutations.neighbour_pairs_kept(np.array([0], np.int32), (1, 1, 1)) == 1


def test_mean_displacement_by_hand() -> None:
    assert permutations.mean_displacement(np.array([2, 1, 0], np.int32), (1, 3, 1)) == pytest.approx(4 / 3)
    assert permutations.mean_displacement(np.array([3, 1, 2, 0], np.int32), (2, 2, 1)) == pytest.approx(2**0.5 / 2)
    assert permutations.mean_displacement(np.array([0, 3, 2, 1], np.int32), (1, 2, 2)) == pytest.approx(0.5)


@settings(max_examples=20, deadline=None)
@given(seed=seeds, family=st.sampled_from(sorted(ROWS)))
def test_the_inverse_moves_as_far_and_keeps_as_many_pairs(seed: int, family: str) -> None:
    index = draw(spec_of(family, seed), SHAPE, 0)
    inverse = permutations.invert(index)
    for statistic in (permutations.neighbour_pairs_kept, permutations.mean_displacement):
        assert statistic(index, SHAPE) == pytest.approx(statistic(inverse, SHAPE))


@pytest.mark.parametrize(
    ("family", "strength"),
    [
        ("identity", {}),
        ("flip", {"axis": "horizontal"}),
        ("flip", {"axis": "vertical"}),
        ("transpose", {}),
        ("swaps", {"share": 0.0}),
    ],
)
def test_controls_keep_all_neighbours(family: str, strength: dict[str, Any]) -> None:
    index = draw(spec_of(family, **strength), SHAPE, 0)
    assert permutations.neighbour_pairs_kept(index, SHAPE) == 1


@settings(max_examples=15, deadline=None)
@given(seed=seeds, shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_more_swaps_keep_fewer_neighbours(seed: int, shares: tuple[float, float]) -> None:
    low, high = sorted(shares)
    # Pixels that traded places may become neighbours again by chance.
    assert mean_kept("swaps", seed, share=high) <= mean_kept("swaps", seed, share=low) + 0.01


@settings(max_examples=5, deadline=None)
@given(seed=seeds)
def test_larger_tiles_keep_more_neighbours(seed: int) -> None:
    kept = [mean_kept("tiles", seed, size=size) for size in (1, 2, 4, 8, 24)]
    assert kept == sorted(kept)
    assert kept[0] < 0.03
    assert kept[-1] == 1
    # The pairs inside the tiles are kept for certain: of 2 * 24 * 23, those of 9 tiles with 2 * 8 * 7 each.
    assert kept[3] >= 9 * 2 * 8 * 7 / (2 * 24 * 23)


@settings(max_examples=5, deadline=None)
@given(seed=seeds)
def test_shuffling_within_larger_tiles_keeps_fewer_neighbours(seed: int) -> None:
    kept = [mean_kept("within_tiles", seed, size=size) for size in (1, 2, 4, 8, 24)]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] == 1
    assert kept[-1] < 0.03


def test_morans_i_by_hand() -> None:
    checkerboard = np.indices((4, 6)).sum(axis=0)[None, :, :, None] % 2
    assert permutations.morans_i(checkerboard) == pytest.approx(-1)
    # 0 0 9 9: deviations -, -, +, +, of 3 pairs two agree and one does not; 4 / 3 * (2 - 1) / 4.
    halves = np.array([0, 0, 9, 9], np.uint8).reshape(1, 1, 4, 1)
    assert permutations.morans_i(halves) == pytest.approx(1 / 3)
    # 1 0 / 0 0: deviations 3, -1, -1, -1 quarters; 4 / 4 * (2 * -3 + 2 * 1) / 12.
    corner = np.array([1, 0, 0, 0], np.uint8).reshape(1, 2, 2, 1)
    assert permutations.morans_i(corner) == pytest.approx(-1 / 3)
    ramp = np.broadcast_to(np.arange(100)[:, None], (1, 100, 100))[..., None]
    assert permutations.morans_i(ramp) == pytest.approx(1, abs=0.02)


def test_morans_i_leaves_constant_channels_out() -> None:
    board = np.indices((4, 4)).sum(axis=0) % 2
    halves = np.arange(4) // 2 + np.zeros((4, 1), int)
    grey = np.full((4, 4), 7)
    image = np.stack([board, halves, grey], axis=-1)
    # Left and right half: of 24 pairs 4 differ in sign, 16 / 24 * (20 - 4) / 16.
    assert permutations.morans_i(image[None]) == pytest.approx((-1 + 2 / 3) / 2)
    assert permutations.morans_i(np.stack([image[..., :1], image[..., 2:]])) == pytest.approx(-1)
    assert permutations.morans_i(np.full((3, 4, 4, 1), 7)) is None
    assert permutations.morans_i(images_of(2, (1, 1, 1))) is None
