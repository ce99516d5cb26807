"""Draws one permutation of a study, one draw per replicate, and measures and shows what it leaves of the images.

Reads dataset.json and the train split; writes permutation.json, index.npy (not for `per_image`, whose draws come from
its seed), structure.json and before_after.png.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scramble import permutations
from scramble.artifacts import (
    DatasetInfo,
    TrainSplit,
    read_dataset_info,
    read_train_split,
    whole,
    write_array,
    write_json,
)
from scramble.errors import UserError, unknown_name
from scramble.params import AnyPermutation, ImageShape, Study, check_permutation_fits
from scramble.paths import StudyPaths
from scramble.permutations import FixedPermutation, PerImagePermutation, Permutation

SAMPLE_SIZE = 256
"""Training images that the structure is measured on."""
NUM_COLUMNS = 10
"""Images of the before/after picture."""
NUM_DRAWS_SHOWN = 2


def run(study: Study, permutation: str) -> None:
    """Writes the folder of one permutation.

    Raises:
        UserError: the permutation is unknown, does not fit the images, or there is no dataset yet.
    """
    paths = StudyPaths(study.study)
    if permutation not in study.permutations:
        raise UserError(f"{study.params}: {unknown_name('permutation', permutation, study.permutations)}")
    spec = study.permutations[permutation]
    info = read_dataset_info(paths.dataset)
    try:
        check_permutation_fits(permutation, spec, info.image_shape)
    except ValueError as error:
        raise UserError(f"{study.params}: {error}") from None
    train = read_train_split(paths.train_split)
    draws = [_draw(spec, info.image_shape, replicate) for replicate in range(study.replicates)]
    structure = _structure(draws, train.images)
    with whole(paths.permutation(permutation)) as folder:
        _write(folder, permutation, spec, draws)
        write_json(folder / "structure.json", structure)
        _draw_before_after(folder / "before_after.png", draws[:NUM_DRAWS_SHOWN], train, info)
    kept, displacement = structure["neighbour_pairs_kept"]["mean"], structure["mean_displacement"]["mean"]
    print(
        f"{permutation}: {kept:.1%} of neighbouring pixels stay neighbours, mean displacement {displacement:.1f} pixels"
    )


def _draw(spec: AnyPermutation, image_shape: ImageShape, replicate: int) -> Permutation:
    if spec.family == "per_image":
        return PerImagePermutation(spec.seed, replicate)
    return FixedPermutation(permutations.draw(spec, image_shape, replicate))


def _write(folder: Path, name: str, spec: AnyPermutation, draws: Sequence[Permutation]) -> None:
    folder.mkdir()
    fixed = [draw.index for draw in draws if isinstance(draw, FixedPermutation)]
    document = {"name": name, **spec.model_dump(mode="json"), "per_image": not fixed, "replicates": len(draws)}
    write_json(folder / "permutation.json", document)
    if fixed:
        write_array(folder / "index.npy", np.stack(fixed))


def _structure(draws: Sequence[Permutation], images: NDArray[np.uint8]) -> dict[str, Any]:
    """Structure statistics on a sample of `images` (n, h, w, c), spread evenly over them."""
    sample = images[:: max(1, len(images) // SAMPLE_SIZE)][:SAMPLE_SIZE]
    permuted = np.concatenate([draw.apply(sample, "train") for draw in draws])
    return {
        "neighbour_pairs_kept": _over_replicates(permutations.neighbour_pairs_kept, draws, sample.shape[1:]),
        "mean_displacement": _over_replicates(permutations.mean_displacement, draws, sample.shape[1:]),
        "morans_i": {
            "before": _rounded(permutations.morans_i(sample)),
            "after": _rounded(permutations.morans_i(permuted)),
        },
    }


def _over_replicates(
    statistic: Callable[[NDArray[np.int32], ImageShape], float], draws: Sequence[Permutation], image_shape: ImageShape
) -> dict[str, Any]:
    """`statistic` of every replicate, for per-image draws the mean over a sample of them, and the mean of all."""
    replicates = []
    for draw in draws:
        count = 1 if isinstance(draw, FixedPermutation) else SAMPLE_SIZE
        natural = np.broadcast_to(permutations.positions(image_shape), (count, *image_shape))
        indices = draw.apply(natural, "train").reshape(count, -1)
        replicates.append(float(np.mean([statistic(index, image_shape) for index in indices])))
    return {"replicates": [_rounded(value) for value in replicates], "mean": _rounded(float(np.mean(replicates)))}


def _rounded(value: float | None) -> float | None:
    """Six decimals, so that the order in which a CPU adds does not show in the bytes of structure.json."""
    return None if value is None else round(value, 6)


def _draw_before_after(path: Path, draws: Sequence[Permutation], train: TrainSplit, info: DatasetInfo) -> None:
    """Draws some training images, of as many classes as possible, natural and by each of the `draws`."""
    from scramble.figures import sheets

    shown = _one_of_each_class(train.labels)[:NUM_COLUMNS]
    images = train.images[shown]
    rows = [(f"replicate {replicate}", draw.apply(images, "train")) for replicate, draw in enumerate(draws)]
    titles = [info.class_names[label] for label in train.labels[shown]]
    sheets.image_sheet([("natural", images), *rows], titles, path)


def _one_of_each_class(labels: NDArray[np.int32]) -> NDArray[np.intp]:
    """All positions: the first image of each class, then the second of each class, and so on."""
    by_class = np.argsort(labels, kind="stable")
    start = np.searchsorted(labels[by_class], labels[by_class])
    occurrence = np.arange(len(labels)) - start
    return by_class[np.argsort(occurrence, kind="stable")]
