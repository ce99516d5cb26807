"""Who searches together: the processes that Keras Tuner's environment variables name, and those of this machine."""

import os
from dataclasses import dataclass
from pathlib import Path

from scramble.errors import UserError

DEVICES = Path("/dev")
VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")


@dataclass(frozen=True)
class Peer:
    """This process, one of those that search together: the chief, or a worker."""

    name: str
    ip: str
    """Of the chief"""
    port: int

    @property
    def is_chief(self) -> bool:
        """Whether it has the oracle and writes the results. Keras Tuner tells it by the name, too."""
        return "chief" in self.name

    @property
    def address(self) -> str:
        """Of the chief, host:port"""
        return f"{self.ip}:{self.port}"

    def enter(self) -> None:
        """Tells Keras Tuner in this process who it is."""
        os.environ.update(dict(zip(VARIABLES, (self.name, self.ip, str(self.port)), strict=True)))


def peer() -> Peer | None:
    """This process among those that the environment names; None if it searches with processes of its own.

    Raises:
        UserError: the environment names them by halves.
    """
    values = [os.environ.get(name, "") for name in VARIABLES]
    if not any(values):
        return None
    for name, value in zip(VARIABLES, values, strict=True):
        if not value:
            raise UserError(f"{name} is not set: chief and workers need all of {', '.join(VARIABLES)}")
    name, ip, port = values
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UserError(f"KERASTUNER_ORACLE_PORT is {port!r}: a port number was expected")
    return Peer(name, ip, int(port))


def gpus() -> list[str]:
    """The NVIDIA GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name and name != "-1"]
    # CUDA counts those that it sees, also where a container was given the third and the fourth.
    return [str(number) for number, _ in enumerate(DEVICES.glob("nvidia[0-9]*"))]


def share_of_gpus(visible: list[str], number: int, count: int) -> list[str]:
    """The `count` GPUs that worker `number` trains on; where there are not enough, workers share them."""
    first = number * count % len(visible)
    return (visible * 2)[first : first + count]


def num_cores() -> int:
    """The processor's cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
