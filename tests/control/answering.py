# SPDX-License-Identifier: Apache-2.0
"""What the control socket would answer to one line, without the socket."""

from collections.abc import Iterator

from appliance.control.conversation import read_request, require_plain_words, write_answer, write_refusal
from appliance.control.observed import Observed
from appliance.control.questions import answer_question
from appliance.errors import OperatorError


def answer_line(line: bytes, observed: Observed, now: float) -> Iterator[bytes]:
    """Pieces that together are one line."""
    identity: object = None
    try:
        identity, words = read_request(line)
        result = answer_question(require_plain_words(words), observed, now)
    except OperatorError as error:
        yield write_refusal(error, identity)
        return
    yield from write_answer(identity, result)
