# SPDX-License-Identifier: Apache-2.0
"""Certificates and keys from their files to TLS contexts, one pair for each listener that speaks TLS.

Files that change are taken up by the next connection, the ones that stand keep what they have; a broken file changes
nothing and raises an alarm. Changed by `configure` and `check` alone.
"""

import os
import ssl
from collections.abc import Callable, Iterable
from typing import NamedTuple

from appliance.errors import MachineError, PeerError
from appliance.system.tls_certificate import Certificate, read_pem_certificate
from appliance.system.tls_identity import render_day
from appliance.system.tls_stream import name_reason

# RFC 3261 26.3.1: TLS_RSA_WITH_AES_128_CBC_SHA is a must, and old desk phones know little else; it comes last
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:AES128-GCM-SHA256:AES128-SHA:!aNULL:!eNULL"
EXPIRY_ALARM_S = 30 * 86400.0
DAY_S = 86400.0

AlarmTaker = Callable[[str, str, str, bool], None]
"""Called with name, sentence, remedy and whether the alarm is raised or cleared."""
Signature = tuple[tuple[int, int, int], ...]


class CertificateFiles(NamedTuple):
    """Whose they are: listener's name; certificate: the chain, key: its key, both PEM."""

    listener: str
    certificate: str
    key: str


class CertificateStatus(NamedTuple):
    """A listener's certificate as it is used now. fault: why its files could not be taken up, "" where they were."""

    files: CertificateFiles
    certificate: Certificate
    fault: str


class Credential:
    """One listener's files and what was made of them. signature: of the files as loaded."""

    __slots__ = ("certificate", "client", "fault", "files", "is_expiry_raised", "server", "signature")

    def __init__(self, files: CertificateFiles) -> None:
        """Load. Raises MachineError."""
        self.files = files
        self.fault = ""
        self.is_expiry_raised = False
        self.client: ssl.SSLContext | None = None
        self.load()

    def load(self) -> None:
        """Take up the files as they are now, wholly or not at all. Raises MachineError."""
        signature = sign_files(self.files)
        certificate, server = load_certificate(self.files.certificate, self.files.key)
        self.certificate, self.server, self.signature = certificate, server, signature
        self.client = None


