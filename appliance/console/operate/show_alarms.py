# SPDX-License-Identifier: Apache-2.0
"""`show alarms`: what needs a person, and what that person can do."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.messages.said_again import say_again
from appliance.console.table import clean
from appliance.vocabulary import card_alarm, handset_alarm, network_alarm, trunk_alarm

if TYPE_CHECKING:
    from appliance.control.observed import Alarm

IS_PROSE = True
WORDINGS = trunk_alarm.WORDINGS | handset_alarm.WORDINGS | network_alarm.WORDINGS | card_alarm.WORDINGS


def render(result: "list[Alarm]") -> str:
    """Two lines an alarm: what is wrong since when, what to do."""
    if not result:
        return say("no alarms") + "\n"
    return "".join(_render_alarm(alarm) for alarm in result)


def _render_alarm(alarm: "Alarm") -> str:
    sentence, remedy = say_again(alarm["sentence"]), say_again(alarm["remedy"])
    wording = WORDINGS.get(alarm.get("kind", ""))
    if wording is not None:
        sentence = say(wording.sentence, subject=alarm["subject"], detail=say_again(alarm["detail"]))
        remedy = say(wording.remedy)
    return f"{alarm['raised_at'][:19].replace('T', ' ')} UTC  {clean(sentence)}\n    {clean(remedy)}\n"
