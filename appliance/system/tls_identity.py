# SPDX-License-Identifier: Apache-2.0
"""Whether a certificate is made out to whom we meant to reach: the SIP domain (RFC 5922 section 7) or the address.

Pure: the chain has been verified by OpenSSL before; this looks at names and dates alone.
"""

from datetime import UTC, datetime
from ipaddress import ip_address

from appliance.system.tls_certificate import Certificate

SHOWN_NAMES = 4


def is_made_out_to(certificate: Certificate, expected: str) -> bool:
    """Whether one of its names is the expected SIP domain, or numeric address, that the connection was opened for."""
    try:
        address = ip_address(expected)
    except ValueError:
        return expected.lower().rstrip(".") in sip_domains(certificate)
    return any(ip_address(one) == address for one in certificate.addresses)


def sip_domains(certificate: Certificate) -> set[str]:
    """RFC 5922 7.1: the sip URIs without user part; only where there are none the DNS names; only where there is no
    alternative name at all the common name. 7.2: whole names, any case; a wildcard matches nothing."""
    uris = {uri for uri in certificate.uris if uri[:4].lower() == "sip:"}
    if uris:
        return {uri[4:].partition(";")[0].lower() for uri in uris if "@" not in uri}
    if certificate.dns_names:
        return {name.lower().rstrip(".") for name in certificate.dns_names if "*" not in name}
    return {certificate.subject.lower()} if certificate.subject and not certificate.addresses else set()


def explain_refusal(certificate: Certificate, expected: str, verdict: str, wall_now: float) -> str:
    """Why a certificate was refused, in the words of whoever has to renew it. verdict: OpenSSL's, "" where only the
    name was wrong; wall_now: seconds since 1970."""
    if wall_now > certificate.ends_at:
        return f"expired on {render_day(certificate.ends_at)}"
    if wall_now < certificate.starts_at:
        return f"not valid before {render_day(certificate.starts_at)}; is our own clock right?"
    if not verdict:
        return f"name mismatch: expected {expected}, has {', '.join(certificate.names[:SHOWN_NAMES]) or 'no name'}"
    if certificate.is_self_signed:
        return f"self-signed ({certificate.subject}); `set sip tls ca FILE` with this certificate trusts it"
    return f"{verdict} (issued by {certificate.issuer or 'nobody'}); `set sip tls ca FILE` names whom to trust"


def render_day(wall_s: float) -> str:
    """Seconds since 1970 as a day in UTC."""
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%d")
