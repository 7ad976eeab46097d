# SPDX-License-Identifier: Apache-2.0
"""From answers to `set` and `delete` lines, and a card for each telephone. Pure: secrets come from outside."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from appliance.config.network_kinds import valid_registrar
from appliance.config.printing import join_words

NO_LINE: Final = "none"
PROFILES: Final = ("generic", "jp-050", "hikari-direct", NO_LINE)
LINE: Final = "line"
FIRST_EXTENSION: Final = 1001
PHONES_LIMIT: Final = 500
ROUTER_ADDRESS: Final = "192.168.1.1"
ROUTER_RANGE: Final = "192.168.1.100-192.168.1.199"
JAPAN: Final = "jp"

Words = list[str]
Lines = Sequence[Words]
"""The words of each line of the candidate, without `set`."""


class Answers(NamedTuple):
    """What was answered. is_router: the box stands between the office and the world; server, domain, number, username,
    secret: of the outside line, as the carrier has written them; domain: "" for the server's name; phones: how many
    extensions are added."""

    language: str = "en"
    country: str = JAPAN
    is_router: bool | None = None
    profile: str = NO_LINE
    server: str = ""
    domain: str = ""
    number: str = ""
    username: str = ""
    secret: str = ""
    is_emergency: bool = False
    phones: int = 3

    def __repr__(self) -> str:
        return f"<Answers {self.profile} {self.server}>"


class Card(NamedTuple):
    """What is typed into a telephone. server: our address, "" where only DHCP knows it."""

    extension: str
    secret: str
    server: str
    domain: str

    def __repr__(self) -> str:
        return f"<Card of {self.extension}>"


class SetupPlan(NamedTuple):
    """lines: to be edited into the candidate, in this order; cards: one for each telephone that is new."""

    lines: list[str]
    cards: list[Card]


def plan_setup(answers: Answers, said: Lines, make_secret: Callable[[], str]) -> SetupPlan:
    """What the answers mean for a candidate that says so much already."""
    lines: list[Words] = [["set", "system", "language", answers.language],
                          ["set", "system", "country", answers.country]]
    if answers.is_router is not None:
        lines += plan_network(answers.is_router, said)
    extensions = choose_extensions(answers.phones, said)
    secrets = {extension: make_secret() for extension in extensions}
    lines += [["set", "extension", extension, "secret", secret] for extension, secret in secrets.items()]
    if answers.profile != NO_LINE:
        first = next(iter([*list_names("extension", said), *extensions]), "")
        lines += plan_line(answers, choose_listener(answers, said), first)
    lines += plan_emergency(answers, said)
    server, domain = find_server(answers, said), find_value(["system", "domain"], said)
    cards = [Card(extension, secret, server, domain) for extension, secret in secrets.items()]
    return SetupPlan([join_words(words) for words in lines], cards)


def plan_network(is_router: bool, said: Lines) -> list[Words]:
    """One cable: every interface is the LAN, which has its router. Else the first interface is the WAN."""
    interfaces = list_interfaces(said)
    lines: list[Words] = []
    for index, name in enumerate(interfaces):
        role = "wan" if is_router and index == 0 and len(interfaces) > 1 else "lan"
        lines.append(["set", "network", "interface", name, "role", role])
    dhcp = [one for one in said if one[:2] == ["network", "dhcp"]]
    if is_router and len(interfaces) > 1:
        lines.append(["set", "network", "lan", "address", f"{ROUTER_ADDRESS}/24"])
        lines.append(["set", "network", "dhcp", "range", ROUTER_RANGE])
        lines.append(["set", "sip", "listener", "wan", "interface", "wan"])
        lines.append(["set", "sip", "listener", "wan", "side", "public"])
        return lines
    if dhcp:
        lines.append(["delete", "network", "dhcp"])
    if any(one[:2] == ["network", "wan"] for one in said):
        lines.append(["delete", "network", "wan"])
    if "wan" in list_names("sip listener", said):
        lines.append(["delete", "sip", "listener", "wan"])
    lines.append(["set", "network", "lan", "address", "dhcp"])
    return lines


def plan_line(answers: Answers, listener: str, extension: str) -> list[Words]:
    """The trunk, and the routes to it."""
    trunk = ["set", "trunk", LINE]
    scheme = "" if answers.server.lower().startswith(("sip:", "sips:")) else "sip:"
    lines = [[*trunk, "profile", answers.profile], [*trunk, "registrar", scheme + answers.server],
             [*trunk, "number", answers.number]]
    if answers.domain and answers.domain != find_host(answers.server):
        lines.append([*trunk, "domain", answers.domain])
    if listener:
        lines.append([*trunk, "listener", listener])
    if answers.username and answers.username != answers.number:
        lines.append([*trunk, "username", answers.username])
    if answers.secret:
        lines.append([*trunk, "secret", answers.secret])
    if extension:
        lines.append([*trunk, "did", answers.number, "to", extension])
    if answers.is_emergency:
        lines.append([*trunk, "emergency", "true"])
    for name, prefix in list_prefixes(answers.country):
        lines += [["set", "route", name, "prefix", prefix], ["set", "route", name, "trunk", LINE]]
    return lines


def find_host(server: str) -> str:
    """The host of a server, which may be a URI or have a port."""
    return valid_registrar(server if server.lower().startswith(("sip:", "sips:")) else f"sip:{server}").host


def list_prefixes(country: str) -> list[tuple[str, str]]:
    """Name and prefix of the routes. In Japan numbers begin with 0 and services with 1; elsewhere with any digit.
    Extensions come before routes, so nothing inside is taken away."""
    if country == JAPAN:
        return [("outside", "0"), ("services", "1")]
    return [(f"outside{digit}", str(digit)) for digit in range(10)]


def plan_emergency(answers: Answers, said: Lines) -> list[Words]:
    """A configuration without a way to the emergency services says that this is meant."""
    carries = answers.profile != NO_LINE and answers.is_emergency
    carried = any(one[:1] == ["trunk"] and one[2:] == ["emergency", "true"] for one in said)
    is_waived = ["emergency", "none"] in said
    if carries or carried:
        return [["delete", "emergency"]] if is_waived else []
    return [] if is_waived else [["set", "emergency", "none"]]


def choose_extensions(count: int, said: Lines) -> list[str]:
    """Numbers that are free, from 1001 on."""
    taken = set(list_names("extension", said))
    free = (str(number) for number in range(FIRST_EXTENSION, FIRST_EXTENSION + count + len(taken)))
    return [extension for extension in free if extension not in taken][:count]


def choose_listener(answers: Answers, said: Lines) -> str:
    """Where the trunk goes by: the WAN's where there is one, "" where there is only one listener."""
    names = list_names("sip listener", said)
    if answers.is_router and len(list_interfaces(said)) > 1:
        return "wan"
    if answers.is_router is False:
        names = [name for name in names if name != "wan"]
    public = [name for name in names if ["sip", "listener", name, "side", "public"] in said]
    return (public or names)[0] if len(names) > 1 else ""


