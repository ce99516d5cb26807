"""A params.yaml as YAML: text to keys and values, before anybody asks what they mean."""

from pathlib import Path
from typing import Any

import yaml

from scramble.errors import UserError


class _Loader(yaml.SafeLoader):
    """YAML's own loader takes the last of two equal keys and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):  # YAML's own loader refuses it
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                raise UserError(f"{key.value} is given twice, in lines {lines[key.value]} and {line}: leave one out")
            lines[key.value] = line
        return super().construct_mapping(node, deep)


def read(path: Path) -> Any:
    """Reads a params.yaml.

    Raises:
        UserError: the file is missing, is not YAML, or has a key twice.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give the params.yaml of a study with --params") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as text: {error}") from None
    except yaml.MarkedYAMLError as error:
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{path} is not YAML: {error.problem}{where}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
