# SPDX-License-Identifier: Apache-2.0
"""`set handset`: telephones without a network plug, at the sound card and the pins of the box."""

from __future__ import annotations

from appliance.config.handset_kinds import DEVICE_NAME, FLASH_WINDOW, GPIO_LINE, TARGET, FlashWindow
from appliance.config.leaf import Leaf, Section
from appliance.config.network_kinds import ADDRESS_PORT
from appliance.config.word_kinds import BOOLEAN, NAME, SECRET, choice_kind, integer_kind

EXTENSION = Leaf(
    "handset <handset> extension",
    NAME,
    "The extension that it is. Without one it has no server, and calls addresses such as sip:desk@192.0.2.7.",
    refers_to="extension",
    remark="none",
)
LISTEN = Leaf(
    "handset <handset> listen",
    ADDRESS_PORT,
    "Where its SIP is, for callers who know no server.",
    remark="any free port of 127.0.0.1",
)
CALLERS_SECRET = Leaf(
    "handset <handset> secret",
    SECRET,
    "The digest password of who calls it at its own address; the user name and the realm are the handset's name.",
    remark="none: everybody who reaches that address may call",
)
DEVICE = Leaf("handset <handset> device", DEVICE_NAME, "The sound device, as alsa-lib knows it.", default="default")
HOOK = Leaf("handset <handset> hook", GPIO_LINE, "The line of the hook switch.",
            remark="none: lifted and hung up on the console")
ACTIVE = Leaf("handset <handset> active", choice_kind("low", "high"), "The level of the hook line while lifted.",
              default="low")
RINGER = Leaf("handset <handset> ringer", GPIO_LINE, "The line that drives the bell.", remark="none")
LAMP = Leaf("handset <handset> lamp", GPIO_LINE, "The line of the lamp: on in a call, blinking while it rings.",
            remark="none")
PULSE = Leaf("handset <handset> pulse", BOOLEAN, "Whether it has a dial that interrupts the hook line.", default=False)
FLASH = Leaf("handset <handset> flash", FLASH_WINDOW, "How long the hook is pressed for a flash, in milliseconds.",
             default=FlashWindow(300, 900))
HOTLINE = Leaf("handset <handset> hotline", TARGET, "What it calls when the receiver is lifted.", remark="none")
HOTLINE_DELAY = Leaf("handset <handset> hotline-delay", integer_kind(0, 60, "seconds"),
                     "How long the hotline waits for a digit.", default=0)
ECHO_CANCEL = Leaf("handset <handset> echo-cancel", BOOLEAN, "Whether what its earpiece sends into its microphone is "
                   "taken out.", default=True)

SECTION = Section(
    "handset <handset>",
    "Handsets",
    "Telephones at the sound card and the pins of the box.",
    (EXTENSION, LISTEN, CALLERS_SECRET, DEVICE, HOOK, ACTIVE, RINGER, LAMP, PULSE, FLASH, HOTLINE, HOTLINE_DELAY,
     ECHO_CANCEL),
    name_kind=NAME,
)
