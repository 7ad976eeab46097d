# SPDX-License-Identifier: Apache-2.0
"""The small SIP speaker over TLS, and the certificate of the server that it meets."""

import ssl
from pathlib import Path

from tests.interop.raw_sip import TcpPeer
from tests.interop.server import Server
from tests.system.certificates import Authority, Files


class TlsPeer(TcpPeer):
    """One TLS connection to one server, whose certificate must be made out to `name`."""

    transport = b"TLS"

    def __init__(self, server: tuple[str, int], host: str, authority: Path, name: str = "office.test") -> None:
        super().__init__(server, host)
        context = ssl.create_default_context(cafile=authority)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=name)
        except BaseException:
            self.socket.close()
            raise

    @property
    def common_name(self) -> str:
        """Of the server's certificate."""
        certificate = self.socket.getpeercert()
        assert certificate
        return dict(pair for relative in certificate["subject"] for pair in relative)["commonName"]


def tls_lines(files: Files, authority: Authority) -> list[str]:
    """What makes the listener of a test server speak TLS, on the port after its own."""
    return ["set sip listener office transport tls", f"set sip listener office certificate {files.certificate}",
            f"set sip listener office key {files.key}", f"set sip tls ca {authority.certificate}"]


def tls_address(server: Server) -> tuple[str, int]:
    """Where such a server speaks TLS."""
    return server.host, server.port + 1
