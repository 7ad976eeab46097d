# SPDX-License-Identifier: Apache-2.0
"""What a person is told of the card that the box starts from, and what that person can do. Sentences that whoever shows
them may translate: {subject} is a slot of the card, {detail} how many errors were met.
"""

from typing import Final

from appliance.vocabulary.alarm_wording import Wording

REPAIRED: Final = "card_repaired"
FAILING: Final = "card_failing"
UNWRITABLE: Final = "card_unwritable"
UNREADABLE: Final = "card_unreadable"
SLOT_FAILED: Final = "slot_failed"
SLOT_UNPROVEN: Final = "slot_unproven"
SLOT_UNREADABLE: Final = "slot_unreadable"
SLOT_UNTRIED: Final = "slot_untried"
NEW_CARD: Final = "put in a new card, and your configuration into it"
WORDINGS: Final = {
    REPAIRED: Wording(
        "the card had errors and was repaired at the start: something may be missing",
        "see whether configuration and telephones are all there; put in a new card where it happens again"),
    FAILING: Wording(
        "the card has met errors since the start ({detail}): nothing that is set now may last",
        "switch the box off and on when nobody talks, the start repairs the card; put in a new one where it happens "
        "again"),
    UNWRITABLE: Wording(
        "the card takes no writing: what is set now is lost with the power", NEW_CARD),
    UNREADABLE: Wording(
        "the card is unreadable: the box has started with nothing, and what is set now is lost with the power",
        NEW_CARD),
    SLOT_FAILED: Wording(
        "slot {subject} of the card has failed at too many starts in a row",
        "install the system into that slot anew, or put in a new card"),
    SLOT_UNPROVEN: Wording(
        "slot {subject} of the card was tried and did not prove itself: the former one runs",
        "ask the makers about the system that was installed there"),
    SLOT_UNREADABLE: Wording(
        "slot {subject} of the card cannot be started: the other one runs",
        "install the system into that slot anew, or put in a new card"),
    SLOT_UNTRIED: Wording(
        "slot {subject} of the card was not tried, for the card takes no note", NEW_CARD),
}
"""By the kind of alarm."""
