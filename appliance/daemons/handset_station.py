# SPDX-License-Identifier: Apache-2.0
"""One handset with its hands: SIP socket, sound thread, pins, and the socket on which a console moves it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic

from appliance.config.configuration import Configuration
from appliance.config.handset_configuration import HandsetConfiguration
from appliance.config.handset_kinds import GpioLine
from appliance.config.kind import show_text
from appliance.control.asker import Asker
from appliance.control.conversation import Words, require_plain_words
from appliance.control.server import LineServer
from appliance.daemons.handset_alarms import Trouble, TroubleWatch
from appliance.daemons.handset_journal import HandsetJournal
from appliance.daemons.late_resolver import LateResolver
from appliance.errors import MachineError, OperatorError
from appliance.handset.account import Account, Credentials, Surroundings
from appliance.handset.dial_map import build_dial_map
from appliance.handset.direct_callers import DirectCallers
from appliance.handset.handset import Handset
from appliance.handset.hook import HookEvent, HookReader, Motion
from appliance.handset.plan import HandsetPlan
from appliance.handset.states import TALKING
from appliance.numbering.digit_map import DigitMap
from appliance.numbering.digits import normalise_digits
from appliance.sdp.origin import SESSION_ID_LIMIT
from appliance.sip.flow import UDP, Listener
from appliance.sip.stack import SipStack
from appliance.system.gpio.chips import ChipPlace
from appliance.system.gpio.kept_pins import KeptHook, KeptOutput, PinReport
from appliance.system.gpio.pins import HookPin, OutputPin, list_chips
from appliance.system.gpio.signals import HandsetSignals
from appliance.system.journal import ProcessJournal
from appliance.system.sip_sockets.port_set import PortSet
from appliance.system.sound.handset_voice import HandsetVoice
from appliance.vocabulary import handset_alarm
from appliance.vocabulary.counters import Counters

COMMANDS = ("lift", "hang-up", "flash", "press KEYS", "dial NUMBER", "show")
KEYS = frozenset("0123456789*#ABCD")      # the last four: RFC 4733 3.2, no telephone has them but a script may
LOOPBACK = "127.0.0.1"
PIN_RETRY_LOOKS = 5
TRANSACTIONS_MAX = 20_000       # some 12 MB: whoever floods a telephone does not take the box's memory with it
DEVICE_GRACE_S, REGISTRATION_GRACE_S = 3.0, 15.0     # a moment's loss is in the journal and needs nobody


class HandsetStation:
    """configuration: the whole; server: host:port of ours for its extension, "" for none. Raises MachineError where
    sockets cannot be had; without pins and card it goes on."""

    def __init__(self, one: HandsetConfiguration, configuration: Configuration, server: str, state_directory: str,
                 journal: ProcessJournal) -> None:
        self.name = one.name
        self._one = one
        self._journal = HandsetJournal(journal, one.name)
        self._watch = TroubleWatch(one.name)
        self._looks = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        counters = Counters()
        self._ports = PortSet(counters)
        address, port = one.listen or (LOOPBACK, find_free_port(LOOPBACK))
        listener = Listener(one.name, UDP, address.encode(), port)
        self._listener = listener
        self._stack = SipStack(self._ports.flow_to, os.urandom, counters, TRANSACTIONS_MAX)
        self._resolver = LateResolver(configuration, state_directory, counters, self._ports.settle)
        self._account = Account(self._stack, listener, find_credentials(one, configuration, server),
                                Surroundings(os.urandom, self._journal, self._resolver))
        self._hook = HookReader((one.flash.least_ms / 1000, one.flash.most_ms / 1000), one.has_pulse)
        self._hook_pin = self._keep_hook(one.hook, one.is_hook_active_low)
        self._hook_timer: asyncio.TimerHandle | None = None
        self._ringer = self._keep_output("ringer", one.ringer)
        self._lamp = self._keep_output("lamp", one.lamp)
        self._signals = HandsetSignals(self._ringer, self._lamp)
        self.voice = HandsetVoice(one.device, one.cancels_echo, self._signals, self._report_device, self._report_keys)
        self.voice.dscp = configuration.firewall.dscp_media
        self._signalling_dscp = configuration.firewall.dscp_signalling
        plan = HandsetPlan(address, configuration.country, build_map(configuration), draw_session_id, one.hotline,
                           one.hotline_delay_s, self._find_callers())
        self.handset = Handset(plan, self._account, self.voice, self._journal)
        self._server = LineServer(state_directory, f"handset-{one.name}.sock", self._answer)

    def _find_callers(self) -> DirectCallers | None:
        one = self._one
        return DirectCallers(self._account, one.name, one.secret, os.urandom) if one.secret else None

    async def open(self) -> None:
        """Serve from now on. Raises MachineError."""
        self._loop = asyncio.get_running_loop()
        is_open = False
        try:
            self._ports.open([self._listener], self._stack)
            self._ports.mark_datagrams(self._signalling_dscp)
            await self._server.open()
            is_open = True
        finally:
            if not is_open:
                self._give_back()
        self._ports.start(self._loop, self._stack)
        self.voice.start()
        self._account.start(monotonic())
        self._ports.settle(monotonic())
        if self._hook_pin is not None:
            self._hook_pin.retry()

    async def close(self) -> None:
        """Say goodbye, and give everything back."""
        if self._hook_timer is not None:
            self._hook_timer.cancel()
        now = monotonic()
        self.handset.stop(now)
        self._ports.settle(now)
        await asyncio.sleep(0.2)        # answers to BYE and REGISTER
        self.voice.stop()
        self._give_back()
        await self._resolver.close()
        await self._server.close()

    def _give_back(self) -> None:
        if self._hook_pin is not None:
            self._hook_pin.close()
        self._signals.close()
        self._ports.close()

    # what is wrong

    def look(self, now: float) -> list[Trouble]:
        """Once a second: what a person should know. Pins that cannot be had are tried again."""
        self._looks += 1
        if self._looks % PIN_RETRY_LOOKS == 0:
            for pin in (self._hook_pin, self._ringer, self._lamp):
                if pin is not None:
                    pin.retry()
        if self.handset.line.state is TALKING:
            self._journal.failed_emergency = ""
        return self._watch.judge(list(self._list_troubles()), now)

    def _list_troubles(self) -> Iterator[tuple[str, str, str, float]]:
        figures = self.voice.figures()
        if figures["device_trouble"]:
            yield "device", handset_alarm.DEVICE, str(figures["device_trouble"]), DEVICE_GRACE_S
        if figures["echo_trouble"]:
            yield "echo", handset_alarm.ECHO, str(figures["echo_trouble"]), 0.0
        if self._one.extension and not self._account.is_ready:
            yield "unregistered", handset_alarm.UNREGISTERED, self._describe_failure(), REGISTRATION_GRACE_S
        if self._journal.failed_emergency:
            yield "emergency", handset_alarm.EMERGENCY, self._journal.failed_emergency, 0.0
        pins = (("hook", self._hook_pin), ("ringer", self._ringer), ("lamp", self._lamp))
        for what, pin in pins:
            if pin is not None and pin.trouble:
                yield what, handset_alarm.PIN, f"{what}: {pin.trouble}", 0.0

    def _describe_failure(self) -> str:
        if not self._account.has_server:
            return "no listener of the office speaks udp, or it has no address yet"
        return f"it answers {self._account.failure}" if self._account.failure else "it does not answer"

    # pins

    def _keep_hook(self, line: GpioLine | None, is_active_low: bool) -> KeptHook | None:
        if line is None:
            return None
        place = ChipPlace(line.chip, list_chips)
        return KeptHook(partial(HookPin, place, line.line, is_active_low), self._report_pin("hook"), self._move_hook)

    def _keep_output(self, what: str, line: GpioLine | None) -> KeptOutput | None:
        if line is None:
            return None
        return KeptOutput(partial(OutputPin, ChipPlace(line.chip, list_chips), line.line), self._report_pin(what))

    def _report_pin(self, what: str) -> PinReport:
        def report(trouble: str) -> None:
            if trouble:
                self._journal.record("handset_pin_lost", pin=what, reason=trouble)
            else:
                self._journal.record("handset_pin_ready", pin=what)
        return report

    # the sound thread

    def _report_device(self, trouble: str) -> None:
        if trouble:
            self._journal.record("sound_device_lost", reason=trouble)
        else:
            self._journal.record("sound_device_open", device=self._one.device)

    def _report_keys(self, keys: str) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._press, keys)

    def _press(self, keys: str) -> None:
        now = monotonic()
        for key in keys:
            self.handset.press(key, now)
        self._ports.settle(now)

    # the hook

    def _move_hook(self, is_lifted: bool, at: float) -> None:
        self._carry_out(self._hook.change(is_lifted, at))

    def _pass_hook_deadline(self) -> None:
        self._hook_timer = None
        self._carry_out(self._hook.pass_deadline(monotonic()))

    def _carry_out(self, events: list[HookEvent]) -> None:
        now = monotonic()
        for event in events:
            if event.motion is Motion.LIFTED:
                self.handset.lift(now)
            elif event.motion is Motion.HUNG_UP:
                self.handset.hang_up(now)
            elif event.motion is Motion.FLASH:
                self.handset.flash(now)
            else:
                self.handset.press(event.digit, now)
        self._ports.settle(now)
        if self._hook_timer is not None:
            self._hook_timer.cancel()
            self._hook_timer = None
        if self._hook.deadline is not None:
            delay_s = max(0.0, self._hook.deadline - now)
            self._hook_timer = asyncio.get_running_loop().call_later(delay_s, self._pass_hook_deadline)

    # the console

    def _answer(self, words: Words, _asker: Asker) -> object:
        plain = require_plain_words(words)
        return self.describe() if plain == ["show"] else self.obey(plain)

    def obey(self, plain: list[str]) -> dict[str, object]:
        """A hand's motion; the state that it has led to. Raises OperatorError."""
        now = monotonic()
        handset, path = self.handset, f"handset {self.name}"
        moves: dict[str, Callable[[float], None]] = {"lift": handset.lift, "hang-up": handset.hang_up,
                                                     "flash": handset.flash}
        match plain:
            case [word] if word in moves:
                moves[word](now)
            case ["press", written]:
                keys = normalise_digits(written)
                if not keys or not set(keys) <= KEYS:
                    raise OperatorError(f"{path} press", f"{show_text(written)} is not on its keys",
                                        "keys: 0 to 9, *, #")
                self._press(keys)
            case ["dial", number]:
                if not handset.dial(number, now):
                    raise OperatorError(path, f"this handset is {describe_state(handset)}",
                                        "a handset on the hook, or with dial tone", "hang it up first")
            case _:
                raise OperatorError(path, f"{show_text(' '.join(plain))} is nothing that a hand does",
                                    f"one of {', '.join(COMMANDS)}")
        self._ports.settle(monotonic())
        return {"state": describe_state(handset)}

    def describe(self) -> dict[str, object]:
        """What it is doing, for people and scripts."""
        handset = self.handset
        calls = (("active", handset.line.active), ("held", handset.line.held), ("waiting", handset.line.waiting))
        return {"name": self.name, "state": describe_state(handset), "lifted": handset.line.is_lifted,
                "extension": self._one.extension, "registered": self._account.is_ready,
                "address": self._listener.hostport.decode(), "dialled": handset.line.dialled,
                "last_status": handset.line.last_status, "tone": self.voice.tone, "ringing": self.voice.is_ringing,
                "calls": {word: call.peer for word, call in calls if call is not None},
                "messages": describe_messages(handset),
                "sound": self.voice.figures()}


