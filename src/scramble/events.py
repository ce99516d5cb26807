"""TensorBoard event files whose bytes depend on what is logged alone.

TensorBoard's own writers stamp every event with the time and name the file after host, process and time. Here an
event's time is its step, in seconds, and the caller names the file.
"""

import io
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.histogram import summary_v2 as histogram_summary
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.hparams import summary_v2 as hparams_summary
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar import summary_v2 as scalar_summary
from tensorboard.summary.writer.record_writer import RecordWriter

FILE_NAME = "events.out.tfevents.scramble"


class EventWriter:
    """Writes one event file into `folder`. Use as a context manager.

    Args:
        folder: made, if it is not there.
        resume_at: goes on with the file that is there after so many bytes; 0 begins a new one.
    """

    def __init__(self, folder: Path, resume_at: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / FILE_NAME).open("r+b" if resume_at else "wb")
        self._file.seek(self._file.truncate(resume_at))
        self._writer = RecordWriter(self._file)
        if not resume_at:
            self._write(Event(file_version="brain.Event:2"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def written(self) -> int:
        """Writes what is logged so far to the disk, and returns its length in bytes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def scalars(self, values: dict[str, float], step: int) -> None:
        for tag, value in values.items():
            self._summary(scalar_summary.scalar_pb(tag, value), step)

    def histograms(self, values: dict[str, NDArray[Any]], step: int) -> None:
        for tag, value in values.items():
            self._summary(histogram_summary.histogram_pb(tag, value), step)

    def images(self, tag: str, images: NDArray[np.uint8], step: int) -> None:
        """Logs (n, height, width, channels), 1 or 3 channels, as one strip of n images."""
        _, height, width, _ = images.shape
        encoded = [str(width).encode(), str(height).encode(), *map(_png, images)]
        tensor = TensorProto(
            dtype=DT_STRING,
            string_val=encoded,
            tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(encoded))]),
        )
        metadata = image_metadata.create_summary_metadata("", "", converted_to_tensor=True)
        self._summary(Summary(value=[Summary.Value(tag=tag, tensor=tensor, metadata=metadata)]), step)

    def hparams(self, values: dict[str, Any], group: str) -> None:
        """Logs what TensorBoard's HParams dashboard lists; it averages over the runs of one `group`."""
        summary = hparams_summary.hparams_pb(values, trial_id=group, start_time_secs=0.0)
        plugin_data = summary.value[0].metadata.plugin_data
        # The order of a map in protobuf's bytes is free unless a deterministic one is asked for.
        content = plugin_data_pb2.HParamsPluginData.FromString(plugin_data.content)
        plugin_data.content = content.SerializeToString(deterministic=True)
        self._summary(summary, step=0)

    def _summary(self, summary: Summary, step: int) -> None:
        self._write(Event(step=step, wall_time=float(step), summary=summary))

    def _write(self, event: Event) -> None:
        self._writer.write(event.SerializeToString(deterministic=True))


def _png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(buffer, format="PNG")
    return buffer.getvalue()
