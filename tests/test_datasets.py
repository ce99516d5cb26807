"""Every source of data: what it holds, and what it refuses."""

import contextlib
import gzip
import os
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.datasets import load_digits

from idx_files import CODES, encode, write_splits
from scramble import params
from scramble.datasets import DATASETS, cifar10, digits, idx, stratified_sample
from scramble.errors import UserError
from scramble.stages.fetch import pixel_statistics

compress = partial(gzip.compress, mtime=0)  # xdist compares the names of tests, which hold these bytes

MNIST_PER_CLASS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
PUBLISHED = {
    # training images, their shape, images per class, channel means and standard deviations (of pixels 0..1)
    "mnist": (60_000, (28, 28, 1), MNIST_PER_CLASS, (0.1307,), (0.3081,)),
    "fashion_mnist": (60_000, (28, 28, 1), [6000] * 10, (0.2860,), (0.3530,)),
    "cifar10": (50_000, (32, 32, 3), [5000] * 10, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
}

in_one_folder = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def spec_of(name, **keys):
    known = {cls.model_fields["name"].annotation.__args__[0]: cls for cls in dataset_classes()}
    return known[name](name=name, **keys)


def dataset_classes():
    return (params.Digits, params.Mnist, params.FashionMnist, params.Cifar10, params.Idx)


def test_every_dataset_of_params_can_be_read():
    assert {cls.model_fields["name"].annotation.__args__[0] for cls in dataset_classes()} == set(DATASETS)


# --- the published ones -----------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.environ.get("SCRAMBLE_MIRROR"), reason="SCRAMBLE_MIRROR names no mirror folder")
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_statistics(name):
    count, shape, per_class, means, deviations = PUBLISHED[name]
    raw = DATASETS[name](spec_of(name))
    assert raw.train_images.shape == (count, *shape)
    assert raw.test_images.shape == (10_000, *shape)
    assert raw.train_images.dtype == raw.test_images.dtype == np.uint8
    assert raw.train_labels.dtype == raw.test_labels.dtype == np.int32
    assert np.bincount(raw.train_labels).tolist() == per_class
    assert len(raw.test_labels) == 10_000
    assert len(raw.class_names) == 10
    mean, std = pixel_statistics(raw.train_images)
    assert mean == pytest.approx(means, abs=6e-5)
    assert std == pytest.approx(deviations, abs=6e-5)


def test_cifar10_records_are_planes_of_rows():
    records = np.random.default_rng(0).integers(0, 256, (2, 3073), dtype=np.uint8)
    images, labels = cifar10._decode([memoryview(record.tobytes()) for record in records])
    assert labels.tolist() == records[:, 0].tolist()
    row, column, channel = 5, 9, 2
    assert images[1, row, column, channel] == records[1, 1 + 1024 * channel + 32 * row + column]


# --- digits -----------------------------------------------------------------------------------------------------


def test_digits_are_whole_and_stratified():
    raw = digits.load(spec_of("digits"))
    assert raw.train_images.shape == (1348, 32, 32, 1)
    assert raw.test_images.shape == (449, 32, 32, 1)
    both = np.bincount(raw.train_labels) + np.bincount(raw.test_labels)
    assert np.abs(np.bincount(raw.test_labels) - 0.25 * both).max() <= 1
    assert raw.train_images.max() == 255


def test_digits_lie_within_the_shift_and_reach_it():
    images = digits.load(spec_of("digits", max_shift=3)).train_images[..., 0]
    rows, columns = np.flatnonzero(images.any((0, 2))), np.flatnonzero(images.any((0, 1)))
    assert rows[0] == 6 - 3
    assert rows[-1] == 6 + 19 + 3
    assert columns[0] >= 6 - 3
    assert columns[-1] <= 6 + 19 + 3


def test_digits_without_shift_are_centred_and_the_same_digits():
    still, moved = digits.load(spec_of("digits", max_shift=0)), digits.load(spec_of("digits", max_shift=3))
    margin = np.delete(still.train_images, np.s_[6:26], axis=1)
    assert not margin.any()
    assert np.array_equal(still.train_labels, moved.train_labels)
    assert np.array_equal(still.train_images.sum((1, 2)), moved.train_images.sum((1, 2)))


def test_digits_keep_the_brightness_of_the_small_ones():
    raw = digits.load(spec_of("digits"))
    canvases = np.concatenate([raw.train_images, raw.test_images])
    small = load_digits().images
    assert canvases.sum() / 20**2 == pytest.approx(small.sum() * 255 / 16 / 8**2, rel=0.02)


def test_digits_follow_their_seed():
    one, again, other = (digits.load(spec_of("digits", seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.train_images, again.train_images)
    assert not np.array_equal(one.train_labels, other.train_labels)


# --- stratified draws -------------------------------------------------------------------------------------------

label_lists = st.lists(st.integers(0, 5), min_size=1, max_size=80).map(lambda labels: np.array(labels, np.int32))


@given(label_lists, st.integers(0, 2**31), st.data())
def test_stratified_draws_are_nested_and_keep_the_shares(labels, seed, data):
    large = data.draw(st.integers(0, len(labels)))
    small = data.draw(st.integers(0, large))
    chosen = stratified_sample(labels, large, seed, "limit")
    assert len(set(chosen)) == large
    assert np.array_equal(chosen, np.sort(chosen))
    assert set(stratified_sample(labels, small, seed, "limit")) <= set(chosen)
    per_class, drawn = np.bincount(labels), np.bincount(labels[chosen], minlength=labels.max() + 1)
    if large >= np.count_nonzero(per_class):
        assert (drawn[per_class > 0] > 0).all()
    share = large / len(labels)
    assert np.abs(drawn - share * per_class).max() <= np.count_nonzero(per_class)


def test_draws_of_balanced_classes_are_exact_and_differ_by_seed_and_purpose():
    labels = np.repeat(np.arange(10, dtype=np.int32), 30)
    first = stratified_sample(labels, 50, 0, "limit")
    assert np.bincount(labels[first]).tolist() == [5] * 10
    assert not np.array_equal(first, stratified_sample(labels, 50, 1, "limit"))
    assert not np.array_equal(first, stratified_sample(labels, 50, 0, "validation"))


# --- the IDX format ---------------------------------------------------------------------------------------------

arrays = st.sampled_from(sorted(CODES)).flatmap(
    lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=1, max_dims=4, max_side=5))
)


@in_one_folder
@given(array=arrays, zipped=st.booleans())
def test_idx_round_trip(tmp_path, array, zipped):
    path = tmp_path / "file"
    path.write_bytes(compress(encode(array)) if zipped else encode(array))
    read = idx.read_idx(path)
    assert read.shape == array.shape
    assert np.array_equal(read, array)


@in_one_folder
@given(array=arrays, zipped=st.booleans(), data=st.data())
def test_idx_truncated_anywhere_is_refused_by_name(tmp_path, array, zipped, data):
    path = tmp_path / "file"
    whole = compress(encode(array)) if zipped else encode(array)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(UserError, match=str(path)):
        idx.read_idx(path)


@in_one_folder
@given(array=arrays, zipped=st.booleans(), rest=st.binary(min_size=1, max_size=9))
def test_idx_with_trailing_bytes_is_refused_by_name(tmp_path, array, zipped, rest):
    path = tmp_path / "file"
    path.write_bytes(compress(encode(array) + rest) if zipped else encode(array) + rest)
    with pytest.raises(UserError, match=str(path)):
        idx.read_idx(path)


@in_one_folder
@given(st.sampled_from([b"", b"\0\0\x08\x01", b"\0\0\x08\x03", b"\x1f\x8b", b"\x1f\x8b\x08\0"]), st.binary(max_size=60))
def test_idx_of_random_bytes_is_read_or_refused(tmp_path, start, data):
    path = tmp_path / "file"
    path.write_bytes(start + data)
    with contextlib.suppress(UserError):
        idx.read_idx(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "begins with nothing, expected 00 00"),
        (b"PNG!", "begins with 50 4e 47 21, expected 00 00"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "type 0x0d, expected integers"),
        (b"\0\0\x08\x00", "0 dimensions, expected 1 to 4"),
        (b"\0\0\x08\xff" + b"\0" * 2000, "255 dimensions, expected 1 to 4"),
        (b"\0\0\x08\x03\0\0\0\x01\0\0", "has 10 bytes, its header alone has 16"),
        (b"\0\0\x08\x01\0\0\0\x05abc", r"has 11 bytes, its header \(5\) promises 13"),
        (b"\0\0\x08\x01\0\0\0\x02abc", r"has 11 bytes, its header \(2\) promises 10"),
        (b"\0\0\x08\x03" + b"\xff" * 12, r"4294967295x4294967295x4294967295\) promises 7922816"),
    ],
)
def test_idx_refusals(tmp_path, data, message):
    path = tmp_path / "broken-file"
    path.write_bytes(data)
    with pytest.raises(UserError, match=f"broken-file .*{message}"):
        idx.read_idx(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (compress(b"\0\0\x08\x01\0\0\0\x05abc"), r"decompresses to 11 bytes, its header \(5\) promises 13"),
        (compress(b"\0\0\x08\x01\0\0\0\x02abc"), r"decompresses to more, its header \(2\) promises 10"),
        (
            compress(b"\0\0\x08\x03" + b"\xff" * 12),
            "decompresses to at most .* bytes, its header .* promises 7922",
        ),
        (compress(b"\0\0\x08\x01\0\0\0\x03abc")[:-4], "breaks off after 3 bytes"),
        (compress(b"\0\0\x08\x01\0\0\0\x03abc")[:-8] + b"12345678", "no intact gzip file"),
    ],
)
def test_zipped_idx_refusals(tmp_path, data, message):
    path = tmp_path / "broken-file.gz"
    path.write_bytes(data)
    with pytest.raises(UserError, match=f"broken-file.gz .*{message}"):
        idx.read_idx(path)


