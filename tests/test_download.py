"""Published files: from a mirror folder, the cache and a server on this machine; checked, whole or not at all."""

import gzip
import hashlib
import io
import tarfile
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scramble.datasets import download
from scramble.datasets.download import Member, PublishedFile
from scramble.errors import UserError

compress = partial(gzip.compress, mtime=0)  # xdist compares the names of tests, which hold these bytes

CONTENT = bytes(range(256)) * 40
OTHER = bytes(reversed(CONTENT))


def member(name, content):
    return Member(name, len(content), hashlib.sha256(content).hexdigest())


def tar(contents):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def zipped(*urls):
    return PublishedFile("file.gz", urls, (member("file", CONTENT),))


def archive(*urls):
    return PublishedFile("file.tar.gz", urls, (member("a/one", CONTENT), member("a/two", OTHER)))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("SCRAMBLE_MIRROR", raising=False)
    monkeypatch.setenv("SCRAMBLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0)
    return tmp_path / "cache"


@pytest.fixture
def server():
    """Serves `server.answers[path]`; a key that ends in /truncated breaks off after half of its bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answers.asked.append(self.path)
            body = answers.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write((body or b"")[: len(body) // 2 if self.path.endswith("/truncated") else None])

        def log_message(self, *arguments):
            pass

    class Answers(dict):
        asked: list[str]
        url: str

    answers = Answers()
    answers.asked = []
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    answers.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    yield answers
    http.shutdown()
    thread.join()
    http.server_close()


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def refused(file, message, mirror=None):
    with pytest.raises(UserError, match=message) as refusal:
        download.read("set", file, mirror)
    assert str(refusal.value).count("\n") <= 1


# --- a mirror folder ----------------------------------------------------------------------------------------------


@pytest.fixture
def mirror(tmp_path):
    folder = tmp_path / "mirror" / "set"
    folder.mkdir(parents=True)
    (folder / "file.gz").write_bytes(compress(CONTENT))
    (folder / "file.tar.gz").write_bytes(tar({"readme": b"hello", "a/two": OTHER, "a/one": CONTENT}))
    return tmp_path / "mirror"


def test_mirror_by_parameter_and_by_environment(mirror, monkeypatch):
    assert download.read("set", zipped(), str(mirror)) == [CONTENT]
    assert download.read("set", archive(), str(mirror)) == [CONTENT, OTHER]
    monkeypatch.setenv("SCRAMBLE_MIRROR", str(mirror))
    assert download.read("set", zipped(), None) == [CONTENT]


def test_repackaged_members_pass(mirror):
    (mirror / "set" / "file.gz").write_bytes(gzip.compress(CONTENT, compresslevel=1, mtime=5))
    assert download.read("set", zipped(), str(mirror)) == [CONTENT]


def test_mirror_missing(tmp_path):
    refused(zipped(), "mirror folder .*nowhere does not exist", str(tmp_path / "nowhere"))


def test_mirror_without_the_file(mirror):
    (mirror / "set" / "file.gz").unlink()
    refused(zipped(), r"mirror/set/file.gz is missing", str(mirror))


def test_wrong_checksum_names_file_expected_received_and_origin(mirror):
    path = mirror / "set" / "file.gz"
    path.write_bytes(compress(OTHER))
    expected, received = member("", CONTENT).sha256, member("", OTHER).sha256
    refused(zipped(), f"^file has SHA-256 {received}, expected {expected} .*{path}", str(mirror))
    assert path.exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (compress(CONTENT[:-1]), "file has 10239 bytes, expected 10240"),
        (compress(CONTENT + b"x"), "file has more than 10240 bytes, expected 10240"),
        (compress(CONTENT)[:-9], "truncated"),
        (compress(CONTENT)[:-3], "truncated"),
        (compress(CONTENT) + b"rest", "no intact gzip file"),
        (b"<html>", "file has 6 bytes, expected 10240"),
        (b"", "file has 0 bytes, expected 10240"),
    ],
)
def test_damaged_files(mirror, data, message):
    (mirror / "set" / "file.gz").write_bytes(data)
    refused(zipped(), message, str(mirror))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tar({"a/one": CONTENT}), "lacks a/two"),
        (tar({"a/one": CONTENT, "a/two": CONTENT}), "a/two has SHA-256"),
        (tar({"a/one": CONTENT, "a/two": b"short"}), "a/two has 5 bytes, expected 10240"),
        (compress(b"no archive at all"), "no intact tar archive"),
        (tar({"a/one": CONTENT, "a/two": OTHER})[:-30], "truncated"),
        (compress(b"\0" * 5000), "lacks a/one, a/two"),
    ],
)
def test_damaged_archives(mirror, data, message):
    (mirror / "set" / "file.tar.gz").write_bytes(data)
    refused(archive(), message, str(mirror))


def test_gzip_bomb_is_not_unpacked(mirror, monkeypatch):
    (mirror / "set" / "file.gz").write_bytes(compress(b"\0" * 50_000_000))
    read = []
    read_at_most = download.read_at_most
    monkeypatch.setattr(download, "read_at_most", lambda *given: read.append(read_at_most(*given)) or read[-1])
    refused(zipped(), "more than 10240 bytes", str(mirror))
    assert len(read[0]) == len(CONTENT) + 1


# --- the network and the cache ------------------------------------------------------------------------------------


def test_download_is_kept_in_the_cache(server, cache, capsys):
    server["/file"] = compress(CONTENT)
    file = zipped(f"{server.url}/file")
    assert download.read("set", file, None) == [CONTENT]
    assert download.read("set", file, None) == [CONTENT]
    assert server.asked == ["/file"]
    assert files_in(cache) == ["file.gz"]
    assert capsys.readouterr().out == f"downloading {server.url}/file\n"


def test_the_next_url_is_tried(server, cache):
    server["/wrong"], server["/truncated"] = compress(OTHER), compress(CONTENT)
    server["/html"], server["/file"] = b"<html>sign in</html>", compress(CONTENT)
    paths = ["/none", "/wrong", "/truncated", "/html", "/file"]
    assert download.read("set", zipped(*(server.url + path for path in paths)), None) == [CONTENT]
    assert server.asked == paths
    assert files_in(cache) == ["file.gz"]


def test_a_failed_transfer_is_tried_again(server, monkeypatch):
    file = zipped(f"{server.url}/file")
    monkeypatch.setattr(download.time, "sleep", lambda _: server.update({"/file": compress(CONTENT)}))
    assert download.read("set", file, None) == [CONTENT]
    assert server.asked == ["/file", "/file"]


def test_a_damaged_cache_is_replaced(server, cache):
    server["/file"] = compress(CONTENT)
    (cache / "set").mkdir(parents=True)
    (cache / "set" / "file.gz").write_bytes(compress(CONTENT)[:20])
    assert download.read("set", zipped(f"{server.url}/file"), None) == [CONTENT]
    assert (cache / "set" / "file.gz").read_bytes() == server["/file"]


def test_archive_from_the_network(server):
    server["/file"] = tar({"a/one": CONTENT, "a/two": OTHER})
    assert download.read("set", archive(f"{server.url}/file"), None) == [CONTENT, OTHER]


def test_all_urls_fail(server, cache):
    server["/wrong"], server["/truncated"] = compress(OTHER), compress(CONTENT)
    file = zipped(*(server.url + path for path in ("/none", "/truncated", "/wrong")))
    refused(
        file,
        r"set/file.gz could not be downloaded \(127.0.0.1:\d+: HTTP status 404; .*the transfer broke off; "
        r".*file has SHA-256 \w{64}, expected \w{64} .*\n.*SCRAMBLE_MIRROR",
    )
    assert len(server.asked) == 6
    assert files_in(cache) == []


def test_no_network_names_the_hosts_and_the_way_out(cache):
    hosts = "http://127.0.0.1:1/file", "http://no-such-host.invalid/file"
    refused(zipped(*hosts), r"127.0.0.1:1: no connection; no-such-host.invalid: no connection\).*\n.*SCRAMBLE_MIRROR")
    assert files_in(cache) == []


def test_cache_that_cannot_be_written(server, cache):
    server["/file"] = compress(CONTENT)
    cache.write_text("a file where the folder should be")
    refused(zipped(f"{server.url}/file"), "cannot be written: .*SCRAMBLE_CACHE")
