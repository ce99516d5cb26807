"""What of a machine can change the bits of a training: written beside the weights."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn")
INSTRUCTION_SETS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "asimd", "sve")
FLAGS = ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "XLA_FLAGS", "TF_XLA_FLAGS", "NVIDIA_TF32_OVERRIDE")


def describe(devices: list[str]) -> dict[str, Any]:
    """The software, the processor and the flags of this process, as environment.json holds them.

    Args:
        devices: names of the devices that train.
    """
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {package: version(package) for package in PACKAGES},
        "processor": processor(),
        "devices": devices,
        "flags": {name: os.environ[name] for name in FLAGS if name in os.environ},
    }


def processor() -> dict[str, Any]:
    """Name and instruction sets, as Linux tells them; elsewhere the name alone."""
    lines = _cpuinfo()
    known = lines.get("flags", lines.get("Features", "")).split()
    name = lines.get("model name", platform.processor())
    return {"name": name, "instruction_sets": [each for each in INSTRUCTION_SETS if each in known]}


def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    pairs = (line.partition(":") for line in path.read_text(encoding="utf-8").splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
