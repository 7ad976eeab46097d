# SPDX-License-Identifier: Apache-2.0
"""Fetching the certificate of a peer without trusting it: a handshake and nothing more, so that we can say what is
wrong with a certificate that was refused. No octet of SIP ever goes over such a connection.
"""

import asyncio
import ssl

from appliance.sip.flow import Flow
from appliance.system.tls_credentials import make_context


async def fetch_certificate(flow: Flow, limit_s: float) -> bytes:
    """The DER of what the peer at a flow's address shows. Raises OSError (TimeoutError and SSLError among them)."""
    context = make_context(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host, local = flow.host.decode("ascii"), flow.listener.host.decode("ascii")
    async with asyncio.timeout(limit_s):
        _reader, writer = await asyncio.open_connection(
            host, flow.port, ssl=context, local_addr=(local, 0), ssl_handshake_timeout=limit_s,
            server_hostname=flow.domain.decode("ascii", "replace") or host)
    try:
        return writer.get_extra_info("ssl_object").getpeercert(True) or b""
    finally:
        writer.transport.abort()
