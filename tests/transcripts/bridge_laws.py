# SPDX-License-Identifier: Apache-2.0
"""What holds for every message of a back-to-back user agent: the laws of a user agent on each leg, and nothing of one
leg on another (RFC 7092 3.2, RFC 5853 3.1).
"""

import re
from collections.abc import Iterable

from tests.transcripts.agent_laws import check_agent_laws
from tests.transcripts.letter import Letter
from tests.transcripts.pattern import MismatchError
from tests.transcripts.phone import Phone


def check_bridge_laws(letter: Letter, receiver: Phone, phones: Iterable[Phone]) -> None:
    """Compare a message with what it answers or goes with, and with what others have said. Raises MismatchError."""
    hops = "70"
    if letter.is_request and letter.method == "INVITE" and ";tag=" not in letter.first("To"):
        # RFC 3261 16.3: one less than the caller's; what a REFER has asked for is nobody's INVITE yet (RFC 3515 2.4.2)
        hops = "70" if letter.lines("Referred-By") else "69"
    elif letter.method in ("CANCEL", "ACK") and letter.first("Max-Forwards") == "69":
        hops = "69"     # 9.1, 17.1.1.3: made out of that INVITE
    check_agent_laws(letter, receiver, phones, hops, may_fork=True)
    octets = letter.print_octets()
    for other in phones:
        if other is not receiver and letter.method != "REGISTER":    # its answer lists the bindings of all one's phones
            _check_unseen(other, receiver, letter, octets)


def _check_unseen(other: Phone, receiver: Phone, letter: Letter, octets: bytes) -> None:
    host = other.address.rpartition(":")[0]
    if re.search(rb"(?<![0-9.])" + re.escape(host.encode()) + rb"(?![0-9])", octets):
        raise MismatchError(f"{letter.start}: {receiver.name} sees the address of {other.name}")
    own = {known.first("Call-ID") for known in receiver.sent}
    for known in other.sent:
        call_id = known.first("Call-ID")
        if call_id not in own and call_id.encode() in octets:
            raise MismatchError(f"{letter.start}: {receiver.name} sees the Call-ID {call_id} of {other.name}")