def describe_state(handset: Handset) -> str:
    """In words."""
    return handset.line.state.name.lower().replace("_", " ")


def describe_messages(handset: Handset) -> dict[str, object]:
    """What waits for it; watched: whether its server tells of changes."""
    waiting = handset.mailbox.waiting
    return {"waiting": waiting.is_waiting, "new": waiting.new, "old": waiting.old,
            "watched": handset.mailbox.is_watched}


def find_credentials(one: HandsetConfiguration, configuration: Configuration, server: str) -> Credentials | None:
    """The account of its extension; None without one."""
    extension = configuration.extensions.get(one.extension)
    if extension is None or not server:
        return None
    return Credentials(extension.number, configuration.domain, extension.username, extension.secret, server,
                       extension.name)


def build_map(configuration: Configuration) -> DigitMap:
    """What can be dialled in this office."""
    return build_dial_map(configuration.country, configuration.extensions,
                          [route.prefix for route in configuration.routes.values()])


def draw_session_id() -> int:
    """For o= (RFC 8866 5.2)."""
    return int.from_bytes(os.urandom(8), "big") % SESSION_ID_LIMIT


def find_free_port(address: str) -> int:
    """A UDP port that nobody has at this moment. Raises MachineError."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
            return int(probe.getsockname()[1])
    except OSError as error:
        raise MachineError(f"a port at {address}: {error.strerror}", error.errno or 0) from error
