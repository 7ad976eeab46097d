# SPDX-License-Identifier: Apache-2.0
"""The operators' keys as sshd wants them, and as somebody has put them on the card before the first start."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.config.kind import ValueRefused
from appliance.config.sections.system import OPERATOR_KEY
from appliance.config.ssh_kinds import SshKey, valid_ssh_key
from appliance.config.text import quote_word
from appliance.config.tree import Tree

OPTIONS = "restrict,pty"
"""sshd(8) AUTHORIZED_KEYS FILE FORMAT: a terminal, and nothing else that an option could give."""
CARD_OPERATOR = "card"
KEYS_LIMIT = 16


def list_authorized_keys(tree: Tree) -> Iterator[str]:
    """Lines of an authorized_keys file, written from what was understood; the comment is the operator's name."""
    for name in tree.named_sayings(OPERATOR_KEY):
        for key in tree.values(OPERATOR_KEY, name):
            yield f"{OPTIONS} {key.key_type} {key.encoded} {name}"


def compose_operators(text: str) -> str:
    """`set` lines for the keys in a file that people copy their .pub files into. What is no key is a remark."""
    lines = []
    keys: set[SshKey] = set()
    for number, raw_line in enumerate(text.splitlines(), 1):
        line = raw_line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            key = valid_ssh_key(line)
        except ValueRefused as refused:
            lines.append(f"# operator.pub, line {number}: {refused.wrong}")
            continue
        if key not in keys and len(keys) < KEYS_LIMIT:
            keys.add(key)
            lines.append(f"set {OPERATOR_KEY.path_for(CARD_OPERATOR)} {quote_word(line)}")
    return "\n".join(lines)
