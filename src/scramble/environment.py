"""What of a machine can change the bits of a training: written beside the weights."""

import os
import platform
import shutil
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn")
GPU_PACKAGES = ("nvidia-cublas-cu12", "nvidia-cudnn-cu12", "nvidia-nccl-cu12")
INSTRUCTION_SETS = (
    *("sse4_2", "avx", "avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_bf16", "asimd", "sve"),
)
DRIVER_SECONDS = 10
"""How long the driver of the GPUs may take to answer."""
FLAGS = (
    "CUDA_VISIBLE_DEVICES",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_SET_ONEDNN_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "XLA_FLAGS",
    "TF_XLA_FLAGS",
    "NVIDIA_TF32_OVERRIDE",
    "CUBLAS_WORKSPACE_CONFIG",
)


def describe(devices: list[str], threads: int) -> dict[str, Any]:
    """The machine and how this process uses it, as environment.json holds them.

    Args:
        devices: names of the devices that train.
        threads: intra-op threads of the process.
    """
    return {**machine(), "devices": devices, "threads": threads}


def machine() -> dict[str, Any]:
    """The software, the processor, the GPUs and the flags that this process would run with."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": packages(),
        "processor": processor(),
        "gpus": gpus(),
        "flags": {name: os.environ[name] for name in FLAGS if name in os.environ},
    }


def packages() -> dict[str, str]:
    """The versions of those installed packages that compute."""
    found = {}
    for name in (*PACKAGES, *GPU_PACKAGES):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def processor() -> dict[str, Any]:
    """Name and instruction sets, as Linux tells them; elsewhere the name alone."""
    lines = _cpuinfo()
    known = lines.get("flags", lines.get("Features", "")).split()
    name = lines.get("model name", platform.processor())
    return {"name": name, "instruction_sets": [each for each in INSTRUCTION_SETS if each in known]}


def gpus() -> list[str]:
    """Name and driver of every NVIDIA GPU; none where their driver is not installed."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    if shutil.which(command[0]) is None:
        return []
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=True, timeout=DRIVER_SECONDS)
    except subprocess.SubprocessError:
        return []
    return [line.replace(", ", ", driver ") for line in asked.stdout.splitlines()]


def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    pairs = (line.partition(":") for line in path.read_text(encoding="utf-8").splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
