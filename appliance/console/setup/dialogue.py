# SPDX-License-Identifier: Apache-2.0
"""The questions of the wizard, at most twelve up to the first call outside. A wrong answer is asked for again."""

from collections.abc import Callable

from appliance.config.kind import ValueRefused
from appliance.config.network_kinds import DOMAIN, REGISTRAR_URI, valid_domain, valid_registrar
from appliance.config.word_kinds import COUNTRY, PHONE_NUMBER, SECRET, USERNAME, integer_kind
from appliance.console.interaction import Interaction
from appliance.console.messages.catalog import LANGUAGES, say, select_language
from appliance.console.messages.said_again import say_again
from appliance.console.output import Output
from appliance.console.setup.plan import (
    NO_LINE,
    PHONES_LIMIT,
    PROFILES,
    Answers,
    Lines,
    find_host,
    is_managed,
    list_interfaces,
)

WITHOUT_SECRET = "hikari-direct"
YES, NO = ("y", "yes", "はい"), ("n", "no", "いいえ")
PHONES = integer_kind(0, PHONES_LIMIT, "telephones")


class Dialogue:
    """Asks one operator."""

    def __init__(self, interaction: Interaction, output: Output) -> None:
        self._interaction = interaction
        self._output = output

    def ask_all(self, said: Lines, language: str) -> Answers:
        """Every question that matters for this candidate. Raises KeyboardInterrupt at ctrl-C."""
        language = self.ask_choice(say("Language"), LANGUAGES, language)
        select_language(language)
        country = self.ask_value(say("Country (two letters)"), COUNTRY.read, "jp")
        is_router = None
        if is_managed(said) and len(list_interfaces(said)) > 1:
            self._explain(say("one: this box has one cable, behind a router. router: the box is the router."))
            is_router = self.ask_choice(say("Cables"), ("one", "router"), "router") == "router"
        phones = int(self.ask_value(say("How many telephones"), PHONES.read, "3"))
        answers = Answers(language, country, is_router, phones=phones)
        return self._ask_line(answers)

    def _ask_line(self, answers: Answers) -> Answers:
        self._explain(say("The outside line: jp-050 for 050 services with a password, hikari-direct for\n"
                          "NTT Hikari-denwa without its home gateway, generic for any other, or none."))
        profile = self.ask_choice(say("Outside line"), PROFILES, "jp-050" if answers.country == "jp" else "generic")
        if profile == NO_LINE:
            return answers._replace(profile=profile)
        server = self.ask_value(say("Its server (registrar), such as sip.carrier.example"), _valid_server)
        domain = username = secret = ""
        if profile == WITHOUT_SECRET:
            domain = self.ask_value(say("Its domain, such as ntt-east.ne.jp"), valid_domain, propose_domain(server))
            number = self.ask_value(say("Its number"), PHONE_NUMBER.read)
        else:
            address = self.ask_value(say("Its number, or number@domain"), valid_address)
            number, _, domain = address.partition("@")
            username = self.ask_value(say("User name"), USERNAME.read, number)
            secret = self.ask_value(say("Password"), SECRET.read, is_hidden=True)
        is_emergency = self.ask_yes(say("Does this line carry emergency calls (110, 118, 119 in Japan)"),
                                    is_proposed=profile == WITHOUT_SECRET)
        return answers._replace(profile=profile, server=server, domain=domain, number=number, username=username,
                                secret=secret, is_emergency=is_emergency)

    def _explain(self, sentence: str) -> None:
        self._output.write_prose(sentence)

    def ask_yes(self, question: str, is_proposed: bool) -> bool:
        """Yes or no."""
        proposed = say("yes" if is_proposed else "no")

        def read(text: str) -> str:
            if text.lower() not in (*YES, *NO):
                raise ValueRefused("", "yes | no")
            return text.lower()
        return self.ask_value(question, read, proposed) in YES

    def ask_choice(self, question: str, choices: tuple[str, ...], proposed: str) -> str:
        """One of a few words; a unique beginning is enough."""
        def read(text: str) -> str:
            meant = [word for word in choices if word.startswith(text.lower())]
            if text in choices or len(meant) == 1:
                return text if text in choices else meant[0]
            raise ValueRefused("", " | ".join(choices))
        return self.ask_value(f"{question} ({' | '.join(choices)})", read, proposed)

    def ask_value(self, question: str, read: Callable[[str], object], proposed: str = "",
                  is_hidden: bool = False) -> str:
        """Asks until the answer can be read; an empty answer means what is proposed."""
        shown = f" [{proposed}]" if proposed else ""
        while True:
            text = self._interaction.ask(f"{question}{shown}: ", is_hidden=is_hidden) or proposed
            try:
                return str(read(text)) if text and not is_hidden else self._read_hidden(text, read)
            except ValueRefused as refused:
                allowed = refused.allowed or _find_allowed(read)
                unknown = say("{typed} is not known here", typed=repr(text)) if text else say("unfinished")
                wrong = say_again(refused.wrong) if refused.wrong else unknown
                self._explain(f"{wrong}\n{say('allowed: {allowed}', allowed=say_again(allowed))}")

    def _read_hidden(self, text: str, read: Callable[[str], object]) -> str:
        read(text)
        return text


def _valid_server(text: str) -> str:
    """A host, with or without sip: in front."""
    prefix = "" if text.lower().startswith(("sip:", "sips:")) else "sip:"
    valid_registrar(prefix + text)
    return text


def valid_address(text: str) -> str:
    """A number, with or without the domain that the carrier has given to it."""
    number, at, domain = text.removeprefix("sip:").partition("@")
    return PHONE_NUMBER.read(number) + (f"@{valid_domain(domain)}" if at else "")


def propose_domain(server: str) -> str:
    """The server's name; of an address nobody can tell a domain."""
    host = find_host(server)
    return "" if ":" in host or host.replace(".", "").isdigit() else host


def _find_allowed(read: Callable[[str], object]) -> str:
    if read is _valid_server:
        return REGISTRAR_URI.allowed
    if read is valid_address:
        return PHONE_NUMBER.allowed
    return next((kind.allowed for kind in (COUNTRY, PHONE_NUMBER, USERNAME, SECRET, PHONES, DOMAIN)
                 if kind.read is read), "")
