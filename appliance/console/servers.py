# SPDX-License-Identifier: Apache-2.0
"""The daemons that a console asks: a connection to each, opened when the first question comes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from appliance.console.messages.catalog import say
from appliance.errors import MachineError

if TYPE_CHECKING:
    from appliance.console.stream import Stream
    from appliance.control.client import ControlClient

CALLS: Final = "control.sock"
CONFIGURATION: Final = "config.sock"
NETWORK: Final = "net.sock"
HANDSETS: Final = "handset.sock"
OF_SERVICES: Final = "/var/lib/denwaban"
"""The state directory of the units, where nobody is asked to start anything by hand."""

CONFIGURING_LIMIT_S: Final = 120.0
"""A commit may take longer than a question: a network is set up, an address is waited for."""
LOOK_LIMIT_S: Final = 1.0
"""What TAB asks for must come at once or not at all."""


class Servers:
    """The connections of one operator to the sockets of one state directory."""

    def __init__(self, state_directory: str) -> None:
        self.directory = state_directory
        self._clients: dict[str, ControlClient] = {}

    def ask(self, socket_name: str, words: Sequence[object]) -> object:
        """The result of one command. Raises OperatorError when it is refused, MachineError when nobody answers; the
        next question connects anew."""
        client = self._clients.get(socket_name) or self._connect(socket_name)
        try:
            return client.ask(words)
        except MachineError:
            self.hang_up(socket_name)
            raise

    def follow(self, socket_name: str, words: Sequence[object]) -> "Stream":
        """The answers of a command that streams, on a connection of its own. Raises MachineError."""
        from appliance.console.stream import Stream
        return Stream(self._open(socket_name), words)

    def look(self, socket_name: str, words: Sequence[object]) -> object:
        """As `ask`, but None where no answer comes quickly: for completion."""
        try:
            client = self._open(socket_name, LOOK_LIMIT_S)
        except MachineError:
            return None
        try:
            return client.ask(words)
        except MachineError:
            return None
        finally:
            client.close()

    def hang_up(self, socket_name: str) -> None:
        """Close one connection, if it is open."""
        client = self._clients.pop(socket_name, None)
        if client is not None:
            client.close()

    def close(self) -> None:
        """Close every connection."""
        for socket_name in tuple(self._clients):
            self.hang_up(socket_name)

    def _connect(self, socket_name: str) -> "ControlClient":
        client = self._clients[socket_name] = self._open(socket_name)
        return client

    def _open(self, socket_name: str, limit_s: float = 0.0) -> "ControlClient":
        from appliance.control.client import TIMEOUT_S, ControlClient
        patience_s = limit_s or (TIMEOUT_S if socket_name == CALLS else CONFIGURING_LIMIT_S)
        try:
            return ControlClient(self.directory, patience_s, socket_name)
        except MachineError as error:
            raise Unreachable(socket_name, error) from error


class Unreachable(MachineError):
    """Nobody answers on a socket. socket_name: which."""

    def __init__(self, socket_name: str, error: MachineError) -> None:
        super().__init__(error.operation, error.errno)
        self.socket_name = socket_name


def explain_silence(error: MachineError, directory: str) -> str:
    """Two lines: what does not answer, and what to do."""
    import errno
    if isinstance(error, Unreachable) and error.errno in (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR):
        if error.socket_name == NETWORK:
            return say("nobody looks after the network of this machine\n"
                       "where denwaban is to do it: `set network managed true`, then `commit`")
        if error.socket_name == HANDSETS:
            return say("no handset runs on this machine\n"
                       "where one is to be: `set handset NAME device DEVICE`, then `commit`; `show log` says why")
        if directory == OF_SERVICES:
            return say("the phone system does not run yet\n"
                       "try again in half a minute; where it stays so, switch the box off and on")
        return say("denwaban is not running on the state directory {directory}\n"
                   "start it: denwaban run --config FILE --state DIR; or name the right one: --state DIR",
                   directory=directory)
    if error.errno in (errno.EACCES, errno.EPERM):
        return say("the control socket in {directory} is not for this user\n"
                   "use the console as root or as the user that denwaban runs as", directory=directory)
    return say("denwaban on {directory} does not answer: {operation}\ntry again; its journal says what it is doing",
               directory=directory, operation=error.operation)