def find_server(answers: Answers, said: Lines) -> str:
    """Where telephones find us: the address of a private listener, or ours on the LAN; "" where only DHCP knows."""
    if answers.is_router and len(list_interfaces(said)) > 1:
        return ROUTER_ADDRESS
    for name in list_names("sip listener", said):
        address = find_value(["sip", "listener", name, "address"], said)
        if address and ["sip", "listener", name, "side", "public"] not in said:
            return address
    lan = "dhcp" if answers.is_router is False else find_value(["network", "lan", "address"], said)
    return "" if lan in ("", "dhcp") else lan.partition("/")[0]


def list_interfaces(said: Lines) -> list[str]:
    """The network interfaces that the candidate names, the WAN's first."""
    names = list_names("network interface", said)
    return sorted(names, key=lambda name: ["network", "interface", name, "role", "wan"] not in said)


def is_managed(said: Lines) -> bool:
    """Whether the network is ours to set up."""
    return ["network", "managed", "true"] in said


def list_names(path: str, said: Lines) -> list[str]:
    """The names behind a path, in their order."""
    front = path.split()
    return list(dict.fromkeys(one[len(front)] for one in said
                              if one[:len(front)] == front and len(one) > len(front) + 1))


def find_value(path: Words, said: Lines) -> str:
    """What is said for a path, "" for nothing."""
    return next((one[-1] for one in said if one[:-1] == path), "")
