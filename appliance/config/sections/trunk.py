# SPDX-License-Identifier: Apache-2.0
"""`set trunk`: lines to carriers and to other PBXs."""

from __future__ import annotations

from appliance.config.leaf import Leaf, Section
from appliance.config.network_kinds import ADDRESS_PORT, DOMAIN, REGISTRAR_URI
from appliance.config.word_kinds import (
    BOOLEAN,
    DIAL_IN,
    NAME,
    PHONE_NUMBER,
    SECRET,
    USERNAME,
    DialIn,
    choice_kind,
    integer_kind,
)

PROFILE_WORDS = choice_kind("generic", "jp-050", "hikari-direct")
TOLL_WORDS = choice_kind("international", "premium")


def take_extension(dial_in: DialIn) -> str:
    """The extension that a `did` names."""
    return dial_in.extension


LISTENER = Leaf(
    "trunk <trunk> listener",
    NAME,
    "The listener that the trunk uses.",
    refers_to="listener",
    remark="the listener, where there is only one",
)
REGISTRAR = Leaf(
    "trunk <trunk> registrar", REGISTRAR_URI, "The carrier's registrar: the trunk registers there.", remark="none"
)
PEER = Leaf(
    "trunk <trunk> peer",
    ADDRESS_PORT,
    "Instead of a registrar: a static trunk, recognised by this address and port and never challenged.",
    remark="none",
)
PROXY = Leaf(
    "trunk <trunk> proxy",
    REGISTRAR_URI,
    "The carrier's outbound proxy: every request of the trunk goes by it.",
    remark="the registrar or peer itself",
)
CARRIER_DOMAIN = Leaf(
    "trunk <trunk> domain", DOMAIN, "The host part of our AOR at the carrier.", remark="the registrar's or peer's host"
)
NUMBER = Leaf("trunk <trunk> number", PHONE_NUMBER, "The user part of our AOR at the carrier.", remark="none")
TRUNK_USERNAME = Leaf("trunk <trunk> username", USERNAME, "The digest user name.", remark="the number")
TRUNK_SECRET = Leaf("trunk <trunk> secret", SECRET, "The digest password.", remark="none")
INBOUND_USERNAME = Leaf(
    "trunk <trunk> inbound-username",
    USERNAME,
    "The digest user name of the carrier, for calls where neither address nor Contact says that they are its own.",
    remark="none",
)
INBOUND_SECRET = Leaf("trunk <trunk> inbound-secret", SECRET, "The digest password of the same.", remark="none")
INBOUND_TRUNK = Leaf(
    "trunk <trunk> inbound trunk",
    NAME,
    "Where calls that come on this trunk go on, with the number that they called, when no `did` is for it.",
    refers_to="trunk",
    remark="nowhere: 404",
)
INBOUND_ALLOW = Leaf(
    "trunk <trunk> inbound allow",
    TOLL_WORDS,
    "What such calls may reach besides the numbers that everybody may.",
    is_list=True,
    remark="nothing else",
)
DID = Leaf(
    "trunk <trunk> did",
    DIAL_IN,
    "Which extension rings for which of the carrier's numbers.",
    is_list=True,
    refers_to="extension",
    reference=take_extension,
    remark="none",
)
CHANNELS = Leaf(
    "trunk <trunk> channels", integer_kind(1, 10000), "How many calls it carries at once.", remark="no limit"
)
PROFILE = Leaf(
    "trunk <trunk> profile",
    PROFILE_WORDS,
    "The carrier's habits. In generic, numbers go out as dialled and nothing is rewritten.",
    default="generic",
)
EMERGENCY = Leaf("trunk <trunk> emergency", BOOLEAN, "Whether it can carry emergency calls.", default=False)
QUALIFY = Leaf(
    "trunk <trunk> qualify",
    integer_kind(0, 3600, "seconds, 0 for off"),
    "The time between OPTIONS requests that ask whether the peer lives.",
    remark="0 for a static trunk, 60 for a registered one",
)

SECTION = Section(
    "trunk <trunk>",
    "Trunks",
    "Lines to carriers. Each has either a registrar or a peer.",
    (
        LISTENER,
        REGISTRAR,
        PEER,
        PROXY,
        CARRIER_DOMAIN,
        NUMBER,
        TRUNK_USERNAME,
        TRUNK_SECRET,
        INBOUND_USERNAME,
        INBOUND_SECRET,
        DID,
        INBOUND_TRUNK,
        INBOUND_ALLOW,
        CHANNELS,
        PROFILE,
        EMERGENCY,
        QUALIFY,
    ),
    name_kind=NAME,
)
