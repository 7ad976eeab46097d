# SPDX-License-Identifier: Apache-2.0
"""What the interop tests share: our own loopback network and a server on it, one a test module; their order."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.interop import second_try
from tests.interop.half_open import watch_half_open_streams
from tests.interop.network import LoopbackNetwork
from tests.interop.office import IS_REFERENCE, PROXY, SERVER, require
from tests.interop.raw_sip import TcpPeer, UdpPeer
from tests.interop.server import Server
from tests.interop.sipp import Sipp

# What waits comes first, so that it shares the processor with what computes; a file is one worker's (pytest-xdist). The
# half minute of the half-open streams passes behind everything else.
HALF_OPEN_FILE = "test_streams.py"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ours: asks for what only this product promises, not the reference proxy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    items.sort(key=lambda item: (folder not in item.path.parents, item.path.name == HALF_OPEN_FILE,
                                 item.name.startswith("test_half_open")))
    for item in items:
        if folder not in item.path.parents:
            continue
        item.add_marker(pytest.mark.interop)
        second_try.grant(item)
        if IS_REFERENCE and item.get_closest_marker("ours"):
            item.add_marker(pytest.mark.skip(reason="the reference proxy does not promise this"))


pytest_runtest_makereport = second_try.note_failure
pytest_runtest_teardown = second_try.take_down_module


@pytest.fixture(scope="session")
def network() -> Iterator[LoopbackNetwork]:
    claimed = LoopbackNetwork()
    yield claimed
    claimed.close()


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, network: LoopbackNetwork,
           tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the extensions of `SECRETS`, UDP and TCP; its role is the parameter (office.in_both_roles), by
    default the record-routing proxy."""
    role = getattr(request, "param", PROXY)
    more = {} if role == PROXY else {"role": role}
    with SERVER(tmp_path_factory.mktemp("server"), network.new_host(), **more) as running:
        yield running


@pytest.fixture
def new_server(network: LoopbackNetwork, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Makes a server of the test's own (not started); keyword arguments as `Server`. Those that a test which failed has
    left running are killed."""
    made: list[Server] = []

    def make(**more: object) -> Server:
        made.append(SERVER(tmp_path / "own-server", network.new_host(), **more))
        return made[-1]
    yield make
    for server in made:
        if server.process is not None and server.process.poll() is None:
            server.process.kill()
            server.process.wait()


@pytest.fixture
def new_sipp(network: LoopbackNetwork, tmp_path: Path) -> Iterator[Callable[..., Sipp]]:
    """Makes a SIPp towards a server; every one is stopped at the end of the test."""
    require("sipp")
    made: list[Sipp] = []

    def make(server: Server, **more: str) -> Sipp:
        made.append(Sipp(network, tmp_path / f"sipp{len(made)}", (server.host, server.port), **more))
        return made[-1]
    yield make
    for sipp in made:
        sipp.stop()


@pytest.fixture
def udp(network: LoopbackNetwork, server: Server) -> Iterator[UdpPeer]:
    """A UDP socket towards the module's server."""
    with UdpPeer((server.host, server.port), network.new_host()) as peer:
        yield peer


@pytest.fixture
def tcp(network: LoopbackNetwork, server: Server) -> Iterator[TcpPeer]:
    """A TCP connection to the module's server."""
    with TcpPeer((server.host, server.port), network.new_host()) as peer:
        yield peer


@pytest.fixture(scope="session", autouse=True)
def half_open_streams(request: pytest.FixtureRequest, network: LoopbackNetwork,
                      tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[dict[str, float | None]] | None]:
    """Half-open streams at a server of their own, watched in a thread while the other tests run (by every worker)."""
    if IS_REFERENCE or not any(item.name.startswith("test_half_open") for item in request.session.items):
        yield None
        return
    with (SERVER(tmp_path_factory.mktemp("half-open"), network.new_host()) as running,
          ThreadPoolExecutor(1) as executor):
        yield executor.submit(watch_half_open_streams, running, network, 34.0)