# --- a user's own folder ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"zipped": True},
        {"names": "{split}-{part}.idx{dims}-ubyte", "test": "test"},
        {"names": "emnist-letters-{split}-{part}-idx{dims}-ubyte", "test": "test", "zipped": True},
        {"size": (4, 5, 3)},
        {"size": (4, 5, 1)},
    ],
)
def test_idx_folder_in_every_spelling(tmp_path, layout):
    write_splits(tmp_path, [3, 1, 7, 1], [7, 3, 1], **layout)
    raw = idx.load(spec_of("idx", folder=str(tmp_path)))
    channels = layout.get("size", (4, 5, 1))[-1]
    assert raw.train_images.shape == (4, 4, 5, channels)
    assert raw.test_images.shape == (3, 4, 5, channels)
    assert raw.train_images.dtype == np.uint8
    assert raw.train_labels.tolist() == [1, 0, 2, 0]
    assert raw.test_labels.tolist() == [2, 1, 0]
    assert raw.train_labels.dtype == np.int32
    assert raw.class_names == ("1", "3", "7")


def test_idx_labels_may_be_negative(tmp_path):
    write_splits(tmp_path, [-1, 1, 300], [300, -1])
    raw = idx.load(spec_of("idx", folder=str(tmp_path), class_names=("down", "up", "far")))
    assert raw.train_labels.tolist() == [0, 1, 2]
    assert raw.test_labels.tolist() == [2, 0]
    assert raw.class_names == ("down", "up", "far")


