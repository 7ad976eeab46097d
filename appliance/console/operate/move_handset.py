# SPDX-License-Identifier: Apache-2.0
"""`handset NAME lift | hang-up | flash | press KEYS | dial NUMBER`: a handset is moved as a hand would."""

from typing import TYPE_CHECKING, Any, cast

from appliance.console.table import clean

if TYPE_CHECKING:
    from appliance.console.session import Session


def act(session: "Session", words: list[str]) -> int:
    """Says the state that it has led to. Raises OperatorError where it leads to none."""
    from appliance.console.servers import HANDSETS
    answer = cast("dict[str, Any]", session.servers.ask(HANDSETS, words))
    session.output.write(f"{clean(answer['name'])}: {clean(answer['state'])}\n")
    return 0
