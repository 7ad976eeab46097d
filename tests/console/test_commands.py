# SPDX-License-Identifier: Apache-2.0
"""What may be typed, and what is said when it may not."""

from importlib import import_module

import pytest

from appliance.console.commands import COMMANDS, PLACES, resolve_command
from appliance.errors import OperatorError

FIRST_WORDS = ("show | export | clear | handset | monitor | test | explain | configure | confirm | status | setup | "
               "help | exit")


@pytest.mark.parametrize(("line", "words"), [
    ("show registrations", "show registrations"), ("sh reg", "show registrations"), ("sh d", "show dns"),
    ("show calls", "show calls"), ("show calls a", "show calls all"), ("show call 7", "show call 7"),
    ("show call 7 l", "show call 7 ladder"), ("  show\tcall  17   messages ", "show call 17 messages"),
    ("SHOW STAT", "show statistics"), ("he", "help"), ("sh al", "show alarms"),
    ("show v", "show version"),
    ("show tr", "show trunks"), ("configu", "configure"), ("mon sip num 201", "monitor sip number 201"),
    ("test route 0312345678 from 201 at 14:30",) * 2, ("cl ban 2001:db8::1", "clear ban 2001:db8::1"),
    ("expl call 7", "explain call 7"), ("show rec", "show records"),
    ("show rec 50", "show records 50"), ("sh rec num 0501111", "show records number 0501111"),
    ("sh rec 9 num 201 si 2h", "show records 9 number 201 since 2h"), ("show rec since 2026-11-22",
                                                                       "show records since 2026-11-22"),
    ("expo r c", "export records csv"), ("export records json n 201", "export records json number 201"),
    ("handset desk press 117#", "handset desk press 117#"), ("hand desk d 201", "handset desk dial 201"),
    ("show handset desk", "show handset desk"), ("hands desk ha", "handset desk hang-up"),
    ("show call 7 a", "show call 7 addresses"), ("show rec number number", "show records number number")])
def test_words_may_be_cut_to_a_unique_beginning(line: str, words: str):
    assert resolve_command(line).words == words.split()


@pytest.mark.parametrize(("line", "allowed"), [
    ("show cal", "calls | call"), ("show call x", "a number"), ("show call", "a number"),
    ("show call 7 x", "ladder | messages | addresses"),
    ("show", "registrations | calls | call | records | trunks | subscriptions | presence | messages | statistics | "
             "dns | tls | alarms | version | configuration | revisions | system | revision | interfaces | leases | "
             "firewall | bans | handsets | handset | log"),
    ("remove", FIRST_WORDS), ("delete", "`configure` before it"), ("SET extension 1 secret a", "`configure` before it"),
    ("rollback 1", "`configure` before it"), ("show calls all x", "nothing more"),
    ("show version 1", "nothing more"), ("show records number", "who called or was called"),
    ("show records x", "a number | number | since"), ("show records since 2h number 3", "nothing more"),
    ("export records", "csv | json"), ("", FIRST_WORDS),
    ("show call -1", "a number"), ("show call 99999999999999", "a number"),
    ("show call N", "a number"), ("show call ７", "a number")])
def test_a_wrong_word_is_answered_with_what_is_allowed(line: str, allowed: str):
    with pytest.raises(OperatorError) as error:
        resolve_command(line)
    assert error.value.allowed == allowed


def test_every_command_has_its_file():
    for command in COMMANDS:
        operation = import_module(f"appliance.console.operate.{command.module}")
        assert any(callable(getattr(operation, name, None)) for name in ("render", "stream", "act"))
    assert all(command.help for command in COMMANDS if not set(PLACES) & set(command.words))
