# SPDX-License-Identifier: Apache-2.0
"""The console on a pseudo-terminal of 80 by 24, TERM=vt100, against the running server."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.interop.network import wait_until
from tests.interop.raw_sip import UdpPeer, build_request, transact
from tests.interop.server import PROGRAM, Server

pytestmark = pytest.mark.ours

OPERATIONAL, CONFIGURATION = "denwaban> ", "denwaban# "
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][0-9A-Za-z]|[=>78M])")
ALLOWED_ESCAPES = re.compile(r"\x1b\[(?:\d*[ABCDHJK]|\?(?:7|2004)[hl]|2J)")
LIMIT_S = 20.0


class Terminal:
    """A console and what stands on its screen. raw: every octet that it has sent."""

    def __init__(self, state: Path, *arguments: str, **environment: str) -> None:
        surroundings = {name: value for name, value in os.environ.items()
                        if name not in ("LC_ALL", "LC_MESSAGES", "LINES", "COLUMNS", "PROMPT_TOOLKIT_NO_CPR")}
        surroundings.update({"TERM": "vt100", "LANG": "C.UTF-8", **environment})
        self._child = pexpect.spawn(str(PROGRAM), ["console", "--state", str(state), *arguments], dimensions=(24, 80),
                                    encoding="utf-8", codec_errors="replace", timeout=LIMIT_S, env=surroundings)
        self._child.delaybeforesend = None
        self.raw = ""

    def __enter__(self) -> "Terminal":
        self.wait(OPERATIONAL)
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close(force=True)

    def send(self, text: str) -> None:
        self._child.send(text)

    def send_octets(self, octets: bytes) -> None:
        os.write(self._child.child_fd, octets)

    def wait(self, *texts: str, limit_s: float = LIMIT_S) -> str:
        """What came until one of the texts, as a person reads it."""
        self._child.expect_exact(list(texts), timeout=limit_s)
        came = self._child.before + self._child.after
        self.raw += came
        return ESCAPES.sub("", came).replace("\r", "")

    def type(self, line: str, *texts: str) -> str:
        """What a line brings, until the next prompt where nothing else is named."""
        self.send(f"{line}\r")
        self.wait("\n")
        return self.wait(*(texts or (OPERATIONAL, CONFIGURATION)))

    def key(self, keys: str, *texts: str) -> str:
        """What a key press brings."""
        self.send(keys)
        return self.wait(*texts)

    def help(self, typed: str) -> str:
        """What ? brings behind what is typed; the line stands there again afterwards."""
        self.send(f"{typed}?")
        self.wait("?\r\n")
        return self.wait(OPERATIONAL, CONFIGURATION)

    def resize(self, rows: int, columns: int) -> None:
        self._child.setwinsize(rows, columns)

    def wait_end(self) -> None:
        self._child.expect(pexpect.EOF)
        self._child.wait()


@pytest.fixture
def office(new_server) -> Iterator[Server]:
    lines = ["set emergency none", *(f"set extension {2000 + index} secret desk-{index}-secret" for index in range(40))]
    with new_server(lines=lines) as server:
        yield server


def test_keys_complete_and_help_and_pages_stop(office: Server):
    with Terminal(office.state) as console:
        assert "what there is and how it stands" in console.help("sh")
        console.send("\x15")
        console.send("sho pres")
        assert "2039" not in console.key("e\t\r", "--More--")
        assert "\n" in console.key("\r", "--More--")
        assert "2030" in console.key(" ", "--More--", OPERATIONAL)
        console.key("q", OPERATIONAL)
        assert "48 lines" in console.type("show presence | match closed | count")
        assert '"extension": "2039"' in console.type("show presence | json | match 2039 | no-more")
        assert "is not known here" in console.type("show nonsense")
        assert "2039" in console.type("show presence | no-more")
        console.send("show pres\x03")                 # thrown away
        console.type("show version", "denwaban 0")
        console.wait(OPERATIONAL)
        console.send("exit\r")
        console.wait_end()
        escapes = re.findall(r"\x1b[^A-Za-z]*[A-Za-z]", console.raw)
        assert [one for one in escapes if not ALLOWED_ESCAPES.fullmatch(one)] == []


def test_a_change_is_typed_compared_committed_and_taken_back(office: Server):
    with Terminal(office.state) as console:
        console.type("configure", CONFIGURATION)
        assert "1001" in console.help("set extension ")
        console.key("2000 na\t", "name")
        console.type('"受付 Reception"')
        assert "[edit extension 2001]" in console.type("edit extension 2001")
        console.type("set name Two")
        assert "[edit]" in console.type("top")
        compared = console.type("show | compare")
        assert 'set extension 2000 name "受付 Reception"' in compared
        assert "set extension 2001 name Two" in compared
        assert "configuration check succeeds" in console.type("commit check")
        assert "commit complete: revision" in console.type('commit comment "names"')
        assert 'set extension 2000 name "受付 Reception"' in office.config.read_text("utf-8")
        assert "names" in console.type("show revisions")
        console.type("delete extension 2001 name")
        assert "it is taken back at" in console.type("commit confirmed 5")
        assert "on trial" in console.type("status")
        assert "confirmed: it stays" in console.type("commit")
        console.type("delete extension 2000")
        assert "[yes/no]" in console.type("exit", "[yes/no] ")
        assert CONFIGURATION in console.type("no", CONFIGURATION)
        console.type("discard")
        console.type("exit", OPERATIONAL)
        assert "extension 2000" in console.type("show configuration | match 2000")


def test_pasted_lines_are_taken_together_and_errors_have_their_line(office: Server):
    with Terminal(office.state) as console:
        console.type("configure", CONFIGURATION)
        console.type("load", "ends them")
        lines = [f"set extension {3000 + index} secret pasted-{index}-word" for index in range(300)]
        console.send("\r".join([*lines, ".", ""]))
        assert "300 lines loaded" in console.wait(CONFIGURATION)
        console.type("load", "ends them")
        assert "line 2: " in console.key("set extension 4000 secret good-secret-1\rset system country Japan\r\x04",
                                         CONFIGURATION)
        assert "301 lines" in console.type("compare | count")
        console.send("\x1b[200~set sip role proxy\rset extension 4001 secret good-secret-2\r\x1b[201~")
        console.wait(CONFIGURATION)
        assert "set extension 4001" in console.type("compare | last 1")


def test_garbage_does_no_harm(office: Server):
    with Terminal(office.state) as console:
        noise = bytes(index * 7919 % 251 for index in range(3000)).replace(b"\x04", b"").replace(b"\r", b"")
        console.send_octets(noise.replace(b"\n", b""))
        console.send_octets(b"\x1b[200~" + b"x" * 20000 + b"\x1b[201~")
        console.send_octets(b"\x1b[99;99R\x1b[M !!\x1b]0;title\x07\x1bP1$r\x1b\\\x07\x03\x15")
        console.send("\x1b[201~\x03\x15")
        assert "denwaban 0" in console.type("show version", "denwaban 0")
        console.wait(OPERATIONAL)
        console.resize(10, 40)
        console.send("show presence\r")
        console.wait("--More--")
        console.key("q", OPERATIONAL)
        console.resize(24, 80)
        assert office.show("show version")["version"]


def test_two_operators_each_have_their_own_candidate(office: Server):
    with Terminal(office.state) as first, Terminal(office.state) as second:
        first.type("configure", CONFIGURATION)
        assert "others edit too" in second.type("configure", CONFIGURATION)
        first.type("set extension 2005 name First")
        second.type("set extension 2006 name Second")
        assert "Second" not in first.type("compare")
        assert "commit complete" in first.type("commit")
        assert "commit complete" in second.type("commit")
        text = office.config.read_text("utf-8")
        assert "2005 name First" in text
        assert "2006 name Second" in text
        first.type("set extension 2007 name One")
        second.type("set extension 2007 name Other")
        assert "commit complete" in first.type("commit")
        assert "2007" in second.type("commit")
        assert "2007 name One" in office.config.read_text("utf-8")


def test_messages_are_seen_as_they_come(office: Server, network):
    with (Terminal(office.state) as console,
          UdpPeer((office.host, office.port), network.new_host()) as phone):
        console.type("monitor sip number 2003", "q ends")

        def is_seen() -> bool:
            transact(phone, build_request(phone, "OPTIONS", "sip:2003@office.test"))
            try:
                return "OPTIONS 2003" in console.wait(" OPTIONS 2003 ", limit_s=1.0)
            except pexpect.TIMEOUT:
                return False
        wait_until(is_seen, LIMIT_S, "a message on the screen")
        console.key("q", OPERATIONAL)
        assert "calls in progress" in console.type("monitor calls", "q ends")
        console.key("q", OPERATIONAL)
        assert "ready" in console.type("show log 20 | no-more")


def test_japanese_where_it_is_asked_for_or_configured(office: Server):
    with Terminal(office.state, LANG="ja_JP.UTF-8") as console:
        assert "登録中の電話機はありません" in console.type("show registrations")
        assert "ここでは使えません" in console.type("show nonsense")
    with Terminal(office.state) as console:
        console.type("configure", CONFIGURATION)
        console.type("set system language ja")
        assert "commit complete" in console.type("commit and-quit", OPERATIONAL)
    with Terminal(office.state) as console:
        assert "通話はありません" in console.type("show calls")
    with Terminal(office.state, "--language", "en", LANG="ja_JP.UTF-8") as console:
        assert "no calls" in console.type("show calls")


def test_the_wizard_makes_an_outside_line_and_offers_itself(new_server):
    with (new_server(secrets={}, lines=["set emergency none"], role="b2bua") as server,
          Terminal(server.state) as console):
        console.type("setup", "Language")
        for answer, question in (("", "Country"), ("", "How many telephones"), ("2", "Outside line"),
                                 ("generic", "Its server"), ("carrier.test", "Its number"), ("no", "Its number"),
                                 ("0312345678", "User name"), ("", "Password"), ("line-password", "emergency"),
                                 ("no", "Make it run")):
            said = console.type(answer, question)
            assert question == "Make it run" or "line-password" not in said
        assert "commit complete" in console.type("yes", "Keep it")
        cards = console.type("yes", OPERATIONAL)
        assert "1001" in cards
        assert "set trunk line registrar sip:carrier.test" in server.config.read_text("utf-8")
    with new_server(secrets={}, lines=["set emergency none"]) as server:
        child = Terminal(server.state)
        assert "There are no telephones yet" in child.wait(OPERATIONAL)
        child.type("setup", "Language")
        assert "Nothing was changed" in child.key("\x03", OPERATIONAL)
        child.__exit__()
