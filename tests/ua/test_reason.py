# SPDX-License-Identifier: Apache-2.0
"""Reason header lines (RFC 3326) and the causes of RFC 3398, as its tables print them."""

import pytest

from appliance.native.sip_scanner import Message
from appliance.ua.reason import (
    CAUSE_OF_STATUS,
    Q850,
    SIP,
    STATUS_OF_CAUSE,
    Reason,
    cause_of_status,
    read_reasons,
    status_of_cause,
)


def bye(*lines: bytes) -> Message:
    head = (b"BYE sip:201@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
            b"To: <sip:c@d>;tag=2\r\nCall-ID: c\r\nCSeq: 2 BYE\r\n")
    return Message(head + b"".join(lines) + b"Content-Length: 0\r\n\r\n")


@pytest.mark.parametrize(("line", "reason"), [
    (b'Reason: SIP ;cause=200 ;text="Call completed elsewhere"\r\n', Reason(SIP, 200, b"Call completed elsewhere")),
    (b'Reason: Q.850 ;cause=16 ;text="Terminated"\r\n', Reason(Q850, 16, b"Terminated")),
    (b'Reason: SIP ;cause=600 ;text="Busy Everywhere"\r\n', Reason(SIP, 600, b"Busy Everywhere")),
    (b"reason: q.850;CAUSE=41\r\n", Reason(Q850, 41)),
])
def test_the_examples_of_rfc_3326_are_read(line, reason):
    assert read_reasons(bye(line)) == [reason]


def test_one_reason_a_protocol_counts_and_what_is_not_understood_is_ignored():
    message = bye(b"Reason: SIP;cause=486, Q.850;cause=17\r\n", b"Reason: SIP;cause=600\r\n",
                  b"Reason: Preemption;cause=1\r\n", b"Reason: X\r\n")
    assert read_reasons(message) == [Reason(SIP, 486), Reason(Q850, 17)]


@pytest.mark.parametrize("line", [b"Reason: SIP\r\n", b"Reason: SIP;cause=\r\n", b"Reason: SIP;cause=99\r\n",
                                  b"Reason: SIP;cause=-1\r\n", b"Reason: SIP;cause=1000000000000\r\n",
                                  b"Reason: Q.850;cause=0\r\n", b"Reason: Q.850;cause=128\r\n", b"Reason: \r\n"])
def test_causes_that_do_not_exist_are_no_reason(line):
    assert read_reasons(bye(line)) == []


def test_a_reason_that_is_written_is_read_again():
    reason = Reason(Q850, 19, b'No "answer"; at all\\')
    assert bytes(Reason(SIP, 408)) == b"Reason: SIP;cause=408\r\n"
    assert read_reasons(bye(bytes(reason))) == [reason]


@pytest.mark.parametrize(("cause", "status"), [(1, 404), (17, 486), (18, 408), (19, 480), (21, 403), (28, 484),
                                               (34, 503), (65, 488), (102, 504), (111, 500), (99, 500), (16, 0)])
def test_causes_become_the_statuses_of_7_2_4_1(cause, status):
    assert status_of_cause(cause) == status


def test_a_rejection_by_the_user_is_603():
    assert status_of_cause(21, is_by_user=True) == 603


@pytest.mark.parametrize(("status", "cause"), [(404, 1), (486, 17), (408, 102), (480, 18), (603, 21), (604, 1),
                                               (503, 41), (484, 28), (499, 31), (302, 31), (488, 31), (200, 16),
                                               (487, 16)])
def test_statuses_become_the_causes_of_8_2_6_1(status, cause):
    assert cause_of_status(status) == cause


def test_the_tables_lead_only_to_what_exists():
    assert all(400 <= status < 600 for status in STATUS_OF_CAUSE.values())
    assert all(1 <= cause <= 127 for cause in CAUSE_OF_STATUS.values())
