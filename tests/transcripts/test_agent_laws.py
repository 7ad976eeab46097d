# SPDX-License-Identifier: Apache-2.0
"""A user agent that does anything else than its transcript says is found out."""

from pathlib import Path

import pytest

from tests.transcripts.agent import AgentUnderTest
from tests.transcripts.notation import SERVER, read_transcript
from tests.transcripts.player import Player, PlayError
from tests.transcripts.test_player import FAULTS, Sent

FILES = [path for path in sorted(Path(__file__).parent.glob("*/*.txt")) if read_transcript(path).subject != SERVER]


class FaultyAgent(AgentUnderTest):
    """The real one, but for one of its messages."""

    def __init__(self, path: Path, victim: int, fault) -> None:
        transcript = read_transcript(path)
        super().__init__(transcript.doings, transcript.address[transcript.subject])
        self._victim = victim
        self._fault = fault
        self.count = 0

    def take_sent(self) -> Sent:
        sent: Sent = []
        for octets, address in super().take_sent():
            self.count += 1
            sent += self._fault(octets, address) if self.count == self._victim else [(octets, address)]
        return sent


def play(path: Path, victim: int = 0, fault=FAULTS["lost"]) -> int:
    """How many messages the agent has sent."""
    agent = FaultyAgent(path, victim, fault)
    Player(read_transcript(path), agent).play()
    return agent.count


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_fault_in_every_message_is_noticed(path, fault):
    unnoticed = []
    for victim in range(1, play(path) + 1):
        try:
            play(path, victim, fault)
        except PlayError:
            continue
        unnoticed.append(victim)
    assert FILES
    assert unnoticed == []
