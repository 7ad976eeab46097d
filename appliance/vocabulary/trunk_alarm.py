# SPDX-License-Identifier: Apache-2.0
"""What a person is told of a trunk that cannot be used, and what that person can do. Sentences that whoever shows them
may translate: {subject} is the trunk, {detail} what was said or noticed.
"""

from typing import Final

from appliance.vocabulary.alarm_wording import Wording
from appliance.vocabulary.trunk_state import TrunkFault

NO_EMERGENCY_TRUNK: Final = "no_emergency_trunk"
TRUNK_DOWN: Final = "trunk_down"
CALLS_BARRED: Final = "calls_barred"
CALLS_REFUSED: Final = "calls_refused"
WORDINGS: Final = {
    TRUNK_DOWN: Wording(
        "trunk {subject} is down: {detail}",
        "look at `show trunks`; ask the carrier if it stays so"),
    CALLS_BARRED: Wording(
        "calls by trunk {subject} do not go out: its carrier does not accept our user name or password ({detail})",
        "compare number, username and secret of the trunk with the carrier's letter"),
    CALLS_REFUSED: Wording(
        "calls by trunk {subject} do not go out: its carrier refuses every one ({detail})",
        "ask the carrier whether the line is barred and the account in order; `explain call N` says what it answered"),
    TrunkFault.CREDENTIALS.value: Wording(
        "trunk {subject} is down: its carrier does not accept our user name or password ({detail})",
        "compare number, username and secret of the trunk with the carrier's letter"),
    TrunkFault.REFUSED.value: Wording(
        "trunk {subject} is down: its carrier refuses to register us ({detail})",
        "compare domain, number and registrar of the trunk with the carrier's letter; ask the carrier"),
    TrunkFault.UNREACHABLE.value: Wording(
        "trunk {subject} is down: its carrier cannot be reached ({detail})",
        "see whether the line to the internet works, and whether registrar, proxy or peer of the trunk are right"),
    TrunkFault.DNS.value: Wording(
        "trunk {subject} is down: the name of its carrier cannot be looked up ({detail})",
        "look at `show dns`; see whether the name of the registrar or proxy is written as the carrier has it"),
    TrunkFault.NOT_OPEN.value: Wording(
        "trunk {subject} is down: the interface of its listener has no address",
        "look at `show interfaces`; see whether the cable and the line to the internet work"),
    NO_EMERGENCY_TRUNK: Wording(
        "emergency numbers cannot be reached: no trunk that carries emergency calls is up ({subject})",
        "mend the trunk; until then call for help by another telephone"),
}
"""By the kind of alarm."""
