# SPDX-License-Identifier: Apache-2.0
"""What the gate is told adds up to the ports that calls have on public addresses, whatever happens."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.rtp.relaying import LocalPort
from appliance.system.media.pinholes import Pinholes

PUBLIC, OTHER, PRIVATE = "203.0.113.5", "203.0.113.6", "192.168.1.1"
ports = st.builds(LocalPort, st.sampled_from([PUBLIC, OTHER, PRIVATE]), st.integers(10000, 10003).map(lambda n: 2 * n))
steps = st.lists(st.one_of(
    st.tuples(st.just("open"), st.sampled_from("abc"), st.tuples(ports, ports)),
    st.tuples(st.just("close"), st.sampled_from("abc")),
    st.tuples(st.just("move"), st.sampled_from("abc"), st.integers(0, 1), ports),
    st.tuples(st.just("hosts"), st.sets(st.sampled_from([PUBLIC, OTHER]))),
), max_size=20)


class Gate:
    def __init__(self):
        self.opened = []
        self.pinholes = None

    def open_port(self, host, port):
        self.opened.append((host, port))

    def close_port(self, host, port):
        self.opened.remove((host, port))

    def tell_open(self):
        self.opened = [tuple(one) for one in self.pinholes.list_open()]


@given(steps)
def test_the_gate_has_exactly_the_ports_of_calls_on_public_addresses(steps):
    gate = Gate()
    gate.pinholes = pinholes = Pinholes(gate, {PUBLIC})
    sessions, hosts = {}, {PUBLIC}
    for step in steps:
        match step:
            case ("open", name, pair) if name not in sessions and pair[0] != pair[1]:
                sessions[name] = pair
                pinholes.session_opened(name, pair)
            case ("close", name):
                sessions.pop(name, None)
                pinholes.session_closed(name)
            case ("move", name, side, port):
                if name in sessions:
                    pair = sessions[name]
                    sessions[name] = (port, pair[1]) if side == 0 else (pair[0], port)
                pinholes.side_moved(name, side, port)
            case ("hosts", wanted):
                hosts = wanted
                pinholes.set_hosts(wanted)
        expected = [tuple(port) for pair in sessions.values() for port in pair if port.host in hosts]
        assert sorted(gate.opened) == sorted(expected)
