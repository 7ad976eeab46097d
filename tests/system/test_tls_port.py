# SPDX-License-Identifier: Apache-2.0
"""TLS ports on an event loop: handshakes that succeed, fail, stall and flood; certificates of peers; renewal."""

import asyncio
import shutil
import ssl
import time
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.sip.flow import TLS, Listener
from appliance.system.sip_sockets import tls
from appliance.system.sip_sockets.half_open import HalfOpenBySource
from appliance.system.sip_sockets.port_set import PortSet
from appliance.system.sip_sockets.tls import TlsSurroundings
from appliance.system.tls_credentials import CertificateFiles, TlsCredentials
from appliance.system.tls_stream import UNPRODUCTIVE_OCTETS, TlsFailure, TlsStream
from appliance.vocabulary.counters import Counters
from tests.interop.network import free_port
from tests.system.certificates import Authority
from tests.system.stack_fixture import RecordingStack

HOST = b"127.0.0.1"
OPTIONS = b"OPTIONS sip:a@b SIP/2.0\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.office = made.issue("office.test", "DNS:office.test,IP:127.0.0.1")
    return made


class Events:
    def __init__(self):
        self.events = []

    def record(self, event, **values):
        self.events.append((event, values))


class Served:
    """A started port set with one TLS listener."""

    def __init__(self, files, trusted, stack):
        self.listener = Listener("office", TLS, HOST, free_port(HOST.decode()))
        self.stack, self.counters, self.journal = stack, Counters(), Events()
        self.credentials = TlsCredentials(lambda *alarm: None, time.time)
        self.credentials.configure([CertificateFiles("office", str(files.certificate), str(files.key))], trusted)
        self.ports = PortSet(self.counters)
        self.tls = self.ports.tls = TlsSurroundings(self.credentials, self.journal, time.time)
        self.ports.open([self.listener], stack)
        self.ports.start(asyncio.get_running_loop(), stack)

    async def connect(self, context):
        return await asyncio.open_connection("127.0.0.1", self.listener.port, ssl=context,
                                             server_hostname="office.test")

    async def connect_plain(self, host="127.0.0.1"):
        return await asyncio.open_connection("127.0.0.1", self.listener.port, local_addr=(host, 0))

    def send(self, flow, octets=OPTIONS):
        self.listener.outbox.append((octets, flow))
        self.ports.settle(time.monotonic())

    def count(self):
        return self.ports.count_connections(self.listener)

    def reasons(self):
        return [failure.reason for failure in self.tls.failures]


