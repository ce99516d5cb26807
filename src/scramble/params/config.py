"""What every block of params.yaml has in common."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from scramble.errors import unknown_name

Fraction = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
"""TensorFlow's stateless random numbers take 32 bits; a larger seed would repeat a smaller one."""
ImageShape = tuple[int, int, int]


class Config(BaseModel):
    """A block of params.yaml: frozen, unknown keys refused with the nearest known one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _keys_known(cls, data: Any) -> Any:
        for key in data if isinstance(data, dict) else ():
            if key not in cls.model_fields:
                raise ValueError(unknown_name("parameter", str(key), cls.model_fields))
        return data
