"""The benchmark's networks in PyTorch, layer by layer those of `scramble.models`: (n, channels, h, w) -> (n, 10)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

NUM_CLASSES = 10


def mlp() -> nn.Module:
    """784-300-100-10."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, NUM_CLASSES)
    )


def lenet5() -> nn.Module:
    """For images of 28x28x1, which it centres in a field of 32x32."""
    return nn.Sequential(
        nn.ZeroPad2d(2),
        nn.Conv2d(1, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, NUM_CLASSES),
    )


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut without parameters (option A)."""

    def __init__(self, inputs: int, filters: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *convolution(inputs, filters, stride), nn.ReLU(inplace=True), *convolution(filters, filters, 1)
        )
        self.stride = stride
        self.new_channels = filters - inputs

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x
        if self.new_channels:
            shortcut = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))
        return torch.relu(self.residual(x) + shortcut)


def convolution(inputs: int, filters: int, stride: int) -> tuple[nn.Module, nn.Module]:
    return (
        nn.Conv2d(inputs, filters, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(filters, eps=1.001e-5, momentum=0.1),
    )


def resnet20() -> nn.Module:
    """For 3 channels."""
    blocks: list[nn.Module] = [*convolution(3, 16, 1), nn.ReLU(inplace=True)]
    inputs = 16
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        for block in range(3):
            blocks.append(BasicBlock(inputs, filters, stride if block == 0 else 1))
            inputs = filters
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, NUM_CLASSES))


NETWORKS: dict[str, Callable[[], nn.Module]] = {"mlp": mlp, "lenet5": lenet5, "resnet20": resnet20}