@asynccontextmanager
async def serving(authority, files=None, trusted=None, echo=True):
    served = Served(files or authority.office, str(authority.certificate) if trusted is None else trusted,
                    RecordingStack(echo))
    try:
        yield served
    finally:
        served.ports.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def peer_showing(files):
    """A TLS server with this certificate: its port, and what it has received."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    received = []

    async def serve(reader, writer):
        while octets := await reader.read(65536):
            received.append(octets)
            writer.write(octets)
        writer.close()
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], received
    finally:
        server.close()


def trusting(authority, highest=None):
    context = ssl.create_default_context(cafile=authority.certificate)
    if highest is not None:
        context.maximum_version = highest
    return context


async def is_closed(reader):
    try:
        return await asyncio.wait_for(reader.read(), 5) is not None
    except (ConnectionError, ssl.SSLError):
        return True


def run(work):
    asyncio.run(asyncio.wait_for(work, 60))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_message_is_delivered_and_answered_on_the_connection(authority, version):
    async def work():
        async with serving(authority) as served:
            reader, writer = await served.connect(trusting(authority, version))
            writer.write(OPTIONS[:20])
            await writer.drain()
            writer.write(OPTIONS[20:] + b"\r\n\r\n")
            answers = await reader.readexactly(len(OPTIONS) + 2)        # the echo, and the pong of RFC 5626 4.4.1
            assert answers.replace(OPTIONS, b"", 1) == b"\r\n"
            [(data, flow, _)] = served.stack.messages
            assert data == OPTIONS
            assert flow.listener is served.listener
            assert served.counters["tls_handshakes_accepted"] == 1
            assert served.ports.statistics()["tls_connections"] == 1
            writer.close()
            await served.stack.wait_for(lambda: served.stack.failed == [flow])
            assert served.count() == 0
    run(work())


@pytest.mark.filterwarnings("ignore:.*TLSv1_1 is deprecated")
def test_versions_before_1_2_are_refused(authority):
    async def work():
        async with serving(authority) as served:
            context = trusting(authority)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises(ssl.SSLError):
                await served.connect(context)
            await served.stack.wait_for(lambda: served.tls.failures)
            assert "version" in served.reasons()[0] or "protocol" in served.reasons()[0]
    run(work())


@pytest.mark.parametrize("octets", [OPTIONS, b"\x00" * 5000, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello"],
                         ids=["sip", "binary", "http", "record"])
def test_octets_that_are_no_tls_end_the_connection_and_are_counted(authority, octets):
    async def work():
        async with serving(authority) as served:
            reader, writer = await served.connect_plain()
            writer.write(octets)
            assert await is_closed(reader)
            await served.stack.wait_for(lambda: served.count() == 0)
            assert served.counters["tls_handshakes_failed"] == 1
            assert served.counters["connections_closed_handshake_failed"] == 1
            assert served.stack.messages == []
            [(event, values)] = served.journal.events
            assert event == "tls_handshake_failed"
            assert values["is_incoming"] is True
            writer.close()
    run(work())


def test_a_handshake_that_is_not_over_in_time_is_closed_however_it_drips(authority, monkeypatch):
    monkeypatch.setattr(tls, "HANDSHAKE_LIMIT_S", 0.2)

    async def work():
        async with serving(authority) as served:
            _, silent = await served.connect_plain()
            reader, writer = await served.connect_plain()
            hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 40
            sent = 0
            for octet in hello:
                if writer.transport.is_closing():
                    break
                writer.write(bytes([octet]))
                sent += 1
                await asyncio.sleep(0.05)
                if served.count() == 0:
                    break
            assert await is_closed(reader)
            assert sent < len(hello)
            assert served.counters["connections_closed_handshake_overdue"] == 2
            silent.close()
            writer.close()
    run(work())


def test_a_peer_that_leaves_during_the_handshake_is_counted(authority):
    async def work():
        async with serving(authority) as served:
            _, writer = await served.connect_plain()
            writer.write(b"\x16\x03\x01\x02\x00")
            await writer.drain()
            writer.close()
            await served.stack.wait_for(lambda: served.counters["tls_handshakes_abandoned"] == 1)
    run(work())


def test_octets_without_content_are_taken_to_a_bound(authority):
    """A greeting that goes on for ever stands for all that floods: key updates, renegotiations, empty records."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.office.certificate, authority.office.key)
    server = TlsStream(context, True)
    pieces = [b"\x01\x01\xff\xff" + bytes(16380), *[bytes(16384)] * 7]
    records = b"".join(b"\x16\x03\x01\x40\x00" + piece for piece in pieces)
    taken = feed_until_it_fails(server, records)
    assert UNPRODUCTIVE_OCTETS < taken <= UNPRODUCTIVE_OCTETS + 1000


def feed_until_it_fails(server, records):
    for start in range(0, len(records), 1000):
        try:
            assert server.feed(records[start:start + 1000]) == b""
        except TlsFailure as failure:
            return start + 1000 if failure.reason == "octets without content" else 0
    return 0


def test_renegotiation_is_refused_and_hurts_nobody(authority):
    async def work():
        async with serving(authority) as served:
            process = await asyncio.create_subprocess_exec(
                "openssl", "s_client", "-connect", f"127.0.0.1:{served.listener.port}", "-tls1_2",
                "-CAfile", str(authority.certificate), stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE)
            await served.stack.wait_for(lambda: served.counters["tls_handshakes_accepted"] == 1)
            _, said = await asyncio.wait_for(process.communicate(b"R\n"), 10)
            assert b"no renegotiation" in said
            assert served.counters["tls_handshakes_accepted"] == 1
            _, writer = await served.connect(trusting(authority))
            writer.close()
    run(work())


def test_a_renewed_certificate_is_shown_to_new_connections_and_old_ones_stand(authority, tmp_path):
    async def work():
        files = authority.issue("old.test", "DNS:office.test", file="renewing")
        async with serving(authority, files) as served:
            reader, writer = await served.connect(trusting(authority))
            renewed = authority.issue("new.test", "DNS:office.test")
            shutil.copy(renewed.certificate, files.certificate)
            shutil.copy(renewed.key, files.key)
            served.credentials.check()
            _, second = await served.connect(trusting(authority))
            subject = second.get_extra_info("peercert")["subject"]
            assert subject == ((("commonName", "new.test"),),)
            writer.write(OPTIONS)
            assert await reader.readexactly(len(OPTIONS)) == OPTIONS
            writer.close()
            second.close()
    run(work())


