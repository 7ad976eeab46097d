# SPDX-License-Identifier: Apache-2.0
"""Alarms of trunks that are down. Read from how the trunks stand, so that an alarm ends with its cause."""

from collections.abc import Callable, Iterable, Iterator

from appliance.control.alarm_writing import Cause, write_alarm
from appliance.control.observed import Alarm
from appliance.vocabulary.trunk_alarm import CALLS_BARRED, CALLS_REFUSED, NO_EMERGENCY_TRUNK, TRUNK_DOWN, WORDINGS
from appliance.vocabulary.trunk_state import TrunkState

WriteMoment = Callable[[float], str]


def list_trunk_alarms(trunks: Iterable[TrunkState], write_moment: WriteMoment) -> Iterator[Alarm]:
    """One for each trunk that is down, or lets no call out, for our credentials or at all, and one where no trunk can
    carry emergency calls any more; write_moment: of monotonic seconds. A trunk that still waits for the first answer,
    or rests as its carrier asked, needs nobody."""
    carrying = []
    for trunk in trunks:
        if _is_down(trunk):
            kind = trunk.fault.value if trunk.fault.value in WORDINGS else TRUNK_DOWN
            yield write_alarm(f"trunk_{trunk.name}", Cause(kind, trunk.name, trunk.reason), WORDINGS[kind],
                              write_moment(trunk.down_since))
        elif trunk.barred_since:
            yield write_alarm(f"trunk_{trunk.name}", Cause(CALLS_BARRED, trunk.name, trunk.last_failure),
                              WORDINGS[CALLS_BARRED], write_moment(trunk.barred_since))
        elif trunk.refusing_since:
            yield write_alarm(f"trunk_{trunk.name}", Cause(CALLS_REFUSED, trunk.name, trunk.last_failure),
                              WORDINGS[CALLS_REFUSED], write_moment(trunk.refusing_since))
        if trunk.is_emergency:
            carrying.append(trunk)
    if carrying and all(map(_is_down, carrying)):
        names = ", ".join(trunk.name for trunk in carrying)
        yield write_alarm(NO_EMERGENCY_TRUNK, Cause(NO_EMERGENCY_TRUNK, names, ""), WORDINGS[NO_EMERGENCY_TRUNK],
                          write_moment(max(trunk.down_since for trunk in carrying)))


def _is_down(trunk: TrunkState) -> bool:
    return trunk.state == "down" and trunk.down_since > 0.0     # not one that has not begun
