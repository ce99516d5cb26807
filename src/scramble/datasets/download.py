"""The published files of a dataset: from a mirror folder, the cache or the network, checked by SHA-256.

What is checked are the decompressed members, so that a repackaged archive with the same pixels passes.
"""

import hashlib
import io
import os
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from scramble.datasets.bounded import open_stream, read_at_most
from scramble.errors import UserError

ROUNDS = 2
PAUSE_SECONDS = 1.0
TIMEOUT_SECONDS = (3.05, 30.0)
"""To connect, and between two pieces of an answer."""
ARCHIVE_SLACK_BYTES = 1 << 20
"""What an archive may hold beside its members: headers, padding, a readme."""


@dataclass(frozen=True)
class Member:
    """One file that a dataset is made of, as it is after decompression."""

    name: str
    num_bytes: int
    sha256: str

    def check(self, data: bytes | bytearray | memoryview, origin: str) -> None:
        """Raises UserError when `data`, read from `origin`, is not this member."""
        if len(data) != self.num_bytes:
            received = f"more than {self.num_bytes}" if len(data) > self.num_bytes else str(len(data))
            raise UserError(f"{self.name} has {received} bytes, expected {self.num_bytes} (read from {origin})")
        received = hashlib.sha256(data).hexdigest()
        if received != self.sha256:
            raise UserError(f"{self.name} has SHA-256 {received}, expected {self.sha256} (read from {origin})")


@dataclass(frozen=True)
class PublishedFile:
    """A .gz file with one member or a .tar.gz archive with several, and where to find it."""

    name: str
    urls: tuple[str, ...]
    members: tuple[Member, ...]


def read(dataset: str, file: PublishedFile, mirror: str | None) -> list[memoryview]:
    """The decompressed members of a published file, in their order, each checked.

    Args:
        dataset: name of the dataset, which is a folder of the mirror and of the cache.
        file: what to read.
        mirror: folder that is read instead of the network; None stands for SCRAMBLE_MIRROR, if that is set.

    Raises:
        UserError: the mirror lacks the file, the file is not what was published, or no URL serves it.
    """
    folder = mirror or os.environ.get("SCRAMBLE_MIRROR")
    if folder:
        path = _in_mirror(Path(folder).expanduser(), dataset, file.name)
        return _unpack(path, file, str(path))
    cached = _cache_folder() / dataset / file.name
    if cached.is_file():
        try:
            return _unpack(cached, file, str(cached))
        except UserError:
            cached.unlink(missing_ok=True)
    return _download(dataset, file, cached)


def _in_mirror(mirror: Path, dataset: str, name: str) -> Path:
    if not mirror.is_dir():
        raise UserError(f"the mirror folder {mirror} does not exist: mend dataset.mirror or SCRAMBLE_MIRROR")
    path = mirror / dataset / name
    if not path.is_file():
        raise UserError(f"{path} is missing: a mirror folder holds <dataset>/<official file names>")
    return path


def _cache_folder() -> Path:
    """Shared by all studies of a user."""
    return Path(os.environ.get("SCRAMBLE_CACHE") or pooch.os_cache("scramble")).expanduser()


def _unpack(path: Path, file: PublishedFile, origin: str) -> list[memoryview]:
    """Decompresses a file in memory, never taking more than its members need, and checks them."""
    num_bytes = sum(member.num_bytes for member in file.members)
    is_archive = file.name.endswith(".tar.gz")
    with open_stream(path) as stream:
        data = memoryview(read_at_most(stream, num_bytes + (ARCHIVE_SLACK_BYTES if is_archive else 1), origin))
    contents = _archived(data, file, origin) if is_archive else [data]
    for member, content in zip(file.members, contents, strict=True):
        member.check(content, origin)
    return contents


def _archived(data: memoryview, file: PublishedFile, origin: str) -> list[memoryview]:
    """Finds the members by their names in the bytes of a tar archive."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            found = {entry.name: entry for entry in archive if entry.isreg()}
    except (tarfile.TarError, EOFError, OverflowError, ValueError) as error:
        raise UserError(f"{origin} is no intact tar archive: {error}") from None
    missing = [member.name for member in file.members if member.name not in found]
    if missing:
        raise UserError(f"{origin} lacks {', '.join(missing)}")
    entries = [found[member.name] for member in file.members]
    return [data[entry.offset_data : entry.offset_data + entry.size] for entry in entries]


def _download(dataset: str, file: PublishedFile, cached: Path) -> list[memoryview]:
    """Tries every URL in turn, `ROUNDS` times; what does not pass the check is removed from the cache."""
    failures: dict[str, str] = {}
    for attempt in range(ROUNDS):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        for url in file.urls:
            try:
                _retrieve(url, cached)
                return _unpack(cached, file, url)
            except requests.RequestException as error:
                failures[url] = _reason(error)
            except UserError as error:
                cached.unlink(missing_ok=True)
                failures[url] = str(error)
            except OSError as error:
                raise UserError(
                    f"{cached} cannot be written: {error.strerror}; SCRAMBLE_CACHE names another cache folder"
                ) from error
    tried = "; ".join(f"{urlsplit(url).netloc}: {reason}" for url, reason in failures.items())
    raise UserError(
        f"{dataset}/{file.name} could not be downloaded ({tried}).\n"
        f"Without a network: set SCRAMBLE_MIRROR to a folder that holds {dataset}/{file.name}"
    )


def _retrieve(url: str, path: Path) -> None:
    """Downloads `url` to `path`, whole or not at all, with a progress bar on a terminal."""
    pooch.get_logger().setLevel("WARNING")
    print(f"downloading {url}", flush=True)
    columns = (TextColumn(path.name), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        downloader = pooch.HTTPDownloader(progressbar=_Bar(progress), chunk_size=1 << 16, timeout=TIMEOUT_SECONDS)
        pooch.retrieve(url, known_hash=None, fname=path.name, path=path.parent, downloader=downloader)


class _Bar:
    """A bar of rich with the methods that pooch expects of a progress bar."""

    total = 0
    """Bytes to come; set by pooch, 0 where the server does not tell."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("download", total=None)

    def update(self, num_bytes: int) -> None:
        self._progress.update(self._task, total=self.total or None, advance=num_bytes)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        self._progress.stop_task(self._task)


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return "the transfer broke off"
