# SPDX-License-Identifier: Apache-2.0
"""`clear ban ADDRESS`: an address is let in again."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.errors import OperatorError

if TYPE_CHECKING:
    from appliance.console.session import Session


def act(session: "Session", words: list[str]) -> int:
    """Raises OperatorError for what is no address, or is not shut out."""
    from ipaddress import ip_address

    from appliance.console.servers import NETWORK
    try:
        address = str(ip_address(words[2]))
    except ValueError as error:
        said = say("{address} is no address", address=repr(words[2]))
        raise OperatorError("clear ban", said, say("an IP address")) from error
    answer = session.servers.ask(NETWORK, ["unban", address])
    if isinstance(answer, dict) and not answer.get("is_found"):
        raise OperatorError("clear ban", say("{address} is not shut out", address=address),
                            say("an address that `show bans` lists"))
    session.output.write_prose(say("{address} is let in again", address=address))
    return 0
