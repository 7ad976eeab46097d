# SPDX-License-Identifier: Apache-2.0
"""What may be typed, and what is said when it may not."""

from importlib import import_module

import pytest

from appliance.console.commands import COMMANDS, resolve_command
from appliance.errors import OperatorError


@pytest.mark.parametrize(("line", "words"), [
    ("show registrations", "show registrations"), ("sh reg", "show registrations"), ("s r", "show registrations"),
    ("show calls", "show calls"), ("show calls a", "show calls all"), ("show call 7", "show call 7"),
    ("show call 7 l", "show call 7 ladder"), ("  show\tcall  17   messages ", "show call 17 messages"),
    ("SHOW STAT", "show statistics"), ("h", "help"), ("sh al", "show alarms"), ("show v", "show version"),
    ("show tr", "show trunks"), ("expl call 7", "explain call 7")])
def test_words_may_be_cut_to_a_unique_beginning(line: str, words: str):
    assert resolve_command(line).words == words.split()


@pytest.mark.parametrize(("line", "allowed"), [
    ("show cal", "calls | call"), ("show call x", "a number"), ("show call", "a number"),
    ("show call 7 x", "ladder | messages"),
    ("show", "registrations | calls | call | trunks | subscriptions | presence | messages | statistics | dns | tls | "
             "alarms | version"),
    ("delete", "show | explain | help | exit"), ("show calls all x", "nothing more"),
    ("show version 1", "nothing more"),
    ("", "show | explain | help | exit"), ("show call -1", "a number"), ("show call 99999999999999", "a number"),
    ("show call N", "a number"), ("show call ７", "a number")])
def test_a_wrong_word_is_answered_with_what_is_allowed(line: str, allowed: str):
    with pytest.raises(OperatorError) as error:
        resolve_command(line)
    assert error.value.allowed == allowed


def test_every_command_has_its_file():
    for command in COMMANDS:
        assert callable(import_module(f"appliance.console.operate.{command.module}").render)
        assert command.help
