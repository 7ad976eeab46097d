# SPDX-License-Identifier: Apache-2.0
"""The call server: builds the office, gives it hands, runs it until a signal. `denwaban run` or `denwaban callserver`.

SIGTERM, SIGINT: every call is ended, then we. SIGUSR1: we leave and come back at once; calls go on, as after a crash.
Exit codes: 0 stopped, 1 the machine says no, 2 the configuration is wrong.
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from time import monotonic

from appliance.call.keeping import CallKeeper
from appliance.call.line import Line
from appliance.call.restoring import KeptCallRestorer, Surviving
from appliance.config.configuration import Configuration
from appliance.control.configuring.part import PartPlan
from appliance.control.dns_view import describe_dns
from appliance.control.observed import TlsState
from appliance.control.office_view import Machine, OfficeView
from appliance.control.recent_events import RecentEvents
from appliance.control.route_question import RouteQuestions
from appliance.control.server import ControlServer
from appliance.control.tls_view import describe_tls
from appliance.control.told_alarms import ToldAlarms
from appliance.control.watching import Watching
from appliance.daemons.configuration_file import print_findings, read_certificates, read_configuration
from appliance.daemons.configuring import Archive, CallServerCommands, CallServerHere, Configuring, open_archive
from appliance.daemons.first_start import describe_phones, write_first_configuration
from appliance.daemons.name_server_choice import find_resolv_conf, read_name_servers
from appliance.daemons.network_side import NetworkSide
from appliance.daemons.own_bugs import NAME as BUG_NAME
from appliance.daemons.own_bugs import OwnBugs
from appliance.daemons.taking_up import Running, TakingUp, list_hosts, list_public_hosts
from appliance.diagnosis.trace import Trace
from appliance.errors import MachineError
from appliance.gateway.assembly import Gateway, GatewaySurroundings, assemble_gateway
from appliance.gateway.inbound import InboundCalls
from appliance.pbx.assembly import Office, Surroundings, assemble_office
from appliance.pbx.banning import BanWatch
from appliance.pbx.instant_message.message_row import MessageKey
from appliance.pbx.listening import build_listeners
from appliance.pbx.presence.restoring_events import EventRestorer
from appliance.pbx.restoring_calls import CallRestorer
from appliance.sip.flow import Flow
from appliance.system.card_watch import CardWatch
from appliance.system.clock import WallClock
from appliance.system.descriptor_store import open_descriptor_store
from appliance.system.dns.name_servers import NameServers
from appliance.system.dns.resolver import DnsResolver
from appliance.system.handset_keeper import HandsetKeeper
from appliance.system.journal import ProcessJournal
from appliance.system.media.relay_keeper import RelayKeeper, RelaySurroundings
from appliance.system.memory import read_resident_octets
from appliance.system.sd_notify import notify_manager
from appliance.system.secret_key import keep_secret_key
from appliance.system.sip_sockets.kept_sockets import KeptSockets
from appliance.system.sip_sockets.port_set import PortSet
from appliance.system.sip_sockets.tls import TlsSurroundings
from appliance.system.source_address import find_source_address
from appliance.system.store.binding_store import SqliteBindingStore
from appliance.system.store.call_store import SqliteCallStore
from appliance.system.store.kept_call_store import SqliteKeptCallStore
from appliance.system.store.message_store import SqliteMessageStore
from appliance.system.store.record_reader import RecordReader
from appliance.system.store.record_store import SqliteRecordStore
from appliance.system.store.subscription_store import EventStores
from appliance.system.tls_credentials import TlsCredentials
from appliance.system.watchdog import LoopWatchdog
from appliance.ua.dialog import FlowKey
from appliance.vocabulary.call_numbers import CallNumbers
from appliance.vocabulary.counters import Counters

EXIT_STOPPED, EXIT_MACHINE, EXIT_CONFIGURATION = 0, 1, 2
WALL_CHECK_S = 10.0
UNCLAIMED_S = 30.0
"""So long a socket of the last process waits for its listener, whose interface may have no address yet."""
STORES_LIMIT_S = 3.0
FAREWELL_LIMIT_S = 2.0
"""Long enough for a BYE that was lost to be said twice more (17.1.2.2)."""


def run_callserver(config_path: str, state_directory: str, is_first_start: bool, is_alone: bool = True) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. is_alone: the configuration service is in this process; else
    configd has us take configurations up."""
    os.umask(0o077)     # secrets, texts, who called whom: whatever is written is for our own user alone
    if is_first_start and not os.path.exists(config_path):
        write_first_configuration(config_path)
    archive, troubles = open_archive(config_path, state_directory) if is_alone else (None, [])
    result = read_configuration(config_path)
    print_findings(result, sys.stderr)
    if result.configuration is None:
        return EXIT_CONFIGURATION
    os.makedirs(state_directory, mode=0o700, exist_ok=True)
    if is_first_start:
        print(describe_phones(result.configuration, config_path), flush=True)
    server = CallServer(result.configuration, config_path, state_directory)
    if archive is not None:
        server.join_configuring(archive, troubles, result.configuration)
    asyncio.run(server.run())
    return EXIT_MACHINE if server.own_bugs.has_given_up else EXIT_STOPPED


