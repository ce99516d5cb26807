"""What of the machine can change a result: `compute`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from scramble.params.config import Config


class Compute(Config):
    """Where a training runs. How many run side by side, and what they print, are flags: they change no byte."""

    strategy: Literal["one_device", "mirrored", "multi_worker", "tpu"] = "one_device"
    devices: int = Field(1, ge=1)
    """Replicas of one process: GPUs, or logical CPUs where there is no GPU; of `tpu`, its cores."""
    workers: int = Field(1, ge=1)
    """Processes of `multi_worker`, the chief included; each has `devices` replicas."""
    threads: int = Field(1, ge=1)
    """Intra-op threads of one training process; their number changes the bits of convolutions."""
    jit: bool = False
    """Compiles the step with XLA: pays on a GPU, costs on a CPU. Dropout then draws other masks."""
    data: Literal["device", "host"] = "device"
    """Where the training images are held: on every device, or in the main memory when a GPU's own is too small."""

    @property
    def num_replicas(self) -> int:
        return self.devices * self.workers

    @model_validator(mode="after")
    def _devices_fit(self) -> Self:
        if self.strategy == "one_device" and self.devices != 1:
            raise ValueError(f"strategy one_device has 1 device, devices is {self.devices}: choose mirrored")
        if self.strategy != "multi_worker" and self.workers != 1:
            raise ValueError(f"strategy {self.strategy} is one process, workers is {self.workers}: choose multi_worker")
        if self.strategy == "multi_worker" and self.workers == 1:
            raise ValueError("strategy multi_worker needs workers of 2 or more, workers is 1: choose mirrored")
        return self
