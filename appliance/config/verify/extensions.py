# SPDX-License-Identifier: Apache-2.0
"""Extensions among each other: digest user names that collide, secrets that a guess finds, expiry limits."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.config.finding import Finding, report_error, report_warning
from appliance.config.sections import sip
from appliance.config.sections.extension import DIGEST_USERNAME, SECRET_WORD
from appliance.config.tree import Tree

SECRET_CHARACTERS_MINIMUM = 8
FAMILIAR_SECRETS = frozenset(
    {
        *("password", "passw0rd", "password1", "12345678", "123456789", "1234567890", "87654321", "abcd1234"),
        *("qwertyui", "qwerty123", "asdfghjk", "1q2w3e4r", "iloveyou", "administrator", "changeme", "changeit"),
        *("letmein1", "secret123", "sipsecret", "denwaban"),
    }
)


def verify_extensions(tree: Tree) -> Iterator[Finding]:
    """Everything about extensions and registration that needs more than one leaf."""
    yield from verify_usernames(tree)
    yield from verify_secrets(tree)
    shortest_s, longest_s = tree.value(sip.MIN_EXPIRES), tree.value(sip.MAX_EXPIRES)
    if shortest_s is not None and longest_s is not None and shortest_s > longest_s:
        leaf = sip.MIN_EXPIRES if tree.sayings(sip.MIN_EXPIRES) else sip.MAX_EXPIRES
        wrong = f"min-expires {shortest_s} is above max-expires {longest_s}"
        yield report_error("expires", leaf.path, wrong, "min-expires at most max-expires", tree.line(leaf))


def verify_usernames(tree: Tree) -> Iterator[Finding]:
    """A digest user name says who somebody is, so it belongs to one extension."""
    said = tree.named_sayings(DIGEST_USERNAME)
    if not said:  # each extension is its own user name: nothing can collide
        return
    holders: dict[str, str] = {}
    for number, line in tree.names("extension").items():
        username = said[number][0].text if said.get(number) else number
        holder = holders.setdefault(username, number)
        if holder != number:
            line = tree.line(DIGEST_USERNAME, number) if number in said else line
            wrong = f'the digest user name "{username}" is also that of extension {holder}'
            wrong += f" (line {tree.line(DIGEST_USERNAME, holder)})"
            yield report_error("username-taken", DIGEST_USERNAME.path_for(number), wrong, "another user name", line)


def verify_secrets(tree: Tree) -> Iterator[Finding]:
    """Secrets that whoever tries a list of guesses finds."""
    usernames = tree.named_sayings(DIGEST_USERNAME)
    for number, sayings in tree.named_sayings(SECRET_WORD).items():
        for said in sayings:
            secret = said.text.lower()
            if len(secret) < SECRET_CHARACTERS_MINIMUM:
                wrong = "this secret is short"
            elif secret in FAMILIAR_SECRETS or len(set(secret)) == 1:
                wrong = "this secret is among the first that are tried"
            elif secret == number.lower() or (number in usernames and secret == usernames[number][0].text.lower()):
                wrong = "this secret is the user name"
            else:
                continue
            remedy = f"at least {SECRET_CHARACTERS_MINIMUM} characters that nobody guesses"
            yield report_warning("weak-secret", SECRET_WORD.path_for(number), wrong, remedy, said.line)