class CallServer:
    """Everything of one process, joined; its state changes by signals alone."""

    def __init__(self, configuration: Configuration, config_path: str, state_directory: str) -> None:
        self._config_path = config_path
        self._state_directory = state_directory
        self._wall = WallClock()
        self._journal = ProcessJournal()
        self._trace = Trace()
        self._counters = Counters()
        self._network = NetworkSide(config_path, state_directory, self._journal)
        addresses = self._network.prepare(configuration)
        self._listeners = build_listeners(configuration, addresses)
        self._ports = PortSet(self._counters, self._trace)
        self._machine = Machine(monotonic(), self._wall.offset, read_resident_octets, self._ports.statistics)
        self._tls = TlsSurroundings(TlsCredentials(self._note_alarm, self._wall.now), self._journal, self._wall.now)
        self._ports.tls = self._tls
        self._ports.kept = KeptSockets(open_descriptor_store())
        self._machine.tls = self._describe_tls
        self._machine.card_mishaps = CardWatch().list_mishaps
        self._store = SqliteBindingStore(Path(state_directory, "bindings.sqlite"), self._note_alarm)
        self._message_store = SqliteMessageStore(Path(state_directory, "messages.sqlite"), self._note_alarm,
                                                 self._note_messages_stored)
        self._call_store = SqliteCallStore(Path(state_directory, "calls.sqlite"), self._note_alarm)
        self._kept_store = SqliteKeptCallStore(Path(state_directory, "kept_calls.sqlite"), self._note_alarm)
        self._event_stores = EventStores(state_directory, self._note_alarm)
        self._record_store = SqliteRecordStore(Path(state_directory, "records.sqlite"), self._note_alarm)
        self._machine.records = RecordReader(Path(state_directory, "records.sqlite"))
        self._call_numbers = CallNumbers()
        name_servers = NameServers(read_name_servers(configuration), find_resolv_conf(configuration, state_directory))
        self._resolver = DnsResolver(name_servers, self._counters, self._ports.settle)
        self._machine.dns = partial(describe_dns, self._resolver)
        self._media = self._prepare_media(configuration)
        self._office = self._build_office(configuration)
        self._media.relay.user = self._office.calls.watch
        self._keeper = CallKeeper(self._office.calls, self._kept_store)
        self._gateway = self._build_gateway(configuration)
        self._machine.trunks = self._gateway
        running = Running(self._office, self._gateway, self._ports, self._media, self._network.pinholes, self._resolver,
                          self._tls.credentials, self._journal, state_directory)
        self._taking_up = TakingUp(running, configuration, addresses)
        self._join_network()
        self._tls.credentials.configure(*read_certificates(configuration))
        self._configuring: Configuring | None = None    # where it is a process of its own, that tells us
        self._handsets = HandsetKeeper(config_path, state_directory, self._journal)
        self._reloading: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._is_coming_back = False
        self._watchdog = LoopWatchdog()
        self.own_bugs = OwnBugs(self._journal, self._raise_bug_alarm, self._stop.set)

    def join_configuring(self, archive: Archive, troubles: Sequence[str], configuration: Configuration) -> None:
        """Have the configuration service in this process. troubles: of its archive."""
        self._configuring = Configuring(archive, configuration, self._state_directory, self._journal)
        here = CallServerHere(self.apply_configuration, self._plan)
        self._configuring.join(here, self._note_alarm, troubles)

    def _build_office(self, configuration: Configuration) -> Office:
        surroundings = Surroundings(self._ports.flow_to, os.urandom, self._journal)
        surroundings.signing_key = keep_secret_key(os.path.join(self._state_directory, "route.key"))
        surroundings.store = self._store
        surroundings.message_store = self._message_store
        surroundings.call_store = self._call_store
        surroundings.records = self._record_store
        surroundings.call_numbers = self._call_numbers
        surroundings.subscription_store = self._event_stores.subscriptions
        surroundings.publication_store = self._event_stores.publications
        surroundings.wall_offset = self._wall.offset()
        surroundings.counters = self._counters
        surroundings.resolver = self._resolver
        surroundings.source_of = find_source_address
        surroundings.relay = self._media.relay
        return assemble_office(configuration, self._listeners, surroundings)

    def _build_gateway(self, configuration: Configuration) -> Gateway:
        """Trunks and the dial plan, joined to the call engine."""
        office = self._office
        surroundings = GatewaySurroundings(office.stack, self._listeners, self._ports.flow_to, os.urandom,
                                           office.extensions)
        surroundings.dialogs = office.line.core.dialogs
        surroundings.signing_key = keep_secret_key(os.path.join(self._state_directory, "route.key"))
        surroundings.journal = self._journal
        surroundings.resolver = self._resolver
        surroundings.peers_changed = self._network.peers_changed
        gateway = assemble_gateway(configuration, surroundings)
        office.calls.services.router = gateway.router
        gateway.readdress = office.calls.readdress
        inbound = InboundCalls(office.stack, gateway, office.calls)
        inbound.join_office(office.line)
        office.server.join_outside(inbound)
        return gateway

    def _join_network(self) -> None:
        """The network tells addresses; it is told of carriers and of whom to shut out."""
        network, office, gateway = self._network, self._office, self._gateway
        self._machine.network_faults = network.list_faults
        network.changed = self._taking_up.note_addresses
        network.gate.list_peers = gateway.list_peers
        office.authentication.watch = BanWatch(network.gate.ban, gateway.has_host, self._journal)

    def _prepare_media(self, configuration: Configuration) -> RelayKeeper:
        """Media passes by the addresses that the listeners have."""
        keeper = RelayKeeper(self._state_directory, configuration.media_ports, list_hosts(self._listeners),
                             RelaySurroundings(self._journal, self._ports.settle, self._note_alarm))
        keeper.relay.pinholes = self._network.pinholes
        self._network.pinholes.set_hosts(list_public_hosts(self._listeners))
        return keeper

    async def run(self) -> None:
        """Serve; the network goes on while anything of us does."""
        try:
            await self._serve()
        finally:
            await self._network.close(self.own_bugs.has_given_up or self._is_coming_back)

    async def _serve(self) -> None:
        """Bind, take up saved state, say ready, serve until told to stop, save."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self.own_bugs.handle)
        office = self._office
        self._ports.gauge = office.overload
        self._ports.open(self._listeners, office.stack)
        view = OfficeView(office, self._trace, self._machine)
        control = ControlServer(self._state_directory, view, monotonic)
        control.commands["watch"] = Watching(view, self._trace, monotonic, self._wall.offset).answer
        control.commands["log"] = RecentEvents(self._journal.recent).answer
        control.commands["alarms"] = ToldAlarms(self._machine.alarms, self._journal, self._write_moment).answer
        control.commands["test"] = RouteQuestions(lambda: self._taking_up.configuration, self._wall.now).answer
        if self._configuring is None:
            commands = CallServerCommands(self._taking_up.configuration, self.apply_configuration, self._plan)
            commands.add_to(control.commands)
        try:
            await control.open()        # refuses where another runs on our state directory
            self._journal.start(loop)
            self._media.open()          # it starts, or says what it has, while we restore
            self._restore()
            self._catch_signals(loop)
            await self._media.wait_present()    # who calls now waits for it rather than hear 503
            self._ports.start(loop, office.stack)
            self._watch_wall(loop)
            self._gateway.start(monotonic())
            self._ports.settle(monotonic())
            self._network.start(self._taking_up.configuration)
            self._office.calls.readdress_stranded(monotonic())
            if self._configuring is not None:
                await self._configuring.open()
            self._say_ready()
            self._want_handsets()
            self._watchdog.start(loop)
            loop.call_later(UNCLAIMED_S, self._ports.kept.drop_rest)
            await self._stop.wait()
            notify_manager("STOPPING=1")
            await self._handsets.close()
            await self._end_calls()
            await self._end_media()
        finally:
            self._media.leave()
            if self._configuring is not None:
                await self._configuring.close()
            await control.close()
            await self._resolver.close()
            self._close()

    async def _end_calls(self) -> None:
        """BYE to everyone who talks, our bindings taken away; the answers are waited for, but not for ever."""
        if self.own_bugs.has_given_up or self._is_coming_back:
            return      # started again, we take up every call
        now = monotonic()
        self._office.server.shut_down(now)
        self._gateway.stop(now)
        self._ports.settle(now)
        deadline = now + FAREWELL_LIMIT_S
        dialogs = self._office.line.core.dialogs        # of trunks as well; each leaves when its BYE is answered
        while monotonic() < deadline and not (self._gateway.has_ended and self._office.calls.is_quiet
                                              and not dialogs):
            await asyncio.sleep(0.02)
        self._office.calls.flush_records()

    async def _end_media(self) -> None:
        """No call goes on when we are ended on purpose. Who is started again takes its calls up."""
        if not self.own_bugs.has_given_up and not self._is_coming_back:
            await self._media.close()

    def _restore(self) -> None:
        find_flow = self._find_flow_again
        self._office.location.restore(self._store.load(), monotonic(), self._wall.now(), find_flow)
        self._office.messages.restore(self._message_store.load(), monotonic(), self._wall.now())
        self._call_numbers.note_taken(self._record_store.read_last_number())
        CallRestorer(self._office.dialogs, self._office.stack.timers, find_flow).restore(
            self._call_store.load(), monotonic(), self._wall.now())
        self._restore_carried()
        EventRestorer(self._office.events, find_flow).restore(
            self._event_stores.load(), monotonic(), self._wall.now())

    def _restore_carried(self) -> None:
        """The calls of the engine, before the relay says what it has: what belongs to no call is closed."""
        surviving = Surviving(self._office.line, self._find_line, self._find_flow_again, self._has_record)
        KeptCallRestorer(self._office.calls, self._keeper, surviving).restore(
            self._kept_store.load(), monotonic(), self._wall.now())

    def _find_line(self, name: str) -> Line | None:
        return self._office.line if name == self._office.line.name else self._gateway.trunks.get(name)

    def _find_flow_again(self, key: FlowKey) -> Flow | None:
        """None: the listener is gone. Most connections are gone with the process that held them."""
        name, transport, host, port = key
        listener = next((one for one in self._listeners if (one.name, one.transport) == (name, transport)), None)
        return None if listener is None else self._ports.flow_again(listener, host, port)

    def _has_record(self, number: int) -> bool:
        """Whether a call has ended for good, though the news did not reach the other file."""
        records = self._machine.records
        try:
            return records is not None and records.find(number) is not None
        except MachineError:
            return False

    def _say_ready(self) -> None:
        self._journal.record("ready", listeners=", ".join(f"{one.transport.decode().lower()}:{one.hostport.decode()}"
                                                          for one in self._listeners))
        # what exists now lives as long as the process: the collector need not look at it again
        gc.collect()
        gc.freeze()
        # calls leave no circles behind: it looks seldom, and a look at young objects holds everything for 5 ms at most
        gc.set_threshold(5_000, 200, 100)
        print("ready", flush=True)
        notify_manager("READY=1")

    def _close(self) -> None:
        now = monotonic()
        self._office.location.flush(now)
        self._office.dialogs.kept.flush()
        self._keeper.flush()
        self._office.calls.flush_records()
        for store in (self._message_store, self._store, self._call_store, self._kept_store, self._event_stores,
                      self._record_store):
            store.begin_closing()
        deadline = now + STORES_LIMIT_S  # all together: a disk that hangs must not hold us back
        if self._message_store.close(deadline - monotonic()):
            self._office.messages.note_all_stored(monotonic())
        self._ports.close()
        self._store.close(deadline - monotonic())
        self._call_store.close(deadline - monotonic())
        self._kept_store.close(deadline - monotonic())
        self._event_stores.close(deadline - monotonic())
        self._record_store.close(deadline - monotonic())
        self._journal.record("stopped")
        self._journal.close()

    def _catch_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGUSR1, self._leave_for_return)
        loop.add_signal_handler(signal.SIGHUP, self._reload)

    def _leave_for_return(self) -> None:
        """SIGUSR1: the service manager starts us again at once."""
        self._is_coming_back = True
        self._stop.set()

    def _reload(self) -> None:
        """SIGHUP: take up the file again, calls untouched; a file with an error changes nothing."""
        notify_manager("RELOADING=1")
        if self._configuring is not None:
            self._reloading = asyncio.get_running_loop().create_task(self._configuring.reload())
            self._reloading.add_done_callback(lambda _task: notify_manager("READY=1"))
            return
        result = read_configuration(self._config_path, explain_files=None)
        print_findings(result, sys.stderr)
        if result.configuration is None:
            self._journal.record("configuration_refused", file=self._config_path, errors=len(result.findings))
        else:
            try:
                self.apply_configuration(result.configuration)
            except MachineError as error:
                self._journal.record("configuration_refused", file=self._config_path, errors=0, reason=error.operation)
        notify_manager("READY=1")

    def apply_configuration(self, configuration: Configuration) -> list[str]:
        """Take up another configuration, calls untouched; what became of listeners, media and calls, a sentence each.
        Raises MachineError where the machine says no; then nothing has changed. One way for SIGHUP and commits."""
        effects = self._taking_up.apply(configuration)
        self._network.reconfigure(configuration)
        self._network.peers_changed()
        self._want_handsets()
        self._journal.record("configuration_loaded", file=self._config_path, extensions=len(configuration.extensions))
        return effects

    def _want_handsets(self) -> None:
        """Started beside us where we are the one program of the box; else they are a unit of their own."""
        if self._configuring is not None and self._taking_up.configuration.handsets:
            self._handsets.want()

    def _plan(self, configuration: Configuration) -> PartPlan:
        """What `apply_configuration` would do to the listeners, and how many calls it would end."""
        steps, notes, calls_affected = self._taking_up.foresee(configuration)
        return PartPlan(tuple(steps), tuple(notes), calls_affected)

    def _describe_tls(self) -> TlsState:
        return describe_tls(self._tls, self._listeners, self._ports.count_connections)

    def _watch_wall(self, loop: asyncio.AbstractEventLoop) -> None:
        """A stepped wall clock changes what is written to disk, never when a binding ends."""
        self._office.signer.set_hour(int(self._wall.now() // 3600))
        step_s = self._wall.detect_step()
        if step_s:
            self._journal.record("wall_clock_stepped", by_s=round(step_s, 1))
            self._office.location.set_wall_offset(self._wall.offset(), monotonic())
            self._office.dialogs.set_wall_offset(self._wall.offset(), monotonic())
            self._office.events.set_wall_offset(self._wall.offset())
            self._office.messages.set_wall_offset(self._wall.offset(), monotonic())
        self._tls.credentials.check()
        self._taking_up.release_kept()
        loop.call_later(WALL_CHECK_S, self._watch_wall, loop)

    def _note_messages_stored(self, keys: Iterable[MessageKey]) -> None:
        """These are on disk: their senders hear 202."""
        now = monotonic()
        self._office.messages.note_stored(keys, now)
        self._ports.settle(now)

    def _raise_bug_alarm(self, sentence: str) -> None:
        self._note_alarm(BUG_NAME, sentence, "send the journal's internal_error lines to the makers", True)

    def _note_alarm(self, name: str, sentence: str, remedy: str, is_raised: bool) -> None:
        self._journal.record("alarm_raised" if is_raised else "alarm_cleared", alarm=name, sentence=sentence)
        if name == "binding_store_started_anew":
            self._office.location.write_anew(monotonic())
        if name == "call_store_started_anew":
            self._office.dialogs.write_anew(monotonic())
        if name == "kept_call_store_started_anew":
            self._keeper.write_anew(monotonic())
        if name == "message_store_started_anew":
            self._office.messages.write_anew()
        if is_raised:
            self._machine.alarms[name] = {"name": name, "sentence": sentence, "remedy": remedy,
                                          "raised_at": self._write_moment(), "kind": "", "subject": "", "detail": ""}
        else:
            self._machine.alarms.pop(name, None)

    def _write_moment(self) -> str:
        return self._wall.render(monotonic())

