"""TensorFlow without the lines that it prints while it is imported."""

import os
import sys
import tempfile


def import_tensorflow() -> None:
    """Imports TensorFlow; what it prints meanwhile is shown only if the import fails.

    TensorFlow 2.21 logs a few lines to the standard error before it reads its own log level, so no variable silences
    them, and they come from C++, past `sys.stderr`.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as printed:
        os.dup2(printed.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except BaseException:
            printed.seek(0)
            os.write(stderr, printed.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
