"""What environment.json says of a machine."""

import os
from pathlib import Path

import pytest

from scramble import environment


def test_the_environment_holds_what_can_change_bits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\necho 'NVIDIA H200, 570.1'\necho 'NVIDIA H200, 570.1'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    found = environment.describe(["/device:CPU:0"], threads=2)
    assert found["gpus"] == ["NVIDIA H200, driver 570.1"] * 2
    assert found["flags"] == {"TF_ENABLE_ONEDNN_OPTS": "0", "XLA_FLAGS": "--xla_cpu_enable_fast_math=true"}
    assert (found["threads"], found["devices"]) == (2, ["/device:CPU:0"])
    assert {"tensorflow", "keras", "numpy"} <= set(found["packages"])
    assert found["python"].startswith("3.")
    assert set(found["processor"]) == {"name", "instruction_sets"}
    fake.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert environment.gpus() == []
