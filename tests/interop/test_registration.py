# SPDX-License-Identifier: Apache-2.0
"""RFC 3665 section 2 by SIPp: new registration, update, query, cancellation, failure; some of RFC 3261 section 10."""

import pytest

from tests.interop.office import clear_bindings, party
from tests.interop.raw_sip import authorize, build_request, register, transact
from tests.interop.server import SECRETS
from tests.interop.sipp import Party
from tests.interop.sipp_script import CONTACT, Script

ELSEWHERE = "<sip:[user]@192.0.2.5:5060>;q=0.1"


def registration(title: str, contact: str | None, expires_s: int | None, **checks: str) -> Script:
    """REGISTER, 401, REGISTER with credentials, 200 whose headers match `checks`."""
    script = Script(title).register(contact, expires_s).receive(401, auth="true")
    return script.register(contact, expires_s, is_authorized=True).receive(200, checks=checks)


@pytest.fixture(autouse=True)
def nobody_is_registered(server, network):
    clear_bindings(server, network, "1001")


def test_new_registration_is_challenged_and_then_listed_in_the_200(server, new_sipp):
    sipp = new_sipp(server)
    script = registration("RFC 3665 2.1", CONTACT, 300, Contact=r"expires=(300|299)")
    sipp.start(script, party("1001")).finish()
    assert f"sip:1001@{sipp.contact}" in sipp.received("SIP/2.0 200")[0]


def test_update_of_the_contact_list_keeps_both_contacts_with_their_q(server, new_sipp):
    sipp = new_sipp(server)
    sipp.start(registration("RFC 3665 2.2", f"{CONTACT}, {ELSEWHERE}", 300), party("1001")).finish()
    answer = sipp.received("SIP/2.0 200")[0]
    assert f"sip:1001@{sipp.contact}" in answer
    elsewhere = answer.split("sip:1001@192.0.2.5:5060", 1)[1].split("\n", 1)[0]
    assert "q=0.1" in elsewhere


def test_query_of_the_contact_list_changes_nothing(server, new_sipp, udp):
    register(udp, "1001", SECRETS["1001"], contact="<sip:1001@192.0.2.7>")
    first, second = new_sipp(server), new_sipp(server)
    script = registration("RFC 3665 2.3", None, None, Contact="sip:1001@192.0.2.7")
    first.start(script, party("1001")).finish()
    second.start(script, party("1001")).finish()
    assert second.received("SIP/2.0 200")[0].count("\nContact:") == 1


def test_cancellation_by_star_leaves_no_contact(server, new_sipp, udp):
    register(udp, "1001", SECRETS["1001"])
    sipp = new_sipp(server)
    sipp.start(registration("RFC 3665 2.4", "*", 0, Contact=""), party("1001")).finish()


def test_wrong_password_is_challenged_again_and_binds_nothing(server, new_sipp, udp):
    script = Script("RFC 3665 2.5").register().receive(401, auth="true").register(is_authorized=True).receive(401)
    new_sipp(server).start(script, Party("1001", "wrong")).finish()
    query = build_request(udp, "REGISTER", "sip:office.test", to="sip:1001@office.test")
    challenge = transact(udp, query)
    assert challenge is not None
    answer = transact(udp, authorize(query, challenge, "1001", SECRETS["1001"]))
    assert answer is not None
    assert answer.status == 200
    assert answer.all(b"Contact") == []


def test_registration_over_tcp(server, new_sipp):
    script = registration("REGISTER over TCP", CONTACT, 300, Contact="transport=[Tt][Cc][Pp]")
    new_sipp(server, transport="t1").start(script, party("1001")).finish()


@pytest.mark.ours
def test_too_short_an_interval_gets_423_with_the_least_allowed(server, udp):
    request = build_request(udp, "REGISTER", "sip:office.test", to="sip:1001@office.test",
                            lines=(f"Contact: <sip:1001@{udp.hostport.decode()}>", "Expires: 5"))
    challenge = transact(udp, request)
    assert challenge is not None
    answer = transact(udp, authorize(request, challenge, "1001", SECRETS["1001"]))
    assert answer is not None
    assert answer.status == 423                                    # RFC 3261 section 10.3 step 7
    assert answer.header(b"Min-Expires") == b"60"


@pytest.mark.ours
def test_a_users_credentials_do_not_bind_for_another_user(server, udp):
    request = build_request(udp, "REGISTER", "sip:office.test", to="sip:1002@office.test",
                            lines=(f"Contact: <sip:1002@{udp.hostport.decode()}>",))
    challenge = transact(udp, request)
    assert challenge is not None
    answer = transact(udp, authorize(request, challenge, "1001", SECRETS["1001"]))
    assert answer is not None
    assert answer.status == 403                                    # RFC 3261 section 10.3 step 4


@pytest.mark.ours
def test_known_and_unknown_users_are_challenged_alike(server, udp):
    def challenge(user: str) -> list[bytes]:
        request = build_request(udp, "REGISTER", "sip:office.test", user=user, to=f"sip:{user}@office.test")
        answer = transact(udp, request)
        assert answer is not None
        assert answer.status == 401
        return [name for name, _ in answer.headers]
    assert challenge("1001") == challenge("nobody-here")
