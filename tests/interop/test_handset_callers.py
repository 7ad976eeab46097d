# SPDX-License-Identifier: Apache-2.0
"""A real telephone calls the handset at its own address, with the secret and without."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.interop.baresip import PROGRAM, Account, Baresip
from tests.interop.handset import Handset, build_porch
from tests.interop.network import free_port
from tests.interop.sound import write_babble

pytestmark = [pytest.mark.ours, pytest.mark.skipif(PROGRAM is None, reason="baresip is not installed")]
alsaaudio = pytest.importorskip("alsaaudio", reason="pyalsaaudio is not installed")
SECRET = "who-knows-this-may-call"


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return write_babble(tmp_path_factory.mktemp("voices") / "babble.wav", 20.0)


@pytest.fixture
def porch(network, tmp_path, voice) -> Iterator[Handset]:
    host = network.new_host()
    with build_porch(tmp_path / "handset", network.new_host(), voice, f"set handset porch secret {SECRET}",
                     f"set handset porch listen {host}:{free_port(host)}") as handset:
        yield handset


class DirectAccount(Account):
    """Of no server: what it calls it calls where the address says."""

    def line(self) -> str:
        return (f"<sip:{self.user}@{self.server}>;auth_user=porch;auth_pass={self.secret};regint=0;answermode=manual;"
                "audio_codecs=PCMU/8000/1\n")


@pytest.fixture
def new_phone(network, tmp_path, voice) -> Iterator[Callable[[str], Baresip]]:
    with contextlib.ExitStack() as stack:
        def make(secret: str) -> Baresip:
            account = DirectAccount("visitor", secret, "127.0.0.1")
            return stack.enter_context(Baresip(network, tmp_path / "caller", account, voice))
        yield make


def call(phone: Baresip, porch: Handset) -> None:
    phone.command("dial", f"sip:porch@{porch.show()['address']}")


def test_who_knows_the_secret_rings_and_talks(porch, new_phone):
    phone = new_phone(SECRET)
    call(phone, porch)
    porch.wait_state("ringing")
    porch.ask("lift")
    phone.wait("CALL_ESTABLISHED")
    porch.wait_state("talking")
    porch.ask("hang-up")
    phone.wait("CALL_CLOSED")


def test_who_does_not_hears_no_and_nothing_rings(porch, new_phone):
    phone = new_phone("wrong")
    call(phone, porch)
    assert "401" in str(phone.wait("CALL_CLOSED"))
    assert porch.show()["state"] == "idle"
    assert porch.show()["calls"] == {}