def test_a_flow_connects_verifies_the_domain_and_is_used_again(authority):
    async def work():
        async with serving(authority, echo=False) as served, \
                peer_showing(authority.issue("partner.test", "URI:sip:partner.test")) as (port, received):
            flow = served.ports.flow_to(served.listener, HOST, port, b"partner.test")
            served.send(flow)
            await served.stack.wait_for(lambda: len(served.stack.messages) == 1)
            served.send(served.ports.flow_to(served.listener, HOST, port, b"partner.test"))
            await served.stack.wait_for(lambda: len(served.stack.messages) == 2)
            assert b"".join(received) == OPTIONS * 2
            assert served.counters["tls_handshakes_opened"] == 1
            assert served.count() == 1
            assert served.ports.flow_to(served.listener, HOST, port, b"other.test") is not flow
    run(work())


def test_an_address_must_stand_in_the_certificate_where_no_domain_was_meant(authority):
    async def work():
        async with serving(authority, echo=False) as served, peer_showing(authority.office) as (port, received):
            served.send(served.ports.flow_to(served.listener, HOST, port))
            await served.stack.wait_for(lambda: len(served.stack.messages) == 1)
            assert received == [OPTIONS]
    run(work())


@pytest.mark.parametrize(("more", "trusted", "reason"), [
    ({"names": "DNS:other.test"}, None, "name mismatch: expected partner.test, has other.test"),
    ({"names": "DNS:partner.test", "starts": "20200101000000Z", "ends": "20200301000000Z"}, None,
     "expired on 2020-03-01"),
    ({"names": "DNS:partner.test", "is_self_signed": True}, None, "self-signed (partner.test)"),
    ({"names": "DNS:partner.test"}, "", "issued by Office CA"),
], ids=["name", "expired", "self-signed", "unknown-authority"])
def test_a_certificate_that_is_refused_fails_the_flow_and_says_why(authority, more, trusted, reason):
    async def work():
        files = authority.issue("partner.test", file="refused", **more)
        async with serving(authority, trusted=trusted) as served, peer_showing(files) as (port, received):
            flow = served.ports.flow_to(served.listener, HOST, port, b"partner.test")
            served.send(flow)
            await served.stack.wait_for(lambda: served.stack.failed == [flow] and served.tls.failures)
            assert reason in served.reasons()[0]
            assert flow.failure == served.reasons()[0]
            assert served.tls.failures[0].peer == f"partner.test (127.0.0.1:{port})"
            assert received == []
            assert served.count() == 0
    run(work())


def test_why_a_certificate_was_refused_is_known_when_the_flow_fails(authority):
    """Whoever has sent something is told then, and not when the technician's reason has been found out."""
    async def work():
        files = authority.issue("partner.test", "DNS:partner.test", file="why", is_self_signed=True)
        async with serving(authority) as served, peer_showing(files) as (port, _):
            flow = served.ports.flow_to(served.listener, HOST, port, b"partner.test")
            known = []
            fail = served.stack.flow_failed
            served.stack.flow_failed = lambda failed, now: (known.append(failed.failure), fail(failed, now))
            served.send(flow)
            await served.stack.wait_for(lambda: known)
            assert known[0].startswith("certificate refused: self-signed certificate")
    run(work())


def test_a_self_signed_certificate_that_the_operator_names_is_trusted(authority):
    async def work():
        files = authority.issue("partner.test", "DNS:partner.test", file="named", is_self_signed=True)
        async with serving(authority, trusted=str(files.certificate)) as served, peer_showing(files) as (port, _):
            served.send(served.ports.flow_to(served.listener, HOST, port, b"partner.test"))
            await served.stack.wait_for(lambda: served.stack.messages)
    run(work())


def test_authorities_that_cannot_be_read_fail_the_flow(authority, tmp_path):
    async def work():
        async with serving(authority, trusted=str(tmp_path / "none.pem")) as served:
            flow = served.ports.flow_to(served.listener, HOST, 9, b"partner.test")
            served.send(flow)
            await served.stack.wait_for(lambda: served.stack.failed == [flow])
            assert "none.pem cannot be read" in served.reasons()[0]
    run(work())


def test_a_peer_that_is_no_tls_server_fails_the_flow(authority):
    async def work():
        async with serving(authority) as served:
            server = await asyncio.start_server(lambda reader, writer: writer.write(b"hello\r\n"), "127.0.0.1", 0)
            flow = served.ports.flow_to(served.listener, HOST, server.sockets[0].getsockname()[1])
            served.send(flow)
            await served.stack.wait_for(lambda: served.stack.failed == [flow])
            assert served.reasons() == ["wrong version number"]
            server.close()
    run(work())


