"""Downloads from a real server on this machine that misbehaves in every usual way."""

import hashlib
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ece662.data import fetch
from ece662.data.fetch import ARCHIVE, MIRRORS, FetchError, fetch_archive
from tests.limits import WAIT, wait_until

GOOD = bytes(range(256)) * 2000
MD5 = hashlib.md5(GOOD).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers by the first part of the path; counts how often it was asked."""

    def do_GET(self):
        name = self.path.split("/")[1]
        self.server.asked[name] += 1
        getattr(self, f"send_{name}")()

    def answer(self, status, body=b"", length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def send_good(self):
        self.answer(200, GOOD)

    def send_page(self):
        self.answer(200, b"<html>The item has moved.</html>")

    def send_empty(self):
        self.answer(200, b"")

    def send_missing(self):
        self.answer(404, b"no such thing")

    def send_cut(self):
        self.answer(200, GOOD[:100_000], length=len(GOOD))

    def send_tired(self):
        """Fails twice, then gives the file."""
        self.answer(*((200, GOOD) if self.server.asked["tired"] > 2 else (503,)))

    def send_slow(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(GOOD)))
        self.end_headers()
        self.wfile.write(GOOD[:300_000])
        self.wfile.flush()
        self.server.waited = self.server.stop.wait(WAIT)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch, data_root):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.stop = Counter(), threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


def get(server, *names, attempts=3):
    """Fetch from the named behaviours in turn; return the path and what was said."""
    said = []
    mirrors = [url(server, name) for name in names]
    path = fetch_archive(mirrors, MD5, attempts, pause=0, say=said.append)
    return path, said


def url(server, name):
    return f"http://127.0.0.1:{server.server_port}/{name}/{ARCHIVE}"


def left(data_root):
    """What is in the folder but for the lock, which only filelock 4 leaves there."""
    found = sorted(path.name for path in (data_root / "downloads").iterdir())
    return [name for name in found if name != "lock"]


def test_good_file_arrives_under_its_name(server, data_root):
    path, said = get(server, "good")
    assert path == data_root / "downloads" / ARCHIVE
    assert path.read_bytes() == GOOD
    assert said == []
    assert left(data_root) == [ARCHIVE]


def test_file_that_is_there_is_not_fetched_again(server):
    get(server, "good")
    path, _ = get(server, "good")
    assert path.read_bytes() == GOOD
    assert server.asked["good"] == 1


def test_wrong_file_in_its_place_is_replaced(server, data_root):
    (data_root / "downloads").mkdir(parents=True)
    (data_root / "downloads" / ARCHIVE).write_bytes(GOOD[:5000])
    path, _ = get(server, "good")
    assert path.read_bytes() == GOOD


@pytest.mark.parametrize(
    ("bad", "asked", "message"),
    [
        ("missing", 1, "the server answers 404"),
        ("page", 1, f"expected a file with MD5 {MD5}"),
        ("empty", 1, f"expected a file with MD5 {MD5}"),
        ("cut", 3, "gave up after 3 attempts"),
    ],
)
def test_next_mirror_serves_where_one_fails(server, data_root, bad, asked, message):
    path, said = get(server, bad, "good")
    assert path.read_bytes() == GOOD
    assert message in said[-1]
    assert server.asked == {bad: asked, "good": 1}
    assert left(data_root) == [ARCHIVE]


def test_busy_server_is_asked_again(server):
    path, said = get(server, "tired", "good")
    assert path.read_bytes() == GOOD
    assert server.asked == {"tired": 3}
    assert "the server answers 503; trying again (2 of 3)" in said[0]


def test_server_that_is_gone_counts_as_a_failed_connection(server):
    said = []
    gone = f"http://127.0.0.1:9/{ARCHIVE}"  # the discard port, where nobody listens
    path = fetch_archive([gone, url(server, "good")], MD5, 2, 0, said.append)
    assert path.read_bytes() == GOOD
    assert "the connection failed" in said[0]


def test_no_mirror_at_all_leaves_nothing_and_says_what_to_do(server, data_root):
    with pytest.raises(FetchError, match=r"none of 3 mirrors .* data prepare PATH"):
        get(server, "page", "missing", "cut")
    assert left(data_root) == []


def test_stalled_server_is_given_up(server, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.2)
    said = []

    def note(line):
        """Give the next server all the time that it wants."""
        monkeypatch.setattr(fetch, "TIMEOUT", WAIT)
        said.append(line)

    mirrors = [url(server, "slow"), url(server, "good")]
    path = fetch_archive(mirrors, MD5, 1, pause=0, say=note)
    assert not hasattr(server, "waited")  # it is stalling still
    assert path.read_bytes() == GOOD
    assert "the connection failed" in said[0]


@pytest.mark.posix
def test_killed_download_is_not_used_and_cleaned_up(server, data_root):
    code = f"""
from ece662.data.fetch import fetch_archive
fetch_archive([{url(server, "slow")!r}], {MD5!r})
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    downloads = data_root / "downloads"
    wait_until(
        lambda: any(p.stat().st_size for p in downloads.glob("tmp*")), "a download"
    )
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (downloads / ARCHIVE).exists()
    get(server, "good")
    assert left(data_root) == [ARCHIVE]


def test_full_disk_is_noticed_before_the_download(server, monkeypatch):
    usage = shutil.disk_usage(".")._replace(free=10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(FetchError, match=r"expected 1\.0 GB of free space .* 0\.1 GB"):
        get(server, "good")
    assert not server.asked


def test_mirrors_are_distinct_and_encrypted():
    assert len(set(MIRRORS)) == len(MIRRORS) > 1
    assert all(mirror.startswith("https://") for mirror in MIRRORS)
