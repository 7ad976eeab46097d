# SPDX-License-Identifier: Apache-2.0
"""A stack that keeps what it is given, for tests of the sockets."""

import asyncio


class RecordingStack:
    """Satisfies SipReceiver; `on_datagram`, `on_message`, `on_deadline` may be replaced."""

    def __init__(self, echo=False):
        self.datagrams, self.messages, self.failed, self.fired, self.deadlines = [], [], [], [], []
        answer = (lambda data, flow, now: flow.outbox.append((data, flow))) if echo else (lambda *what: None)
        self.on_datagram = self.on_message = answer
        self.on_deadline = lambda now: None
        self.is_answerable = True

    def receive_datagram(self, data, flow, now):
        self.datagrams.append((data, flow, now))
        self.on_datagram(data, flow, now)

    def receive_message(self, data, flow, now):
        self.messages.append((data, flow, now))
        self.on_message(data, flow, now)
        return self.is_answerable

    def listener_moved(self, listener, answer_by):
        return lambda: False

    def flow_failed(self, flow, now):
        assert not flow.is_open
        self.failed.append(flow)

    def handle_deadline(self, now):
        self.fired.append(now)
        self.deadlines = [deadline for deadline in self.deadlines if deadline > now]
        self.on_deadline(now)

    def next_deadline(self):
        return min(self.deadlines, default=None)

    async def wait_for(self, is_so, limit_s=20.0):
        """Let the loop run until it is so."""
        async with asyncio.timeout(limit_s):
            while not is_so():
                await asyncio.sleep(0)
