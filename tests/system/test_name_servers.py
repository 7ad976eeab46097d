# SPDX-License-Identifier: Apache-2.0
"""Which name servers are asked: the file that names them may be another one after a change, and may be rewritten."""

import os

from appliance.system.dns.name_servers import LOOK_AGAIN_S, NameServers, ServerAddress


def ask(servers, now):
    return [one.address.host for one in servers.in_order(now)]


def write(path, *hosts):
    """As whoever looks after the network does: another file in its place."""
    draft = path.with_suffix(".new")
    draft.write_text("".join(f"nameserver {host}\n" for host in hosts))
    os.utime(draft, ns=(0, hash(hosts) & 0xFFFFFFFF))
    draft.replace(path)


def test_the_file_of_the_network_is_followed_once_somebody_looks_after_it(tmp_path):
    machine, network = tmp_path / "machine", tmp_path / "network"
    write(machine, "192.0.2.1")
    write(network, "192.0.2.2")
    servers = NameServers((), str(machine))
    assert ask(servers, 0.0) == ["192.0.2.1"]
    servers.reconfigure((), str(network))
    assert ask(servers, 0.1) == ["192.0.2.2"]
    write(network, "192.0.2.3", "192.0.2.4")        # another lease
    assert ask(servers, LOOK_AGAIN_S + 0.2) == ["192.0.2.3", "192.0.2.4"]


def test_what_is_configured_counts_before_any_file(tmp_path):
    network = tmp_path / "network"
    write(network, "192.0.2.2")
    servers = NameServers((), str(network))
    servers.reconfigure((ServerAddress("192.0.2.9", 53),), str(network))
    assert ask(servers, 100.0) == ["192.0.2.9"]
