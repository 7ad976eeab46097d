# SPDX-License-Identifier: Apache-2.0
"""Public keys as OpenSSH writes them: `TYPE BASE64 COMMENT` (RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4).

What the base64 holds is read, too: nothing but a key of the type that is said gets into a file that sshd reads.
"""

from __future__ import annotations

import re
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from typing import Final, NamedTuple

from appliance.config.kind import Kind, ValueRefused, show_text

COMMENT_CHARACTERS: Final = 128
ENCODED_FORM: Final = re.compile(r"[A-Za-z0-9+/]{16,4096}={0,2}")
ED25519_OCTETS: Final = 32
RSA_LEAST_BITS, RSA_MOST_BITS = 2048, 16384
POINT_OCTETS: Final = {b"nistp256": 65, b"nistp384": 97, b"nistp521": 133}
"""An uncompressed point of each curve (SEC 1 2.3.3)."""
TYPES: Final = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
                "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")


class SshKey(NamedTuple):
    """encoded: the key as base64. Two are the same whatever their comments say."""

    key_type: str
    encoded: str


def valid_ssh_key(text: str) -> SshKey:
    """The line of a `.pub` file: no options before it, one key, known to be whole."""
    key_type, _, rest = text.partition(" ")
    encoded, _, comment = rest.partition(" ")
    if key_type not in TYPES:
        wrong = "a private key is kept secret" if "PRIVATE" in text else f"{show_text(key_type)} is no type of a key"
        raise ValueRefused(wrong, "the line of a .pub file, which begins with ssh-ed25519, ecdsa-sha2-... or ssh-rsa")
    if len(comment) > COMMENT_CHARACTERS or not text.isprintable():
        raise ValueRefused("the comment of this key is too long or has unprintable characters")
    if not is_key(key_type.encode(), decode(encoded)):
        raise ValueRefused(f"this is not the whole of a key of type {key_type}")
    return SshKey(key_type, encoded)


def decode(encoded: str) -> list[bytes]:
    """The strings that the key consists of (RFC 4251 5), none where it is not well formed."""
    if ENCODED_FORM.fullmatch(encoded) is None:
        return []
    try:
        blob = a2b_base64(encoded)
    except NotBase64:
        return []
    if b2a_base64(blob, newline=False).decode() != encoded:     # one text for each key
        return []
    strings, start = [], 0
    while start < len(blob):
        end = start + 4 + int.from_bytes(blob[start : start + 4], "big")
        if start + 4 > len(blob) or end > len(blob):
            return []
        strings.append(blob[start + 4 : end])
        start = end
    return strings


def is_key(key_type: bytes, strings: list[bytes]) -> bool:
    """Whether these are the parts of a public key of that type."""
    if not strings or strings[0] != key_type:
        return False
    parts = strings[1:]
    if key_type.startswith(b"sk-"):     # a security key names its application last (OpenSSH PROTOCOL.u2f)
        if len(parts) < 2 or not parts.pop():
            return False
        key_type = key_type.removeprefix(b"sk-").removesuffix(b"@openssh.com")
    if key_type == b"ssh-ed25519":
        return [len(part) for part in parts] == [ED25519_OCTETS]
    if key_type == b"ssh-rsa":
        return len(parts) == 2 and RSA_LEAST_BITS <= int.from_bytes(parts[1], "big").bit_length() <= RSA_MOST_BITS
    curve = key_type.removeprefix(b"ecdsa-sha2-")
    return len(parts) == 2 and parts[0] == curve and parts[1][:1] == b"\x04" and len(parts[1]) == POINT_OCTETS[curve]


SSH_KEY = Kind("ssh-key", "a public key in quotes: the line of a .pub file, RSA from 2048 bits", valid_ssh_key)
