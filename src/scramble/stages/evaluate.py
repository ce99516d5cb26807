"""Stage evaluate: what every replicate of a model says to the test images. The only stage that reads them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scramble import artifacts, metrics, params, permutations, quiet
from scramble.paths import StudyPaths

if TYPE_CHECKING:
    import keras

    from scramble.inputs import Normaliser

BATCH = 500


def run(study: params.Study, model: str) -> None:
    """Writes logits and confusion counts of every permutation, by replicate, and metrics.csv with a row for each."""
    paths = StudyPaths(study.study)
    split = artifacts.read_test_split(paths.test_split)
    info = artifacts.read_dataset_info(paths.dataset)
    artifacts.require(paths.architecture(model))
    for permutation in study.grid.permutations:
        for replicate in range(study.replicates):
            artifacts.require(paths.weights(model, permutation, replicate))
    quiet.import_tensorflow()
    from scramble import distribution, layers
    from scramble.inputs import Normaliser

    distribution.configure(params.Compute(threads=study.compute.threads))
    network = layers.model_from_json(paths.architecture(model).read_text(encoding="utf-8"))
    normalise = Normaliser(info.mean, info.std)
    rows: list[dict[str, Any]] = []
    with artifacts.whole(paths.predictions(model)) as folder:
        (folder / "confusion").mkdir(parents=True)
        for permutation in study.grid.permutations:
            logits = np.stack(
                [
                    _predict(network, normalise, split.images, paths, model, permutation, replicate)
                    for replicate in range(study.replicates)
                ]
            )
            confusion = np.stack([metrics.confusion_counts(of_run, split.labels) for of_run in logits])
            artifacts.write_array(folder / f"{permutation}.npy", logits)
            artifacts.write_array(folder / "confusion" / f"{permutation}.npy", confusion)
            rows += metrics.per_run_rows(model, permutation, logits, split.labels)
        artifacts.write_table(folder / "metrics.csv", rows)
    print(f"{model}: {len(rows)} runs on {len(split.labels)} test images")


def _predict(
    network: "keras.Model",
    normalise: "Normaliser",
    images: NDArray[np.uint8],
    paths: StudyPaths,
    model: str,
    permutation: str,
    replicate: int,
) -> NDArray[np.float32]:
    """The logits (n, classes) of one replicate for the images (n, h, w, c), permuted as in its training."""
    from scramble.layers import main_logits

    network.load_weights(paths.weights(model, permutation, replicate))
    permuted = permutations.load(paths.permutation(permutation), replicate).apply(images, split="test")
    return main_logits(network.predict(normalise(permuted), batch_size=BATCH, verbose=0))