def refused(folder, message, **keys):
    with pytest.raises(UserError, match=message) as refusal:
        idx.load(spec_of("idx", folder=str(folder), **keys))
    assert str(refusal.value).count("\n") <= 1


def test_idx_folder_missing(tmp_path):
    refused(tmp_path / "none", "dataset.folder: .*none does not exist")


def test_idx_file_missing(tmp_path):
    write_splits(tmp_path, [0, 1], [0, 1])
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    refused(tmp_path, "has no t10k-labels-idx1-ubyte")


def test_idx_file_twice(tmp_path):
    write_splits(tmp_path, [0, 1], [0, 1])
    write_splits(tmp_path, [0, 1], [0, 1], zipped=True)
    refused(tmp_path, "both train-images-idx3-ubyte and train-images-idx3-ubyte.gz")


def test_idx_class_names_of_another_count(tmp_path):
    write_splits(tmp_path, [1, 2, 3], [1])
    refused(tmp_path, "class_names has 2 names, .* 3 distinct values: 1, 2, 3", class_names=("a", "b"))


def test_idx_test_label_without_training_image(tmp_path):
    write_splits(tmp_path, [1, 2], [1, 9])
    refused(tmp_path, "t10k-labels-idx1-ubyte has the label 9, which no training image has; those have 1, 2")


def test_idx_splits_of_different_sizes(tmp_path):
    write_splits(tmp_path, [0, 1], [0, 1])
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(encode(np.zeros((2, 5, 5), np.uint8)))
    refused(tmp_path, "training images are 4x5x1, test images 5x5x1")


@pytest.mark.parametrize(
    ("file", "array", "message"),
    [
        ("train-labels-idx1-ubyte", np.zeros(3, np.uint8), "holds 2 images, train-labels-idx1-ubyte holds 3 labels"),
        ("train-labels-idx1-ubyte", np.zeros((2, 2), np.uint8), "shape 2x2; expected one label per image"),
        ("train-images-idx3-ubyte", np.zeros((2, 4, 5), np.int16), "holds .*i2 values|int16 values"),
        ("train-images-idx3-ubyte", np.zeros((2, 4, 5, 2), np.uint8), "shape 2x4x5x2"),
        ("train-images-idx3-ubyte", np.zeros((2, 4), np.uint8), "shape 2x4; expected uint8 images"),
        ("train-images-idx3-ubyte", np.zeros((0, 4, 5), np.uint8), "shape 0x4x5x1"),
        ("train-images-idx3-ubyte", np.zeros((2, 0, 5), np.uint8), "shape 2x0x5x1"),
    ],
)
def test_idx_files_of_wrong_shape(tmp_path, file, array, message):
    write_splits(tmp_path, [0, 1], [0, 1])
    (tmp_path / file).write_bytes(encode(array))
    refused(tmp_path, message)


def test_idx_file_that_cannot_be_opened(tmp_path):
    write_splits(tmp_path, [0, 1], [0, 1])
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    (tmp_path / "train-labels-idx1-ubyte").mkdir()
    refused(tmp_path, "train-labels-idx1-ubyte cannot be read: Is a directory")
