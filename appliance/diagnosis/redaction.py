# SPDX-License-Identifier: Apache-2.0
"""Messages made fit to be shown: what proves or protects an identity is blotted out, everything else stays.

A digest response can be guessed against off line (RFC 7616 5.12), a password may stand in a URI (RFC 3261 19.1.1), an
SDES key opens the media (RFC 4568).
"""

import re

BLOT = "…"

_PATTERNS = (
    # credentials, and rspauth of Authentication-Info, which is computed from the same secret
    (re.compile(r'\b(response|rspauth|cnonce)(\s*=\s*)("(?:[^"\r\n]|\r?\n[ \t])*"?|[^\s,;]+)', re.IGNORECASE),
     rf'\1\2"{BLOT}"'),
    (re.compile(r"^((?:Proxy-)?Authorization\s*:\s*(?!Digest\b)\S+\s+).*$", re.IGNORECASE | re.MULTILINE),
     rf"\1{BLOT}"),
    (re.compile(r"(\bsips?:[^\s:@<>;]+):[^\s@<>]*@", re.IGNORECASE), rf"\1:{BLOT}@"),
    (re.compile(r"(inline:)[^\s|;]+", re.IGNORECASE), rf"\1{BLOT}"),
    (re.compile(r"^(k=(?:clear|base64):).*$", re.IGNORECASE | re.MULTILINE), rf"\1{BLOT}"),
)


def redact_message(octets: bytes) -> str:
    """The message as text, line ends as they were, secrets blotted out; octets that are no UTF-8 are shown escaped."""
    text = octets.decode("utf-8", "backslashreplace")
    for pattern, substitute in _PATTERNS:
        text = pattern.sub(substitute, text)
    return "".join(char if char.isprintable() or char in "\r\n\t" else f"\\x{ord(char):02x}" for char in text)
