"""`scramble verify`: executes finished stages again, runs the controls, and writes down what came of it."""

from collections.abc import Iterable, Sequence
from itertools import count

from rich.console import Console

from scramble.params import Study
from scramble.paths import StudyPaths
from scramble.verdicts import Control, Controls, Document, Reexecution, control_files, digests, load, save
from scramble.verification import lock
from scramble.verification.compare import judge
from scramble.verification.console import VerificationProgress, show
from scramble.verification.rerun import reexecuted
