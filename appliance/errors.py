# SPDX-License-Identifier: Apache-2.0
"""The four roots of every error: whose fault it is decides what happens next.

A refused call is a value (see sip.status), never one of these.
"""


class PeerError(Exception):
    """A peer broke its protocol. The stack answers `status_hint` or discards; never a traceback.

    status_hint: the SIP status that fits, 0 where no answer is possible.
    excerpt: the octets at fault, shortened.
    paragraph: the RFC paragraph that was broken.
    """

    def __init__(self, reason: str, status_hint: int = 400, excerpt: bytes = b"", paragraph: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status_hint = status_hint
        self.excerpt = excerpt[:64]
        self.paragraph = paragraph


class OperatorError(Exception):
    """The person in charge said something that cannot be. The console prints what and where, and what is allowed.

    path: the configuration path or command; said: the words at fault; allowed: what may stand there; remedy: help.
    """

    def __init__(self, path: str, said: str, allowed: str, remedy: str = "") -> None:
        super().__init__(f"{path}: {said}; {allowed}")
        self.path = path
        self.said = said
        self.allowed = allowed
        self.remedy = remedy


class MachineError(Exception):
    """The machine refused an operation: a full disk, a missing device, a taken port.

    operation: what was tried; errno: the kernel's number (0 unknown); retry_after_s: when to try again, None for never.
    """

    def __init__(self, operation: str, errno: int = 0, retry_after_s: float | None = None) -> None:
        super().__init__(operation)
        self.operation = operation
        self.errno = errno
        self.retry_after_s = retry_after_s


class MisuseError(Exception):
    """Our own bug. Nothing catches it: the daemon stops, the service manager restarts it with its saved state."""
