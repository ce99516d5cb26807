"""What pydantic refuses, in words of params.yaml."""

import re

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from scramble.errors import unknown_name


def describe(error: ValidationError, prefix: tuple[str, ...] = ()) -> str:
    """One line for the first thing that pydantic refused: the key, what is wrong and what was received."""
    first = error.errors()[0]
    # Pydantic puts the tag of a union into the location; no such key stands in the file.
    tags = {"digits", "mnist", "fashion_mnist", "cifar10", "idx"}
    location = [str(part) for part in (*prefix, *first["loc"])]
    if location[:1] == ["dataset"] and location[1:2] and location[1] in tags:
        del location[1]
    if location[:1] == ["permutations"] and len(location) > 2:
        del location[2]
    key = ".".join(location)
    message = _explain(first)
    return f"{key}: {message}" if key else message


def _explain(error: ErrorDetails) -> str:
    """What is wrong, in the words of params.yaml instead of Python's."""
    received = error["input"]
    match error["type"]:
        case "union_tag_invalid":
            known = re.findall(r"'(\w+)'", error["ctx"]["expected_tags"])
            kind = error["ctx"]["discriminator"].strip("'")
            return unknown_name("dataset" if kind == "name" else "family", error["ctx"]["tag"], known)
        case "union_tag_not_found":
            return f"{error['ctx']['discriminator'].strip(chr(39))} is missing"
        case "literal_error" if isinstance(received, str):
            return unknown_name("choice", received, re.findall(r"'(\w+)'", error["ctx"]["expected"]))
        case "value_error":
            return str(error["ctx"]["error"])
        case "missing":
            return "is missing"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"keys with values were expected, received {received!r}"
        case "tuple_type":
            return f"a list was expected, received {received!r}"
        case "too_short":
            return "at least one is needed, received an empty list"
        case "string_pattern_mismatch":
            return f"lower-case letters, digits and _ were expected, received {received!r}"
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, received {received!r}"
