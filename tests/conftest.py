"""What tests share: TensorFlow with two processors on any machine, imported by the first test that asks for it."""

import signal
from types import ModuleType
from typing import Any

import pytest

# A shell that runs the tests in the background has them, and all that they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def tf() -> ModuleType:
    """TensorFlow, its CPU split into two logical devices CPU:0 and CPU:1."""
    import tensorflow

    processor = tensorflow.config.list_physical_devices("CPU")[0]
    devices = [tensorflow.config.LogicalDeviceConfiguration() for _ in range(2)]
    tensorflow.config.set_logical_device_configuration(processor, devices)
    return tensorflow


@pytest.fixture(scope="session")
def mirrored(tf: ModuleType) -> Any:
    """The strategy over both devices; two such strategies in one process would take each other's reductions."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(scope="session")
def models(tf: ModuleType) -> ModuleType:
    from scramble import models

    return models


@pytest.fixture(scope="session")
def published_alexnet(models: ModuleType) -> Any:
    """AlexNet at the paper's size, built once: its 61 million weights take seconds."""
    return models.build("alexnet", (227, 227, 3), 1000)
