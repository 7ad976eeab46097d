# SPDX-License-Identifier: Apache-2.0
"""What a person is told of a side of the network that has no address, and what that person can do. Sentences that
whoever shows them may translate: {subject} is LAN or WAN, {detail} what was lent.
"""

from typing import Final

from appliance.vocabulary.alarm_wording import Wording

LEASE_UNUSABLE: Final = "network_lease_unusable"
NO_LEASE: Final = "network_no_lease"
UNPLUGGED: Final = "network_unplugged"
WORDINGS: Final = {
    LEASE_UNUSABLE: Wording(
        "the {subject} has no address: the DHCP server there lends {detail}, in the network of the other side",
        "LAN and WAN need different networks: set another network lan address, such as 192.168.77.1/24"),
    NO_LEASE: Wording(
        "the {subject} has no address: no DHCP server there lends one",
        "see whether the router or modem there works and lends addresses; else set a fixed address"),
    UNPLUGGED: Wording(
        "the {subject} has no address: nothing is plugged in there",
        "plug in the cable; see whether the device at its other end is switched on"),
}
"""By the kind of alarm."""
