# SPDX-License-Identifier: Apache-2.0
"""The process that relays, as the call server sees it: found by DIR/media.sock or started, watched, and ended.

It has a session of its own: what kills the call server and its process group leaves it alone. What it writes to
standard error comes by a pipe, so that it holds nothing of ours open when we are gone.
"""

import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

from appliance.errors import MachineError
from appliance.system.media.messages import SOCKET_NAME
from appliance.system.unix_address import open_unix_address

SERVICE_VARIABLE = "DENWABAN_MEDIAD"
PROGRAM = "appliance.daemons.mediad"
SOURCE_DIRECTORY = str(Path(__file__).parents[3])
_PEER_CREDENTIALS = struct.Struct("3i")         # pid, uid, gid


class RelayProcess:
    """One process and our connection to it. process_descriptor: readable when it has ended (pidfd_open(2)); errors:
    what it writes to standard error, -1 where we have not started it.
    """

    def __init__(self, connection: socket.socket, pid: int, process: "subprocess.Popen[bytes] | None" = None) -> None:
        self.connection = connection
        self.pid = pid
        self.process_descriptor = os.pidfd_open(pid)
        self._process = process
        self.errors = -1
        if process is not None and process.stderr is not None:
            self.errors = process.stderr.fileno()
            os.set_blocking(self.errors, False)

    @property
    def is_child(self) -> bool:
        """Whether we have started it."""
        return self._process is not None

    def kill(self) -> None:
        """At once. Never another process that has got the number since."""
        try:
            signal.pidfd_send_signal(self.process_descriptor, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):       # gone; or a service of its own, of another user
            return

    def read_errors(self) -> bytes:
        """What it has written; b"" when nothing more comes."""
        try:
            return os.read(self.errors, 65536)
        except OSError:
            return b""

    def bury(self) -> int | None:
        """Called once it has ended: give everything back. Its exit code, where we may know it."""
        self.connection.close()
        os.close(self.process_descriptor)
        if self._process is None:
            return None
        if self._process.stderr is not None:
            self._process.stderr.close()
        return self._process.wait()

    def leave(self) -> None:
        """Let go without ending it; it goes on by itself."""
        self.connection.close()
        os.close(self.process_descriptor)
        if self._process is not None and self._process.stderr is not None:
            self._process.stderr.close()


def is_service() -> bool:
    """Whether a service manager looks after the one that relays, so that we neither start nor end it."""
    return os.environ.get(SERVICE_VARIABLE) == "service"


def find_relay(state_directory: str) -> RelayProcess | None:
    """The one that relays on this state directory already; None for none. Raises MachineError."""
    connecting = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with open_unix_address(state_directory, SOCKET_NAME) as address:
            connecting.connect(address)
        connecting.setblocking(False)
        credentials = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
        return RelayProcess(connecting, _PEER_CREDENTIALS.unpack(credentials)[0])
    except (FileNotFoundError, ConnectionRefusedError, ProcessLookupError):
        connecting.close()
        return None
    except OSError as error:
        connecting.close()
        raise MachineError(f"media socket in {state_directory}: {error.strerror}", error.errno or 0) from error


def build_command(state_directory: str, first: int, last: int) -> list[str]:
    """The program that relays. Without `site`: it needs nothing that is installed, and is 2 MiB smaller; -P: nothing of
    the working directory."""
    return [sys.executable, "-S", "-P", "-m", PROGRAM, os.path.abspath(state_directory), str(first), str(last)]


def build_environment() -> dict[str, str]:
    """What it finds its modules with."""
    return {**os.environ, "PYTHONPATH": SOURCE_DIRECTORY}


def start_relay(state_directory: str, first: int, last: int) -> RelayProcess:
    """A new one for these ports, connected. Raises MachineError."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    environment = build_environment()
    environment.pop("NOTIFY_SOCKET", None)      # the service is we
    command = [*build_command(state_directory, first, last), str(theirs.fileno())]
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   cwd="/", env=environment, start_new_session=True, pass_fds=(theirs.fileno(),))
        return RelayProcess(ours, process.pid, process)
    except OSError as error:
        ours.close()
        raise MachineError(f"starting the media relay: {error.strerror}", error.errno or 0, 1.0) from error
    finally:
        theirs.close()
