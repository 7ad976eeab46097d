# SPDX-License-Identifier: Apache-2.0
"""A small service manager with the manners of systemd: hears sd_notify(3) from its one service, holds descriptors for
it (FDSTORE=1, FDSTOREREMOVE=1, FDPOLL=0) and hands them to the next start. Independent of the appliance's code.
"""

import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.interop.server import Server

ACTIVATED = Path(__file__).parent / "activated.py"
DESCRIPTORS_A_MESSAGE = 16
CREDENTIALS = struct.Struct("3i")
ENDED = select.POLLHUP | select.POLLERR


class SmallSystemd:
    """Listens from the beginning to `close`, in a thread of its own. `states`: what it was told beside descriptors and
    when; `strangers`: how many messages came from other processes than the service (NotifyAccess=main)."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self.states: list[tuple[float, str]] = []
        self.strangers = 0
        self.main_pid = 0
        self.stored: list[tuple[str, int, bool]] = []       # name, descriptor, whether it is watched
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(self.address)
        self._socket.settimeout(0.05)
        self._is_over = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def names(self) -> list[str]:
        with self._lock:
            return [name for name, _, _ in self.stored]

    def said(self, state: str) -> list[float]:
        """When it was told that."""
        return [at for at, text in tuple(self.states) if text == state]

    def launch(self, command: list[str], **how: object) -> "subprocess.Popen[bytes]":
        """Start the service with what is stored."""
        with self._lock:
            held = [(name, os.dup(descriptor)) for name, descriptor, _ in self.stored]
        try:
            # the lock is not held while the service starts: it may tell us something at once
            names, numbers = ":".join(name for name, _ in held), ",".join(str(one) for _, one in held)
            process = subprocess.Popen([sys.executable, "-I", str(ACTIVATED), names, numbers, *map(str, command)],
                                       pass_fds=[one for _, one in held], **how)
        finally:
            for _, one in held:
                os.close(one)
        self.main_pid = process.pid
        return process

    def close(self) -> None:
        """The service is stopped: what was stored is let go."""
        self._is_over = True
        self._thread.join()
        self._socket.close()
        for _, descriptor, _ in self.stored:
            os.close(descriptor)
        self.stored.clear()

    def __enter__(self) -> "SmallSystemd":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- the thread

    def _listen(self) -> None:
        while not self._is_over:
            self._drop_ended()
            try:
                octets, ancillary, _, _ = self._socket.recvmsg(4096, 1024)
            except TimeoutError:
                continue
            descriptors, pid = [], 0
            for _, kind, data in ancillary:
                if kind == socket.SCM_RIGHTS:
                    descriptors += struct.unpack(f"{len(data) // 4}i", data)
                elif kind == socket.SCM_CREDENTIALS:
                    pid = CREDENTIALS.unpack(data)[0]
            self._hear(octets.decode(), descriptors, pid)

    def _hear(self, text: str, descriptors: list[int], pid: int) -> None:
        words = dict(line.split("=", 1) for line in text.split("\n") if line)
        if pid != self.main_pid:
            self.strangers += 1
        with self._lock:
            if words.get("FDSTORE") == "1":
                self._store(words.get("FDNAME", "stored"), descriptors, words.get("FDPOLL") != "0")
            elif words.get("FDSTOREREMOVE") == "1":
                self._remove(lambda entry: entry[0] == words["FDNAME"])
            else:
                self.states.append((time.monotonic(), text))

    def _store(self, name: str, descriptors: list[int], is_watched: bool) -> None:
        known = {os.fstat(descriptor).st_ino for _, descriptor, _ in self.stored}
        for descriptor in descriptors:
            if os.fstat(descriptor).st_ino in known:       # systemd knows the same descriptor again
                os.close(descriptor)
            else:
                self.stored.append((name, descriptor, is_watched))

    def _remove(self, is_meant) -> None:
        for entry in [entry for entry in self.stored if is_meant(entry)]:
            self.stored.remove(entry)
            os.close(entry[1])

    def _drop_ended(self) -> None:
        """EPOLLHUP and EPOLLERR end what is watched."""
        poll = select.poll()
        with self._lock:
            watched = [descriptor for _, descriptor, is_watched in self.stored if is_watched]
            for descriptor in watched:
                poll.register(descriptor, 0)
            ended = {descriptor for descriptor, mask in poll.poll(0) if mask & ENDED}
            self._remove(lambda entry: entry[1] in ended)


class ManagedServer(Server):
    """`denwaban run` as the service of a manager."""

    def __init__(self, manager: SmallSystemd, folder: Path, host: str, **more: object) -> None:
        super().__init__(folder, host, notify_socket=manager.address, **more)
        self.manager = manager

    def _launch(self, command: "list[str | Path]", **how: object) -> "subprocess.Popen[bytes]":
        return self.manager.launch([str(word) for word in command], **how)
