"""The items of a job, as a worker process works them off."""

from typing import TYPE_CHECKING

from scramble import artifacts, metrics, params, processes, quiet
from scramble.evaluation.images import PermutedImages
from scramble.evaluation.job import Answers, Job, Trained

if TYPE_CHECKING:
    from scramble.evaluation.network import Network


def evaluate(job: Job, items: list[int], send: processes.Send) -> None:
    """Sends `Answers` for every network and a `View` for every permutation viewed; here TensorFlow starts."""
    quiet.import_tensorflow()
    from scramble import distribution
    from scramble.evaluation.views import views

    distribution.configure(params.Compute(threads=job.study.compute.threads))
    networks = Networks(job)
    images = PermutedImages(job)
    for item in items:
        if item < len(job.networks):
            send(_answers(job, job.networks[item], networks, images))
        else:
            for view in views(job, networks, images):
                send(view)


class Networks:
    """The networks of a job: built once for every architecture among them."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._info = artifacts.read_dataset_info(job.paths.dataset)
        self._built: dict[str, Network] = {}

    def __getitem__(self, trained: Trained) -> "Network":
        """With its weights, until the next one is asked for."""
        network = self.untrained(trained.permutation)
        network.load(self._job.paths.weights(self._job.model, *trained))
        return network

    def untrained(self, permutation: str) -> "Network":
        """With whatever weights."""
        from scramble.evaluation.network import Network

        architecture = self.architecture(permutation)
        if architecture not in self._built:
            self._built[architecture] = Network(architecture, self._info)
        return self._built[architecture]

    def architecture(self, permutation: str) -> str:
        return self._job.paths.trained_architecture(self._job.model, permutation).read_text(encoding="utf-8")


def _answers(job: Job, trained: Trained, networks: Networks, images: PermutedImages) -> Answers:
    network, labels = networks[trained], images.split.labels
    logits = network.logits(images.permuted(*trained))
    errors = []
    for tested_on in job.study.grid.permutations:
        if tested_on == trained.permutation:
            errors.append(metrics.top_k_error(logits, labels, 1))
        else:
            answers = network.logits(images.sample(tested_on, trained.replicate))
            errors.append(metrics.top_k_error(answers, images.sample_labels, 1))
    return Answers(trained, logits, tuple(errors))
