# SPDX-License-Identifier: Apache-2.0
"""`set sip`: listeners, roles, digest and the registrar."""

from __future__ import annotations

from appliance.config.leaf import Leaf, Section
from appliance.config.network_kinds import DOMAIN_NAME, LISTENER_ADDRESS, NETWORK, PORT
from appliance.config.word_kinds import BOOLEAN, NAME, PATH, choice_kind, integer_kind

ROLE_WORDS = choice_kind("b2bua", "proxy", "redirect")
DIGEST_WORDS = choice_kind("md5", "sha-256")
EXPIRES_S = integer_kind(1, 86400, "seconds")
ROLE_DEFAULT = "b2bua"

ADDRESS = Leaf(
    "sip listener <listener> address",
    LISTENER_ADDRESS,
    "The address to listen on.",
    remark="required, unless `interface` is said",
)
INTERFACE = Leaf(
    "sip listener <listener> interface",
    choice_kind("wan", "lan"),
    "Instead of an address: the one that the network of this role has, whenever it changes. Needs `network managed`.",
)
LISTENER_PORT = Leaf("sip listener <listener> port", PORT, "The port to listen on.", default=5060)
TRANSPORT = Leaf(
    "sip listener <listener> transport",
    choice_kind("udp", "tcp", "tls"),
    "What is spoken there; RFC 3261 18 wants both udp and tcp of every element.",
    is_list=True,
    defaults=("udp", "tcp"),
)
SIDE = Leaf(
    "sip listener <listener> side",
    choice_kind("private", "public"),
    "Whether the office or strangers are on this side.",
    default="private",
)
TRUSTED = Leaf(
    "sip listener <listener> trusted",
    NETWORK,
    "Requests from here are not challenged and carry the rights of their From.",
    is_list=True,
    remark="nobody",
)
TLS_PORT = Leaf(
    "sip listener <listener> tls-port",
    PORT,
    "The port for TLS.",
    remark="the port of the listener where tls is all that it speaks (5061 where none is said), else the port after it",
)
CERTIFICATE = Leaf(
    "sip listener <listener> certificate",
    PATH,
    "The certificate chain for TLS, PEM. A renewed file is taken up by itself; no connection is closed.",
)
KEY = Leaf("sip listener <listener> key", PATH, "The private key of the certificate, PEM.")
AUTHORITY = Leaf(
    "sip tls ca",
    PATH,
    "Certificates, PEM, that are trusted beside the system's when we connect to somebody over TLS.",
)
ROLE = Leaf(
    "sip role",
    ROLE_WORDS,
    "How calls between extensions are carried.",
    default=ROLE_DEFAULT,
)
RECORD_ROUTE = Leaf("sip record-route", BOOLEAN, "In the proxy role: stay in the path of every dialog.", default=True)
DIGEST_ALGORITHM = Leaf(
    "sip digest algorithm",
    DIGEST_WORDS,
    "What challenges offer, the preferred first (RFC 8760). Some phones fail when sha-256 is offered at all.",
    is_list=True,
    defaults=("md5",),
)
MIN_EXPIRES = Leaf("sip registrar min-expires", EXPIRES_S, "Shorter registrations are refused with 423.", default=60)
MAX_EXPIRES = Leaf("sip registrar max-expires", EXPIRES_S, "Longer registrations are shortened to this.", default=7200)
NEIGHBOUR_SOURCE = Leaf(
    "sip domain <domain> source",
    NETWORK,
    "From here, requests whose From is of that domain reach our extensions without a challenge.",
    is_list=True,
    remark="nowhere",
)

LISTENER_SECTION = Section(
    "sip listener <listener>",
    "Listeners",
    "Where SIP is spoken. At least one is needed; its name is free.",
    (ADDRESS, INTERFACE, LISTENER_PORT, TRANSPORT, TLS_PORT, SIDE, TRUSTED, CERTIFICATE, KEY),
    name_kind=NAME,
)
SECTION = Section(
    "sip",
    "SIP",
    "How calls are carried and who may register.",
    (ROLE, RECORD_ROUTE, DIGEST_ALGORITHM, MIN_EXPIRES, MAX_EXPIRES, AUTHORITY),
)
NEIGHBOUR_SECTION = Section(
    "sip domain <domain>",
    "Other domains",
    "Whose calls to our extensions are taken, and from where. They are never relayed to anybody else.",
    (NEIGHBOUR_SOURCE,),
    name_kind=DOMAIN_NAME,
)
