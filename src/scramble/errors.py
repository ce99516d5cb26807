"""The one exception that a user's mistake raises, and the hint that goes with a mistyped name."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the user can mend. `scramble` prints it without a traceback and exits with status 1.

    The message says what was received, what was expected and how to mend it, on one or two lines.
    """


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Says that `name` is no `kind`, with the nearest known name and the list of all of them."""
    names = sorted(known)
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"unknown {kind} {name!r}: {hint}known: {', '.join(names)}"