def test_a_reader_that_never_reads_is_cut_off(authority):
    async def work():
        async with serving(authority, echo=False) as served:
            _, writer = await served.connect(trusting(authority))
            writer.write(OPTIONS)
            await served.stack.wait_for(lambda: served.stack.messages)
            writer.transport.pause_reading()
            flow = served.stack.messages[0][1]
            for _ in range(300):
                served.send(flow, b"x" * 60_000)
                if not flow.is_open:
                    break
            assert not flow.is_open
            assert served.counters["connections_closed_slow_reader"] == 1
            writer.close()
    run(work())


def test_the_suite_that_everybody_must_have_is_there(authority):
    """RFC 3261 26.3.1: TLS_RSA_WITH_AES_128_CBC_SHA, which only a certificate with an RSA key can serve."""
    async def work():
        files = authority.issue("rsa.test", "DNS:office.test", is_rsa=True)
        async with serving(authority, files) as served:
            context = trusting(authority, ssl.TLSVersion.TLSv1_2)
            context.set_ciphers("AES128-SHA")
            _, writer = await served.connect(context)
            assert writer.get_extra_info("cipher")[0] == "AES128-SHA"
            writer.close()
    run(work())


def test_handshakes_under_way_are_bounded_and_the_oldest_makes_room(authority, monkeypatch):
    monkeypatch.setattr(tls, "HANDSHAKES_AT_ONCE", 3)

    async def work():
        async with serving(authority) as served:
            silent = []
            for number in range(5):
                silent.append(await served.connect_plain())
                await served.stack.wait_for(lambda number=number: served.counters["connections_accepted"] > number)
                await asyncio.sleep(0.01)
            assert await is_closed(silent[0][0])
            assert served.counters["connections_closed_crowded_out"] == 2
            assert served.count() == 3
            _, writer = await served.connect(trusting(authority))
            for _, each in (*silent, (None, writer)):
                each.close()
    run(work())


def test_a_flood_of_handshakes_crowds_out_its_own_and_not_the_one_that_is_slow(authority, monkeypatch):
    monkeypatch.setattr(tls, "HANDSHAKES_AT_ONCE", 4)

    async def work():
        async with serving(authority) as served:
            opened = []
            for number, host in enumerate(["127.0.0.2"] + ["127.0.0.3"] * 12):
                opened.append(await served.connect_plain(host))
                await served.stack.wait_for(lambda number=number: served.counters["connections_accepted"] > number)
                await asyncio.sleep(0.01)
            assert served.counters["connections_closed_crowded_out"] == 9
            assert await is_closed(opened[1][0])
            slow = asyncio.create_task(opened[0][0].read())
            await asyncio.sleep(0.05)
            assert not slow.done()
            slow.cancel()
            for _, writer in opened:
                writer.close()
    run(work())


def test_who_is_half_open_is_counted_by_source():
    known = HalfOpenBySource(10.0, lambda name: name[:1])
    for number, name in enumerate([b"a1", b"b1", b"b2", b"b2", b"a2", b"b3"]):
        known.begin(name, float(number))
    assert known.oldest_of_largest() == b"b1"
    for name in (b"b1", b"b2", b"b2"):
        known.end(name)
    assert known.oldest_of_largest() == b"a1"
    for name in (b"a1", b"a2", b"b3"):
        known.end(name)
    assert (known.oldest_of_largest(), len(known)) == (None, 0)


def test_a_domain_that_no_certificate_can_name_fails_the_flow(authority):
    async def work():
        async with serving(authority) as served:
            flow = served.ports.flow_to(served.listener, HOST, 9, b"a..test")
            served.send(flow)
            await served.stack.wait_for(lambda: served.stack.failed == [flow])
    run(work())


@given(st.lists(st.binary(max_size=3000), max_size=8), st.booleans())
@settings(max_examples=200)
def test_any_octets_end_in_a_tls_failure_or_wait_for_more(office_context, pieces, is_record):
    stream = TlsStream(office_context, True)
    for piece in pieces:
        octets = b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece if is_record else piece
        try:
            assert stream.feed(octets) == b""
        except TlsFailure:
            return
    assert not stream.is_secure


@pytest.fixture(scope="module")
def office_context(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.office.certificate, authority.office.key)
    return context