class TlsCredentials:
    """The credentials of every TLS listener, and whom we trust when we connect."""

    __slots__ = ("_authority", "_authority_signature", "_by_listener", "_note_alarm", "_wall_now")

    def __init__(self, note_alarm: AlarmTaker, wall_now: Callable[[], float]) -> None:
        self._note_alarm = note_alarm
        self._wall_now = wall_now
        self._by_listener: dict[str, Credential] = {}
        self._authority = ""
        self._authority_signature: Signature = ()

    def configure(self, wanted: Iterable[CertificateFiles], authority: str) -> None:
        """Use these files; authority: PEM file of further authorities, "" for the system's alone.

        Raises MachineError for a listener that had no credential before and whose files cannot be loaded; then nothing
        has changed.
        """
        asked = list(wanted)
        new = {files.listener: Credential(files) for files in asked if files.listener not in self._by_listener}
        if authority != self._authority:
            self._authority = authority
            self._forget_clients()
        self._by_listener |= new
        for files in asked:
            known = self._by_listener[files.listener]
            if known.files != files:
                known.files, known.signature = files, ()
        self.check()

    def check(self) -> None:
        """Look whether files have changed and whether a certificate is about to expire; every few seconds."""
        for credential in self._by_listener.values():
            if credential.fault or sign_files(credential.files) != credential.signature:
                self._reload(credential)
            self._watch_expiry(credential)
        if self._authority and sign_file(self._authority) != self._authority_signature:
            self._forget_clients()

    def server_context(self, listener: str) -> ssl.SSLContext:
        """For a connection that this listener accepts now."""
        return self._by_listener[listener].server

    def client_context(self, listener: str) -> ssl.SSLContext:
        """For a connection from this listener to somebody else, who must show a certificate that we trust. Raises
        MachineError."""
        credential = self._by_listener[listener]
        if credential.client is None:       # only now: reading the system's authorities takes time and memory
            credential.client = self._make_client(credential)
        return credential.client

    def statuses(self) -> list[CertificateStatus]:
        """What each listener shows."""
        return [CertificateStatus(one.files, one.certificate, one.fault) for one in self._by_listener.values()]

    def _reload(self, credential: Credential) -> None:
        name = f"tls_certificate_{credential.files.listener}"
        try:
            credential.load()
        except MachineError as error:
            if not credential.fault:
                sentence = f"{error}; listener {credential.files.listener} goes on with the one it has"
                self._note_alarm(name, sentence, "put a certificate chain and its key there, both PEM", True)
            credential.fault = str(error)
            return
        if credential.fault:
            self._note_alarm(name, f"{credential.files.certificate} is in use", "", False)
            credential.fault = ""

    def _watch_expiry(self, credential: Credential) -> None:
        ends_at = credential.certificate.ends_at
        is_near = self._wall_now() > ends_at - EXPIRY_ALARM_S
        if is_near != credential.is_expiry_raised:
            credential.is_expiry_raised = is_near
            has_expired = self._wall_now() > ends_at
            sentence = f"the certificate of listener {credential.files.listener} ({credential.files.certificate}) " \
                f"{'has expired' if has_expired else 'expires'} on {render_day(ends_at)}"
            remedy = "renew it: the new file is taken up by itself, no connection is closed"
            self._note_alarm(f"tls_expiry_{credential.files.listener}", sentence, remedy, is_near)

    def _forget_clients(self) -> None:
        for credential in self._by_listener.values():
            credential.client = None

    def _make_client(self, credential: Credential) -> ssl.SSLContext:
        context = make_context(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False      # RFC 5922 7 has rules of its own: see tls_identity
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN   # a certificate that the operator names is trusted
        context.load_default_certs()
        if self._authority:
            self._authority_signature = sign_file(self._authority)
            try:
                context.load_verify_locations(self._authority)
            except (OSError, ssl.SSLError) as error:
                raise describe_fault(self._authority, error) from error
        # RFC 5922 7.3: a peer that asks who we are gets the same certificate
        load_chain(context, credential.files.certificate, credential.files.key)
        return context


def make_context(protocol: int) -> ssl.SSLContext:
    """TLS 1.2 and up, no renegotiation, no compression."""
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(CIPHERS)
    return context


def load_certificate(certificate: str, key: str) -> tuple[Certificate, ssl.SSLContext]:
    """What the chain's first certificate says, and a server's context with chain and key. Raises MachineError."""
    try:
        with open(certificate, "rb") as file:
            read = read_pem_certificate(file.read(1 << 20))
    except (OSError, PeerError) as error:
        raise describe_fault(certificate, error) from error
    context = make_context(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0     # resumption saves a millisecond; peers that take a ticket for an answer fail (sipsak)
    load_chain(context, certificate, key)
    return read, context


def load_chain(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Give a context chain and key. Raises MachineError."""
    try:
        with open(key, "rb"):
            pass                            # OpenSSL's errors do not say which of the two files they mean
        context.load_cert_chain(certificate, key, password=b"")     # never ask a terminal for a pass phrase
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise describe_fault(key, error) from error


def describe_fault(path: str, error: Exception) -> MachineError:
    """Which file, and what is wrong with it."""
    if isinstance(error, ssl.SSLError):
        reason = name_reason(error)
        said = "does not belong to the certificate" if "mismatch" in reason else f"is not usable: {reason}"
        return MachineError(f"{path} {said}")
    if isinstance(error, OSError):
        return MachineError(f"{path} cannot be read: {error.strerror}", error.errno or 0)
    return MachineError(f"{path} is not usable: {error}")


def explain_certificate(certificate: str, key: str) -> str:
    """Why a listener cannot use these files, "" where it can: for whoever checks a configuration."""
    try:
        load_certificate(certificate, key)
    except MachineError as error:
        return str(error)
    return ""


def sign_files(files: CertificateFiles) -> Signature:
    """What changes when one of the files does."""
    return sign_file(files.certificate) + sign_file(files.key)


def sign_file(path: str) -> Signature:
    """The same of one file; () where it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return ((status.st_mtime_ns, status.st_size, status.st_ino),)
