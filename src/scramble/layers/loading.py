"""Networks from Keras JSON that names the layers of this package, and which of their outputs is the answer."""

import json
from typing import Any

import keras


def model_from_json(architecture: str, precision: str = "float32") -> keras.Model:
    """Rebuilds a network, freshly initialised, from the Keras JSON that `describe` wrote. Knows the layers above.

    Args:
        architecture: Keras JSON, its layers in float32.
        precision: the dtype policy that the layers get instead, as "mixed_bfloat16".
    """
    if precision == "float32":
        return keras.models.model_from_json(architecture)
    return keras.models.model_from_json(json.dumps(_with_policy(json.loads(architecture), precision)))


def main_logits(outputs: Any) -> Any:
    """What a network says, of its outputs: the first, (n, classes); any others are those of auxiliary heads."""
    return keras.tree.flatten(outputs)[0]


def _with_policy(config: Any, precision: str) -> Any:
    """The configuration with every dtype policy replaced."""
    if isinstance(config, list):
        return [_with_policy(item, precision) for item in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return config | {"config": {"name": precision}}
    return {key: _with_policy(value, precision) for key, value in config.items()}
