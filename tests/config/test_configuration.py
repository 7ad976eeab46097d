# SPDX-License-Identifier: Apache-2.0
"""What the daemons get: defaults, overrides, and what is left out because it is not built."""

from ipaddress import IPv4Network

import pytest

from appliance.config.configuration import build_configuration, load_configuration
from appliance.config.reading import read_tree
from appliance.errors import MisuseError
from tests.config.office import WHOLE, load_smallest
from tests.work import assert_in_proportion, count_work

INSTRUCTIONS_AN_EXTENSION = 1700        # 1130 with Python 3.11; another version needs a few more or less


def test_everything_but_listener_and_domain_has_a_default():
    configuration = load_smallest().configuration
    assert configuration.domain == "office.test"
    assert (configuration.country, configuration.timezone) == ("jp", "Asia/Tokyo")
    assert (configuration.role, configuration.record_route) == ("b2bua", True)
    assert configuration.digest_algorithms == ("md5",)
    assert (configuration.min_expires_s, configuration.max_expires_s) == (60, 7200)
    assert configuration.media_ports == (30000, 39999)
    assert (configuration.extensions, configuration.trunks, configuration.routes) == ({}, {}, {})
    assert configuration.network_managed is False
    listener = configuration.listeners["office"]
    assert (listener.address, listener.port, listener.transports) == ("127.0.1.1", 5060, ("udp", "tcp"))
    assert (listener.side, listener.trusted) == ("private", ())


def test_every_path_of_the_language_is_read():
    result = load_configuration(WHOLE.encode(), "F")
    assert [one for one in result.findings if one.id != "not-built"] == []
    configuration = result.configuration
    assert list(configuration.listeners) == ["office", "wan", "lan"]
    assert configuration.listeners["office"].trusted == (IPv4Network("127.0.0.3/32"),)
    assert configuration.listeners["office"].certificate == "/etc/denwaban/office.pem"
    assert configuration.listeners["wan"].side == "public"
    assert configuration.listeners["wan"].transports == ("udp",)
    assert list(configuration.extensions) == ["1001", "1002", "1003"]
    assert configuration.extensions["1001"].name == "Reception desk"
    assert configuration.extensions["1001"].secret == "alpha-1001"
    assert configuration.extensions["1002"].username == "1002"
    carrier = configuration.trunks["carrier"]
    assert (carrier.listener, carrier.registrar.host, carrier.registrar.port) == ("wan", "127.0.4.9", 5060)
    assert (carrier.domain, carrier.number, carrier.username) == ("carrier.test", "05011112222", "gw-user")
    assert (carrier.dids, carrier.channels) == ((("05011112222", "1001"),), 4)
    assert (carrier.profile, carrier.is_emergency, carrier.qualify_s) == ("generic", False, 0)
    assert configuration.trunks["other"].peer == ("127.0.1.9", 5062)
    route = configuration.routes["outside"]
    assert (route.prefix, route.strip_digits, route.trunks) == ("0", 0, ("carrier", "other"))
    assert configuration.emergency == "none"
    assert configuration.network_managed is True


def test_an_extension_overrides_what_holds_for_all():
    extensions = load_configuration(WHOLE).configuration.extensions
    assert (extensions["1003"].username, extensions["1003"].digest_algorithms) == ("phone3", ("sha-256",))
    assert extensions["1001"].digest_algorithms == ("md5",)


def test_the_general_digest_algorithms_hold_in_their_order():
    lines = ("set sip digest algorithm sha-256", "set sip digest algorithm md5", "set extension 1 secret alpha-1001")
    configuration = load_smallest(*lines).configuration
    assert configuration.digest_algorithms == ("sha-256", "md5")
    assert configuration.extensions["1"].digest_algorithms == ("sha-256", "md5")


def test_calls_are_carried_as_b2bua_unless_something_else_is_said():
    lines = ("set extension 1 secret alpha-1001", "set extension 2 secret bravo-1002", "set extension 2 role proxy")
    configuration = load_smallest(*lines).configuration
    assert configuration.role == configuration.extensions["1"].role == "b2bua"
    assert configuration.extensions["2"].role == "proxy"


def test_a_transport_that_has_not_what_it_needs_is_left_out():
    lines = ("set sip listener office transport tls", "set sip listener office transport udp")
    assert load_smallest(*lines).configuration.listeners["office"].transports == ("udp",)


def test_a_trunk_has_its_own_defaults():
    trunks = load_smallest(
        "set trunk a registrar sip:Carrier.test", "set trunk a number 0501", "set trunk b peer 192.0.2.9:5060"
    ).configuration.trunks
    assert (trunks["a"].listener, trunks["a"].domain, trunks["a"].username) == ("office", "carrier.test", "0501")
    assert (trunks["a"].qualify_s, trunks["b"].qualify_s) == (60, 0)
    assert (trunks["b"].domain, trunks["b"].channels, trunks["b"].is_emergency) == ("192.0.2.9", 0, False)


def test_secrets_are_in_no_representation():
    result = load_configuration(WHOLE)
    assert "alpha-1001" not in repr(result)
    assert "gw-secret" not in repr(result)


def test_an_error_anywhere_means_no_configuration_and_findings_are_in_line_order():
    result = load_smallest("set extension 1001 name x", "set sip role wrong", "set sip listener b port 1")
    assert result.configuration is None
    assert result.has_errors()
    assert [one.line for one in result.findings] == sorted(one.line for one in result.findings)


def test_building_what_was_not_verified_is_our_own_mistake():
    with pytest.raises(MisuseError):
        build_configuration(read_tree("", []))


def test_loading_takes_work_in_proportion_to_the_extensions():
    def prepare(count):
        lines = [f'set extension u{n:05} secret secret-{n:05}\nset extension u{n:05} name "User {n}"'
                 for n in range(count)]
        return lambda: load_smallest(*lines)
    assert_in_proportion(prepare, 500)
    assert count_work(prepare(1000)) < 1000 * INSTRUCTIONS_AN_EXTENSION
