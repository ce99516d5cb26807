"""The processes that train one model together, as the environment of each tells them.

TF_CONFIG names them; Kubernetes' TFJob sets it, too. Without it, Slurm's variables do. All of it is checked here,
before TensorFlow is imported.
"""

import os
import re
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from scramble import params
from scramble.errors import UserError
from scramble.params.words import describe

JOBS = ("chief", "worker")
"""TensorFlow's names for processes that train, in the order of their ranks."""
SLURM = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NUM_TASKS", "SLURM_JOB_ID", "SLURM_STEP_ID", "SLURMD_NODENAME")
"""Set by `srun` for every process that it starts."""


@dataclass(frozen=True)
class Member:
    """This process, one of those that train together."""

    rank: int
    """From 0"""
    size: int
    """How many there are"""
    address: str
    """host:port"""

    @property
    def is_chief(self) -> bool:
        """Whether it writes what the training leaves; the others write nothing."""
        return self.rank == 0

    def __str__(self) -> str:
        return f"worker {self.rank} of {self.size} ({self.address})"


class Task(BaseModel):
    type: str
    index: int = Field(ge=0)


class TfConfig(BaseModel):
    """The contents of TF_CONFIG; keys beside these two are for others."""

    cluster: dict[str, list[str]]
    """Addresses host:port by job"""
    task: Task
    """This process"""

    @property
    def addresses(self) -> list[str]:
        """By rank."""
        return [address for job in JOBS for address in self.cluster.get(job, [])]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for job in (*self.cluster, self.task.type):
            if job not in JOBS:
                raise ValueError(f"the job {job!r} has no part in multi_worker: name {' and '.join(JOBS)} only")
        for address in self.addresses:
            if not re.fullmatch(r"\S+:\d+", address):
                raise ValueError(f"{address!r} is no address: host:port was expected")
            if self.addresses.count(address) > 1:
                raise ValueError(f"{address} is named twice: every process needs a port of its own")
        if len(self.cluster.get("chief", [])) > 1:
            raise ValueError(f"there is one chief, received {self.cluster['chief']}")
        if self.task.index >= len(self.cluster.get(self.task.type, [])):
            raise ValueError(f"task {self.task.type} {self.task.index} is not in the cluster {self.cluster}")
        return self


def member(compute: params.Compute) -> Member:
    """This process among those of its training; alone, unless the strategy is multi_worker.

    Raises:
        UserError: the environment names no processes, impossible ones, or another number than `compute.workers`.
    """
    if os.environ.get("TF_CONFIG"):
        found, source = _from_tf_config(), "TF_CONFIG"
    elif compute.strategy != "multi_worker":
        return Member(0, 1, "localhost")
    elif "SLURM_JOB_ID" in os.environ:
        found, source = _from_slurm(), "srun"
    else:
        raise UserError(
            "compute.strategy is multi_worker, but nothing names the workers: set TF_CONFIG for each, or start them "
            "all by Slurm's srun (docs/cluster/README.md)"
        )
    if found.size != compute.workers:
        raise UserError(
            f"compute.workers is {compute.workers} (strategy {compute.strategy}), but {source} names {found.size}: "
            "a batch is divided among all workers, so both have to agree"
        )
    return found


def _from_tf_config() -> Member:
    try:
        config = TfConfig.model_validate_json(os.environ["TF_CONFIG"])
    except ValidationError as error:
        raise UserError(f"TF_CONFIG: {describe(error)}") from None
    rank = config.task.index
    if config.task.type == "worker":
        rank += len(config.cluster.get("chief", []))
    return Member(rank, len(config.addresses), config.addresses[rank])


def _from_slurm() -> Member:
    missing = [name for name in SLURM if name not in os.environ]
    if missing:
        raise UserError(f"this is a Slurm job, but {missing[0]} is not set: start the workers by srun")
    address = f"{os.environ['SLURMD_NODENAME']}:{slurm_port() + int(os.environ['SLURM_LOCALID'])}"
    return Member(int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_STEP_NUM_TASKS"]), address)


def slurm_port() -> int:
    """The port of a job step's first process on each node; those of different steps rarely meet."""
    return 20000 + (int(os.environ["SLURM_JOB_ID"]) + 97 * int(os.environ["SLURM_STEP_ID"])) % 10000
