"""fetch: images and labels of the study's dataset as arrays, and dataset.json, which says what they are."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scramble import params
from scramble.artifacts import DatasetInfo, Split, SplitInfo, TrainSplit, whole, write_array, write_json
from scramble.datasets import DATASETS, RawDataset, stratified_sample
from scramble.errors import UserError
from scramble.paths import StudyPaths

SAMPLE_CLASSES = 10
SAMPLES_PER_CLASS = 3


def run(study: params.Study) -> None:
    """Writes the train and the test split, dataset.json and the sample sheet, all of them or none.

    Raises:
        UserError: the source refuses, or the images do not suffice for the limits and the validation part.
    """
    spec = study.dataset
    raw = DATASETS[spec.name](spec)
    train = _train_split(raw, spec)
    test = _test_split(raw, spec)
    info = describe(raw, spec.name, train, test)
    _write(StudyPaths(study.study), train, test, info)
    counts = ", ".join(f"{split.count} {name}" for name, split in info.splits.items())
    print(f"{spec.name}: {counts}; {info.num_classes} classes; images of {'x'.join(map(str, info.image_shape))}")


def _train_split(raw: RawDataset, spec: params.Dataset) -> TrainSplit:
    images, labels = _limited(raw, "train", spec.train_limit, spec.seed)
    return TrainSplit(images=images, labels=labels, validation=_validation(labels, raw.class_names, spec))


def _test_split(raw: RawDataset, spec: params.Dataset) -> Split:
    images, labels = _limited(raw, "test", spec.test_limit, spec.seed)
    return Split(images=images, labels=labels)


def _limited(raw: RawDataset, split: str, limit: int | None, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """At most `limit` images and labels of a split, stratified, in their original order."""
    images, labels = getattr(raw, f"{split}_images"), getattr(raw, f"{split}_labels")
    num_classes = len(raw.class_names)
    if limit is None or limit >= len(labels):
        return images, labels
    if limit < num_classes:
        raise UserError(
            f"dataset.{split}_limit is {limit}, less than the {num_classes} classes: every class needs an image"
        )
    chosen = stratified_sample(labels, limit, seed, f"{split} limit")
    return images[chosen], labels[chosen]


def _validation(labels: NDArray[np.int32], class_names: tuple[str, ...], spec: params.Dataset) -> NDArray[np.int32]:
    """Sorted positions of the validation part, in which and beside which every class occurs."""
    count = round(spec.validation_fraction * len(labels))
    if count < len(class_names):
        raise UserError(
            f"dataset.validation_fraction {spec.validation_fraction} of {len(labels)} training images is {count}, "
            f"less than the {len(class_names)} classes: raise it or dataset.train_limit"
        )
    validation = stratified_sample(labels, count, spec.seed, "validation")
    remaining = np.bincount(np.delete(labels, validation), minlength=len(class_names))
    if not remaining.all():
        name = class_names[int(np.argmin(remaining))]
        raise UserError(
            f"dataset.validation_fraction {spec.validation_fraction} of {len(labels)} training images leaves the class "
            f"{name!r} none to learn from: it needs at least two, raise dataset.train_limit or leave the class out"
        )
    return validation.astype(np.int32)


def describe(raw: RawDataset, name: str, train: TrainSplit, test: Split) -> DatasetInfo:
    """What dataset.json says of the two splits."""
    learned = np.delete(np.arange(len(train.labels)), train.validation)
    mean, std = pixel_statistics(train.images[learned])
    labels = {
        "train": train.labels[learned],
        "validation": train.labels[train.validation],
        "test": test.labels,
    }
    return DatasetInfo(
        name=name,
        image_shape=train.images.shape[1:],
        class_names=raw.class_names,
        splits={split: _split_info(values, len(raw.class_names)) for split, values in labels.items()},
        mean=mean,
        std=std,
        digest=digest(train, test),
        duplicates=num_duplicates(train.images, test.images),
        source=raw.source,
        licence=raw.licence,
    )


def _split_info(labels: NDArray[np.int32], num_classes: int) -> SplitInfo:
    return SplitInfo(count=len(labels), per_class=tuple(np.bincount(labels, minlength=num_classes).tolist()))


def pixel_statistics(images: NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of images (n, h, w, c), of pixels scaled to 0..1.

    The sums are exact integers, so that every machine gets the same bits.
    """
    num_pixels = images.size // images.shape[-1]
    totals = np.einsum("nhwc->c", images, dtype=np.uint64, casting="safe").tolist()
    squares = np.einsum("nhwc,nhwc->c", images, images, dtype=np.uint64, casting="safe").tolist()
    variances = [num_pixels * square - total**2 for total, square in zip(totals, squares, strict=True)]
    mean = tuple(total / (255 * num_pixels) for total in totals)
    return mean, tuple(variance**0.5 / (255 * num_pixels) for variance in variances)


def digest(train: Split, test: Split) -> str:
    """SHA-256 over shape and bytes of the images and labels of train and test, in this order."""
    sha256 = hashlib.sha256()
    for array in (train.images, train.labels, test.images, test.labels):
        sha256.update(f"{array.dtype.name}{list(array.shape)}".encode())
        sha256.update(np.ascontiguousarray(array).data)
    return sha256.hexdigest()


def num_duplicates(train_images: NDArray[np.uint8], test_images: NDArray[np.uint8]) -> int:
    """How many test images also occur, pixel for pixel, among the training images."""

    def fingerprints(images: NDArray[np.uint8]) -> list[bytes]:
        return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]

    known = set(fingerprints(train_images))
    return sum(fingerprint in known for fingerprint in fingerprints(test_images))


def _write(paths: StudyPaths, train: TrainSplit, test: Split, info: DatasetInfo) -> None:
    """Nothing is moved to its place before everything is written."""
    with (
        whole(paths.dataset) as dataset_json,
        whole(paths.samples) as samples,
        whole(paths.test_split) as test_folder,
        whole(paths.train_split) as train_folder,
    ):
        for folder, arrays in ((train_folder, train), (test_folder, test)):
            folder.mkdir()
            for name, array in arrays:
                write_array(folder / f"{name}.npy", array)
        write_json(dataset_json, info)
        _draw_samples(train, info.class_names, samples)


def _draw_samples(train: TrainSplit, class_names: tuple[str, ...], path: Path) -> None:
    """Draws the first training images of every class, or of classes evenly spaced where there are many."""
    # matplotlib is slow to import and not needed before everything has been checked.
    from scramble.figures import sheets

    shown = np.unique(np.linspace(0, len(class_names) - 1, SAMPLE_CLASSES).round().astype(int))
    num_rows = min(SAMPLES_PER_CLASS, int(np.bincount(train.labels).min()))
    first = np.stack([np.flatnonzero(train.labels == label)[:num_rows] for label in shown], axis=1)
    sheets.image_sheet(
        rows=[("", train.images[row]) for row in first],
        columns=[class_names[label] for label in shown],
        path=path,
    )
