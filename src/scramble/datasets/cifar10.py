"""CIFAR-10: 50,000 + 10,000 colour images of 32x32 pixels, from the binary version.

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scramble import params
from scramble.datasets import download
from scramble.datasets.raw import RawDataset

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD_BYTES = 1 + 3 * 32 * 32
"""A label, then the red, the green and the blue plane of an image."""

SHA256 = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
ARCHIVE = download.PublishedFile(
    name="cifar-10-binary.tar.gz",
    urls=(
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
        "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/cifar-10-binary.tar.gz",
    ),
    members=tuple(
        download.Member(f"cifar-10-batches-bin/{name}", 10_000 * RECORD_BYTES, sha256)
        for name, sha256 in SHA256.items()
    ),
)


def load(spec: params.Cifar10) -> RawDataset:
    """Reads the five training batches and the test batch.

    Raises:
        UserError: the archive is missing, is not the published one, or cannot be downloaded.
    """
    *train_batches, test_batch = download.read(spec.name, ARCHIVE, spec.mirror)
    train_images, train_labels = _decode(train_batches)
    test_images, test_labels = _decode([test_batch])
    return RawDataset(
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        class_names=CLASS_NAMES,
        source="CIFAR-10 (Krizhevsky 2009), https://www.cs.toronto.edu/~kriz/cifar.html",
        licence="not stated by its publisher",
    )


def _decode(batches: Sequence[memoryview]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Returns images (n, 32, 32, 3) and labels (n,)."""
    records = np.concatenate([np.frombuffer(batch, np.uint8).reshape(-1, RECORD_BYTES) for batch in batches])
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int32)
