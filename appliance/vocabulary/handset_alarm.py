# SPDX-License-Identifier: Apache-2.0
"""What a person is told of a handset of the box, and what that person can do. Sentences that whoever shows them may
translate: {subject} is the handset, {detail} what was said or noticed.
"""

from typing import Final

from appliance.vocabulary.alarm_wording import Wording

DEVICE: Final = "handset_device"
UNREGISTERED: Final = "handset_unregistered"
ECHO: Final = "handset_echo"
EMERGENCY: Final = "handset_emergency"
PIN: Final = "handset_pin"
DOWN: Final = "handset_down"
BUG: Final = "handset_bug"
WORDINGS: Final = {
    DEVICE: Wording(
        "handset {subject} has no sound: {detail}",
        "see whether the sound card is plugged in, nothing else uses it, and `device` of the handset names it"),
    ECHO: Wording(
        "handset {subject} does not take its own echo out: {detail}",
        "install python3-cffi and libspeexdsp1, or set `echo-cancel` of the handset to false"),
    UNREGISTERED: Wording(
        "handset {subject} can neither call nor be called: the server does not know it ({detail})",
        "look at `show handset`; see whether its extension exists and a listener of the office speaks udp"),
    EMERGENCY: Wording(
        "somebody has called for help on handset {subject} and could not be connected: {detail}",
        "see who needs help; this ends with the next call that the handset makes or takes"),
    PIN: Wording(
        "handset {subject} cannot use a pin: {detail}",
        "see whether `hook`, `ringer` and `lamp` of the handset name lines of a chip that nothing else uses"),
    DOWN: Wording(
        "handset {subject} does not work: {detail}",
        "see whether `listen` of the handset is an address of this machine with a port that nothing else uses"),
    BUG: Wording(
        "a bug of ours was met and survived among the handsets: {detail}",
        "send the journal's internal_error lines to the makers"),
}
"""By the kind of alarm."""
