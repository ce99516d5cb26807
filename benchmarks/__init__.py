"""How fast, how large and how exact training is, measured side by side: `make bench`. README.md says what and how."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# As in `python src/scramble`: the code of this very tree, in the processes that are started here, too.
sys.path.insert(0, str(ROOT / "src"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
