"""Where the stages of a study leave their files. dvc.yaml names the same places; a test holds the two together."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StudyPaths:
    """Folders and files of one study, relative to the repository root (the working directory of every stage)."""

    study: str

    @property
    def data(self) -> Path:
        return Path("data") / self.study

    @property
    def dataset(self) -> Path:
        """dataset.json: what the data is (`artifacts.DatasetInfo`)."""
        return self.data / "dataset.json"

    @property
    def train_split(self) -> Path:
        """Folder with images.npy, labels.npy and validation.npy."""
        return self.data / "train"

    @property
    def test_split(self) -> Path:
        """Folder with images.npy and labels.npy. No stage before `evaluate` reads it."""
        return self.data / "test"

    @property
    def samples(self) -> Path:
        return self.data / "samples.png"

    def permutation(self, permutation: str) -> Path:
        """Folder with permutation.json, index.npy, structure.json and before_after.png."""
        return self.data / "permutations" / permutation

    def model(self, model: str) -> Path:
        return Path("models") / self.study / model

    def architecture(self, model: str) -> Path:
        return self.model(model) / "architecture.json"

    def ledger(self, model: str) -> Path:
        return self.model(model) / "ledger.json"

    def recipe(self, model: str, permutation: str) -> Path:
        """Folder with all that a training is told: recipe.json, options.json and architecture.json."""
        return self.model(model) / permutation / "recipe"

    def recipe_file(self, model: str, permutation: str) -> Path:
        return self.recipe(model, permutation) / "recipe.json"

    def options_file(self, model: str, permutation: str) -> Path:
        """The options of the architecture that is trained."""
        return self.recipe(model, permutation) / "options.json"

    def trained_architecture(self, model: str, permutation: str) -> Path:
        """The model as Keras JSON; other than `architecture`, where a search has chosen other options."""
        return self.recipe(model, permutation) / "architecture.json"

    def search(self, model: str, permutation: str) -> Path:
        """Folder with search.json and, where something was searched, trials.csv."""
        return self.model(model) / permutation / "search"

    def replicates(self, model: str, permutation: str) -> Path:
        """Folder with environment.json and, per replicate, <replicate>/model.weights.h5 and history.csv."""
        return self.model(model) / permutation / "replicates"

    def weights(self, model: str, permutation: str, replicate: int) -> Path:
        return self.replicates(model, permutation) / str(replicate) / "model.weights.h5"

    def events(self, model: str, permutation: str) -> Path:
        """TensorBoard's event files, one folder per replicate."""
        return Path("runs") / self.study / model / permutation

    @property
    def summaries(self) -> Path:
        """TensorBoard's event files of means over replicates, in <model>/<permutation>/{mean,low,high}."""
        return Path("runs") / self.study / "summary"

    def checkpoints(self, model: str, permutation: str) -> Path:
        """What an unfinished training goes on from, one folder per replicate; no stage's output."""
        return Path(".scramble/checkpoints") / self.study / model / permutation

    def search_events(self, model: str, permutation: str) -> Path:
        """TensorBoard's event files of the search, <trial>/<replicate>/; empty where nothing was searched."""
        return Path("runs") / self.study / "search" / model / permutation

    def journal(self, model: str, permutation: str) -> Path:
        """The trainings that searches have finished, which no search repeats; no stage's output."""
        return Path(".scramble/searches") / self.study / model / permutation

    def profile(self, model: str, permutation: str) -> Path:
        """Traces for TensorBoard's profiler; no stage's output."""
        return Path("profiles") / self.study / model / permutation

    def predictions(self, model: str) -> Path:
        """Folder with metrics.csv, transfer.npy (trained on, tested on, replicates), views.json and, per permutation,
        the logits <permutation>.npy (replicates, n, classes), mistakes/<permutation>.npz and, where a network is
        looked into, views/<permutation>.npz.
        """
        return Path("predictions") / self.study / model

    @property
    def report(self) -> Path:
        return Path("reports") / self.study

    @property
    def verification(self) -> Path:
        """What executing finished stages again has shown (`verdicts.Document`)."""
        return self.report / "verification.json"
