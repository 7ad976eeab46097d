# SPDX-License-Identifier: Apache-2.0
"""What an X.509 certificate says of itself: names, issuer, validity (RFC 5280 4.1), read out of its DER.

Nothing is verified here: OpenSSL does that. This is for expiry alarms, for the names of RFC 5922, and for saying why a
verification failed. A value; never changed.
"""

import base64
import binascii
import re
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final, NamedTuple

from appliance.errors import PeerError

UTC_TIME = 0x17
VERSION_TAG, EXTENSIONS_TAG = 0xA0, 0xA3
DNS_NAME, URI_NAME, IP_NAME = 0x82, 0x86, 0x87
_COMMON_NAME: Final = bytes.fromhex("550403")
_SUBJECT_ALTERNATIVE_NAME: Final = bytes.fromhex("551d11")
_BMP_STRING = 0x1E
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


class Certificate(NamedTuple):
    """subject, issuer: common names, "" where absent; starts_at, ends_at: seconds since 1970; dns_names, uris,
    addresses: of the subject alternative name, as written; is_self_signed: subject and issuer are the same name."""

    subject: str
    issuer: str
    starts_at: float
    ends_at: float
    dns_names: tuple[str, ...]
    uris: tuple[str, ...]
    addresses: tuple[str, ...]
    is_self_signed: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Every name it is made out to; the common name only where there is no other (RFC 5922 7.1)."""
        return (*self.uris, *self.dns_names, *self.addresses) or ((self.subject,) if self.subject else ())


class _Element(NamedTuple):
    tag: int
    content: bytes


def read_pem_certificate(octets: bytes) -> Certificate:
    """The first certificate of a PEM file: the one whose key goes with it. Raises PeerError."""
    match = _PEM.search(octets)
    if match is None:
        raise PeerError("no BEGIN CERTIFICATE in it", 0, octets)
    try:
        der = base64.b64decode(match[1])
    except binascii.Error as error:
        raise PeerError("damaged base64", 0, match[1]) from error
    return read_der_certificate(der)


def read_der_certificate(octets: bytes) -> Certificate:
    """Read a DER certificate, as `SSLObject.getpeercert(True)` gives it. Raises PeerError."""
    try:
        body = _read_elements(_read_elements(_read_elements(octets)[0].content)[0].content)
        at = 1 if body[0].tag == VERSION_TAG else 0         # version is absent in v1
        _serial, _algorithm, issuer, validity, subject = body[at:at + 5]
        starts, ends = _read_elements(validity.content)
        names = _read_alternative_names(body[at + 5:])
        return Certificate(_read_common_name(subject.content), _read_common_name(issuer.content),
                           _read_time(starts), _read_time(ends), *names, subject.content == issuer.content)
    except (IndexError, ValueError, OverflowError) as error:
        raise PeerError(f"not a certificate: {error}", 0, octets, "RFC 5280 4.1") from error


def _read_elements(octets: bytes) -> list[_Element]:
    """The tag-length-value triples that stand side by side (X.690 8.1)."""
    elements = []
    at = 0
    while at < len(octets):
        tag, size = octets[at], octets[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(octets[at:at + count], "big")
            at += count
        if at + size > len(octets):
            raise ValueError("cut short")
        elements.append(_Element(tag, octets[at:at + size]))
        at += size
    return elements


def _read_common_name(name: bytes) -> str:
    for relative in _read_elements(name):
        for attribute in _read_elements(relative.content):
            kind, value = _read_elements(attribute.content)[:2]
            if kind.content == _COMMON_NAME:
                return value.content.decode("utf-16-be" if value.tag == _BMP_STRING else "utf-8", "replace")
    return ""


def _read_time(element: _Element) -> float:
    """4.1.2.5: UTCTime to 2049, GeneralizedTime from 2050, both in GMT with seconds."""
    text = element.content.decode("ascii")
    if element.tag == UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _read_alternative_names(rest: list[_Element]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    names: dict[int, list[str]] = {DNS_NAME: [], URI_NAME: [], IP_NAME: []}
    for part in rest:
        if part.tag != EXTENSIONS_TAG:
            continue
        for extension in _read_elements(_read_elements(part.content)[0].content):
            kind, *_critical, value = _read_elements(extension.content)
            if kind.content != _SUBJECT_ALTERNATIVE_NAME:
                continue
            for name in _read_elements(_read_elements(value.content)[0].content):
                if name.tag == IP_NAME:
                    names[IP_NAME].append(str(ip_address(name.content)))
                elif name.tag in names:
                    names[name.tag].append(name.content.decode("ascii", "replace"))
    return tuple(names[DNS_NAME]), tuple(names[URI_NAME]), tuple(names[IP_NAME])
