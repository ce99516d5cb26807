"""The templates of the report, which lie beside this file."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment(*, escape: bool) -> Environment:
    """How templates are read; a name that the report does not know is an error.

    Args:
        escape: for HTML, the marks of a text are kept as text.
    """
    return Environment(
        loader=PackageLoader("scramble.report", "."),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
