# SPDX-License-Identifier: Apache-2.0
"""`set system`: who and where this office is."""

from __future__ import annotations

from appliance.config.leaf import Leaf, Section
from appliance.config.network_kinds import DOMAIN, NAME_SERVER
from appliance.config.ssh_kinds import SSH_KEY
from appliance.config.word_kinds import COUNTRY, NAME, TIMEZONE, choice_kind

DOMAIN_NAME = Leaf(
    "system domain",
    DOMAIN,
    "The host part of every user's address (AOR) and the digest realm. The listeners' addresses count as it too.",
    is_required=True,
)
COUNTRY_CODE = Leaf("system country", COUNTRY, "Numbering, tones, emergency numbers and holidays.", default="jp")
TIMEZONE_NAME = Leaf("system timezone", TIMEZONE, "The time zone for announcements and lists.", default="Asia/Tokyo")
LANGUAGE = Leaf(
    "system language",
    choice_kind("en", "ja"),
    "What the console speaks at a terminal where neither the locale nor --language says otherwise.",
    default="en",
)
DNS_SERVERS = Leaf(
    "system dns",
    NAME_SERVER,
    "The name servers to ask for other domains' servers (RFC 3263), in order.",
    is_list=True,
    remark="those of /etc/resolv.conf",
)
OPERATOR_KEY = Leaf(
    "system operator <operator> ssh-key",
    SSH_KEY,
    "Whoever has the private key gets the console by `ssh technician@ADDRESS`.",
    is_list=True,
    is_required=True,
)

SECTION = Section(
    "system",
    "The office",
    "Who and where this office is. The domain is the one leaf that every configuration needs.",
    (DOMAIN_NAME, COUNTRY_CODE, TIMEZONE_NAME, LANGUAGE, DNS_SERVERS),
)
OPERATOR_SECTION = Section(
    "system operator <operator>",
    "Operators",
    "Who may log in over SSH. A name is for people: they all log in as technician.",
    (OPERATOR_KEY,),
    name_kind=NAME,
)
