"""MNIST and Fashion-MNIST: 60,000 + 10,000 grey images of 28x28 pixels in four IDX files.

LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998.
Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017.
"""

from dataclasses import dataclass

import numpy as np

from scramble import params
from scramble.datasets import download
from scramble.datasets.raw import RawDataset

IMAGES_HEADER_BYTES, LABELS_HEADER_BYTES = 16, 8
NUM_BYTES = {
    "train-images-idx3-ubyte": 47_040_016,
    "train-labels-idx1-ubyte": 60_008,
    "t10k-images-idx3-ubyte": 7_840_016,
    "t10k-labels-idx1-ubyte": 10_008,
}
"""Of the decompressed files."""


@dataclass(frozen=True)
class Publication:
    """Where four files of this format are published, and what they are."""

    urls: tuple[str, ...]
    """Folders of the web, tried in turn."""
    sha256: tuple[str, ...]
    """Of the decompressed files, in the order of NUM_BYTES."""
    class_names: tuple[str, ...]
    source: str
    licence: str

    def files(self) -> list[download.PublishedFile]:
        return [
            download.PublishedFile(
                name=f"{name}.gz",
                urls=tuple(f"{url}/{name}.gz" for url in self.urls),
                members=(download.Member(name, num_bytes, sha256),),
            )
            for (name, num_bytes), sha256 in zip(NUM_BYTES.items(), self.sha256, strict=True)
        ]


PUBLICATIONS = {
    "mnist": Publication(
        urls=(
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "http://yann.lecun.com/exdb/mnist",
        ),
        sha256=(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        class_names=tuple("0123456789"),
        source="MNIST (LeCun, Cortes, Burges), http://yann.lecun.com/exdb/mnist",
        licence="CC BY-SA 3.0",
    ),
    "fashion_mnist": Publication(
        urls=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
        ),
        sha256=(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        source="Fashion-MNIST (Zalando Research), https://github.com/zalandoresearch/fashion-mnist",
        licence="MIT",
    ),
}


def load(spec: params.Mnist | params.FashionMnist) -> RawDataset:
    """Reads one of the two datasets.

    Raises:
        UserError: a file is missing, is not the published one, or cannot be downloaded.
    """
    publication = PUBLICATIONS[spec.name]
    contents = [download.read(spec.name, file, spec.mirror)[0] for file in publication.files()]
    train_images, train_labels, test_images, test_labels = (np.frombuffer(content, np.uint8) for content in contents)
    return RawDataset(
        train_images=train_images[IMAGES_HEADER_BYTES:].reshape(-1, 28, 28, 1),
        train_labels=train_labels[LABELS_HEADER_BYTES:].astype(np.int32),
        test_images=test_images[IMAGES_HEADER_BYTES:].reshape(-1, 28, 28, 1),
        test_labels=test_labels[LABELS_HEADER_BYTES:].astype(np.int32),
        class_names=publication.class_names,
        source=publication.source,
        licence=publication.licence,
    )
