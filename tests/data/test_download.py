import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from neurosim.data import load
from neurosim.errors import DataError

LABELS = "t10k-labels-idx1-ubyte.gz"  # the last of the four


class Server(ThreadingHTTPServer):
    """Serves `files` (path -> bytes); `lengths` overrides a Content-Length, None leaves it out."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.lengths, self.asked = {}, {}, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        length = self.server.lengths.get(self.path, len(content))
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("NEUROSIM_DATA_URL", server.url)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "neurosim" / "mnist"


def serve(server, files, folder="/mnist/"):
    server.files = {folder + name: content for name, content in files.contents().items()}


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_files_are_downloaded_once_with_progress(mnist, server, cache):
    serve(server, mnist)
    seen = []
    dataset = load("mnist", progress=lambda *state: seen.append(state))
    assert dataset.y_test.tolist() == mnist.arrays["y_test"].tolist()
    assert dataset.source == f"{cache} (downloaded)"
    assert names(cache) == sorted(mnist.contents())
    assert {path.stat().st_mode & 0o777 for path in cache.iterdir()} == {0o644}
    assert [name for name, _, _ in seen] == list(mnist.contents())
    assert all(done == total == len(mnist.contents()[name]) for name, done, total in seen)
    assert len(server.asked) == 4
    load("mnist", download=False)
    assert len(server.asked) == 4


def test_a_mirror_argument_wins_over_the_variable(mnist, server, monkeypatch):
    serve(server, mnist, folder="/mirror/mnist/")
    monkeypatch.setenv("NEUROSIM_DATA_URL", "http://127.0.0.1:9")
    load("mnist", mirror=f"{server.url}/mirror/")
    assert server.asked[0] == "/mirror/mnist/train-images-idx3-ubyte.gz"


def test_without_a_content_length_the_checksum_decides(mnist, server):
    serve(server, mnist)
    server.lengths = dict.fromkeys(server.files)
    totals = set()
    load("mnist", progress=lambda name, done, total: totals.add(total))
    assert totals == {None}


def test_an_interrupted_download_goes_on_with_the_missing_files(mnist, server, cache):
    serve(server, mnist)
    last = server.files.pop(f"/mnist/{LABELS}")
    with pytest.raises(DataError, match="the server answers 404 Not Found"):
        load("mnist")
    assert names(cache) == sorted(set(mnist.contents()) - {LABELS})
    server.files[f"/mnist/{LABELS}"] = last
    server.asked.clear()
    load("mnist")
    assert server.asked == [f"/mnist/{LABELS}"]


def test_a_damaged_file_in_the_cache_is_downloaded_again(mnist, server, cache):
    serve(server, mnist)
    load("mnist")
    server.asked.clear()
    (cache / LABELS).write_bytes((cache / LABELS).read_bytes()[:-3])
    with pytest.raises(DataError, match=f"cache: .*{LABELS}: truncated or damaged"):
        load("mnist", download=False)
    load("mnist")
    assert server.asked == [f"/mnist/{LABELS}"]


def break_off(server, path, content):
    server.lengths[path] = len(content) + 10


def halve(server, path, content):
    server.files[path] = content[: len(content) // 2]


def replace(server, path, content):
    server.files[path] = server.files["/mnist/train-labels-idx1-ubyte.gz"]


def flip(server, path, content):
    server.files[path] = content[:14] + bytes([content[14] ^ 1]) + content[15:]


def lengthen(server, path, content):
    server.files[path] = content + bytes(10_000)


def page(server, path, content):
    server.files[path] = b"<html>please log in</html>"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_off, r"bytes arrived; try again|breaks off"),
        (halve, "truncated or damaged"),
        (replace, r"holds \(12,\); expected \(5,\)"),
        (flip, "truncated or damaged|not the y_test|bytes where"),
        (lengthen, "longer than 4106 bytes; this is another file"),
        (page, "begins with 3c 68 74 6d"),
    ],
)
def test_truncated_and_wrong_files_are_refused_and_removed(mnist, server, cache, damage, message):
    serve(server, mnist)
    path = f"/mnist/{LABELS}"
    damage(server, path, server.files[path])
    with pytest.raises(DataError, match=message) as caught:
        load("mnist")
    text = str(caught.value)
    assert f"download: {server.url}{path}: " in text
    assert f".{LABELS}." not in text  # the temporary name says nothing to a user
    assert "(1) give a folder" in text
    assert names(cache) == sorted(set(mnist.contents()) - {LABELS})


def test_a_hash_that_differs_is_named(mnist, server, cache):
    serve(server, mnist)
    mnist.arrays["y_test"][0] ^= 1
    server.files[f"/mnist/{LABELS}"] = mnist.contents()[LABELS]
    with pytest.raises(DataError, match="not the y_test of MNIST: SHA-256 of the unpacked content is"):
        load("mnist")
    assert LABELS not in names(cache)


def test_an_unreachable_server_and_a_wrong_address_are_named(mnist, cache, monkeypatch):
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9/mnist/train-.*Connection refused"):
        load("mnist")
    for address in ("file:///etc", "ftp://127.0.0.1", "nonsense"):
        with pytest.raises(DataError, match="not an http or https address"):
            load("mnist", mirror=address)
    assert names(cache) == []


def test_a_cache_that_cannot_be_written_is_named(mnist, server, tmp_path, monkeypatch):
    serve(server, mnist)
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"file/neurosim/mnist/train-.*: cannot be written: Not a directory"):
        load("mnist")


def test_an_error_of_the_progress_callback_leaves_nothing(mnist, server, cache):
    serve(server, mnist)

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load("mnist", progress=stop)
    assert names(cache) == []
