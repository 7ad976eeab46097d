# SPDX-License-Identifier: Apache-2.0
"""What each command prints."""

from appliance.console.operate import (
    explain_call,
    show_addresses,
    show_alarms,
    show_call,
    show_calls,
    show_configuration,
    show_dns,
    show_help,
    show_ladder,
    show_messages,
    show_presence,
    show_records,
    show_registrations,
    show_statistics,
    show_subscriptions,
    show_tls,
    show_trunks,
    show_version,
    show_waiting_messages,
)
from appliance.console.table import WIDTH, measure
from appliance.diagnosis.ladder import Ladder
from tests.control.sample_office import SampleOffice, make_border_call, make_registration, make_trunk


def test_registrations_by_extension():
    office = SampleOffice()
    assert show_registrations.render([*office.registrations(0.0)][::-1]) == (
        "extension  contact                    source                 expires  user agent\n"
        "201        sip:201@192.168.1.11:5060  192.168.1.11:5060 udp  1:00:00  phone/1.0\n"
        "202        sip:202@192.168.1.11:5060  192.168.1.11:5060 udp  0:59     phone/1.0\n")


def test_nobody_registered_is_said():
    assert show_registrations.render([]) == "no phone is registered\n"
    assert show_calls.render([]) == "no calls\n"
    assert show_alarms.render([]) == "no alarms\n"


def test_calls_in_lines():
    assert show_calls.render(SampleOffice().known_calls) == (
        "call  state      caller  callee  started (UTC)        duration\n"
        "   1  ended 486  201     202     2026-11-22 11:00:00  0:00\n"
        "   2  answered   201     202     2026-11-22 11:00:00  1:05\n")


def test_one_call_with_its_legs():
    text = show_call.render(SampleOffice().known_calls[0])
    assert "state          ended 486\n" in text
    assert "Call-ID        a84b4c76e66710@192.168.1.11\n" in text
    assert text.endswith("offered to                 state    status\n"
                         "sip:202@192.168.1.12:5060  refused     486\n")


def test_a_call_through_the_border_with_both_legs_and_their_sound():
    text = show_call.render(make_border_call(7))
    assert "caller         Reception <201>\n" in text
    assert "dialled        005033334444\n" in text
    assert text.endswith(
        "leg   line     number       address            state     status  reason\n"
        "from  office   201          192.168.1.11:5060  answered     200\n"
        "to    carrier  05033334444  198.51.100.1:5060  answered     200\n"
        "\n"
        "heard of     codec  packets  sent there  lost %  jitter ms  estimate\n"
        "201          PCMU      3000        2990  0.0     1.2        4.4\n"
        "05033334444  PCMU      3000        2990  2.5     1.2        4.0\n")
    assert show_calls.render([make_border_call(7)]) == (
        "call  state     caller  callee       started (UTC)        duration  trunk\n"
        "   7  answered  201     05033334444  2026-11-22 11:00:00  1:05      carrier\n")


def test_records_in_lines():
    office = SampleOffice()
    assert show_records.render(office.known_calls[:1]) == (
        "call  started (UTC)        caller  callee  result    duration  trunk\n"
        "   1  2026-11-22 11:00:00  201     202     busy 486  0:00\n")
    assert show_records.render([]) == "no records\n"


def test_trunks_and_what_is_wrong_with_them():
    well, ill = make_trunk(), make_trunk("pbx", "down")
    ill.update(kind="static", server="", registered_until="", qualify_ms=-1.0, channels_limit=0,
               reason="no answer from 192.0.2.9:5060", last_failure="no name server answers",
               failed_at="2026-11-22T10:59:00Z")
    assert show_trunks.render([well, ill]) == (
        "trunk    state  server             number       calls  until (UTC)          ms\n"
        "carrier  up     198.51.100.1:5060  05011112222  1/4    2026-11-22 12:00:00  12\n"
        "pbx      down                      05011112222  1      static\n"
        "pbx: no answer from 192.0.2.9:5060\n"
        "pbx: last failure 2026-11-22 10:59:00 UTC: no name server answers\n")
    assert show_trunks.render([]) == "no trunk is configured\n"


def test_an_explanation_is_a_paragraph_with_its_evidence():
    explained = SampleOffice().explain_call(1, 0.0)
    assert explained is not None
    explained["remedy"] = "word " * 40
    explained["also"] = ["the line was bad"]
    text = explain_call.render(explained)
    assert text.startswith(
        "call 1: 202 is busy\n"
        "evidence\n"
        "  11:00:00.512  486 Busy Here to INVITE came from 192.0.2.1\n"
        "                nobody knows when\n"
        "remedy: word word")
    assert text.endswith("\nalso: the line was bad\n")
    assert all(len(line) <= WIDTH for line in text.splitlines())


def test_a_ladder_of_both_sides_of_the_border_fits_and_ends_with_what_was_spoken():
    names = ["201", "server office", "server wan", "carrier"]
    ladder: Ladder = {
        "participants": [{"name": name, "address": f"192.0.2.{place}:5060"} for place, name in enumerate(names)],
        "messages": SampleOffice().ladder(2)["messages"],
        "media": [{"source": "201", "target": "server office", "codec": "PCMU", "packets": 3000, "loss_percent": 0.5,
                   "jitter_ms": 1.25, "opinion": 4.4},
                  {"source": "server wan", "target": "carrier", "codec": "PCMU", "packets": 2985, "loss_percent": -1.0,
                   "jitter_ms": -1.0, "opinion": 0.0}]}
    ladder["messages"][0]["target"] = "server office"
    text = show_ladder.render(ladder)
    assert text.splitlines()[-4:] == [
        "    0.000       |-----INVITE----->|                 |                 |",
        "                |====RTP 3000====>|                 |                 |",
        "                |                 |                 |====RTP 2985====>|",
        "# 201 spoke PCMU: 3000 packets, 0.5 % lost, jitter 1.2 ms, estimate 4.4 of 4.5"]
    assert all(measure(line) <= WIDTH for line in text.splitlines())


def test_the_lines_in_which_addresses_stand():
    ladder = SampleOffice().ladder(2)
    assert ladder is not None
    ladder["messages"][0]["text"] = (
        "INVITE sip:202@office.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nMax-Forwards: 70\r\n"
        "m: <sip:201@192.0.2.1>\r\nContact: <sip:201@192.0.2.1>\r\n\r\n"
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\na=sendrecv\r\n")
    lines = show_addresses.render(ladder).splitlines()
    assert [line.strip() for line in lines if line.startswith("    ") and "|" not in line and "server" not in line] == [
        "INVITE sip:202@office.test SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1", "m: <sip:201@192.0.2.1>",
        "Contact: <sip:201@192.0.2.1>", "o=- 1 1 IN IP4 192.0.2.1", "c=IN IP4 192.0.2.1"]
    assert show_addresses.ask(["show", "call", "2", "addresses"]) == ["show", "call", "2", "ladder"]


def test_the_ladder_and_the_texts_below_it():
    ladder = SampleOffice().ladder(2)
    assert ladder is not None
    assert f"|{'INVITE'.center(54, '-')}>|" in show_ladder.render(ladder)
    assert "SIP/2.0" not in show_ladder.render(ladder)
    assert "    INVITE sip:202@office.test SIP/2.0\n" in show_messages.render(ladder)
    assert show_messages.ask(["show", "call", "2", "messages"]) == ["show", "call", "2", "ladder"]


def test_a_ladder_that_the_trace_no_longer_holds_is_said_to_be_gone():
    assert "no longer" in show_ladder.render({"participants": [], "messages": [], "media": []})


def test_statistics_name_what_was_counted():
    text = show_statistics.render(SampleOffice().statistics(3661.0))
    for line in ("running for          1:01:01", "resident memory      25.0 MiB", "  INVITE  2", "  2xx     1",
                 "  failed with 486  1", "  no start line  4", "  retransmissions received  5", "no alarms"):
        assert line in text.splitlines()


def test_alarms_say_what_to_do():
    assert show_alarms.render([{"name": "disk_full", "sentence": "the disk is full", "remedy": "delete recordings",
                                "raised_at": "2026-11-22T11:00:00Z"}]) == (
        "2026-11-22 11:00:00 UTC  the disk is full\n    delete recordings\n")


def test_version_and_help_fit_the_terminal():
    assert show_version.render({"version": "0.1.0"}) == "denwaban 0.1.0\n"
    assert all(measure(line) <= WIDTH for line in "".join(show_help.stream(list, [])).splitlines())


def test_nothing_that_a_phone_says_is_wider_than_the_terminal():
    row = make_registration("2" * 32, contact="sip:" + "x" * 300 + "@[2001:db8::1]")
    row["user_agent"] = "電話" * 60
    assert all(measure(line) <= WIDTH for line in show_registrations.render([row]).splitlines())


def test_who_watches_whom_in_lines():
    assert show_subscriptions.render(SampleOffice().subscriptions(0.0)) == (
        "extension  event   watched by  at                     expires  told\n"
        "202        dialog  201         192.168.1.11:5060 udp  50:00    yes\n")
    assert show_subscriptions.render([]) == "nobody watches anything\n"


def test_presence_in_lines():
    assert show_presence.render(SampleOffice().presence(0.0)) == (
        "extension  presence  registered  on the phone  published            note\n"
        "201        open      yes         yes\n"
        "202        closed    yes         no            away, meeting, open  back at two\n")


def test_messages_that_wait_in_lines():
    assert show_waiting_messages.render(SampleOffice().messages(0.0)) == (
        "extension  sender               received (UTC)       octets  expires\n"
        "202        sip:201@office.test  2026-11-22 11:00:00     312  7 d 00:00:00\n")
    assert show_waiting_messages.render([]) == "no message waits\n"


def test_dns_in_two_tables():
    assert show_dns.render(SampleOffice().dns(0.0)) == (
        "name server    state    answers  silences  last ms\n"
        "192.0.2.53:53  answers        4         1  12.5\n"
        "192.0.2.54:53  silent         0         2\n"
        "\n"
        "1 questions are open\n"
        "\n"
        "name                  type   answer                    seconds  used\n"
        "_sip._udp.other.test  SRV    0 0 5060 one.other.test.     3200     2\n"
        "one.other.test        A      192.0.2.7 (old)                21     2\n"
        "nowhere.test          NAPTR  absent                        290     0\n")
    assert show_dns.render({"servers": [], "questions_open": 0, "answers": []}) == (
        "no name server\n\nnothing is remembered\n")


def test_tls_in_paragraphs():
    assert show_tls.render(SampleOffice().tls(0.0)) == (
        "listener office, 192.168.1.1:5061\n"
        "  certificate  /etc/office.pem\n"
        "  names        office.test, 192.168.1.1\n"
        "  issuer       Office CA\n"
        "  valid until  2026-12-31, 39 days left\n"
        "  connections  3\n"
        "\n"
        "failed handshakes\n"
        "  2026-11-22 11:00:00 UTC  to other.test (192.0.2.7:5061), listener office\n"
        "      expired on 2026-11-01\n")


def test_no_tls_is_said():
    assert show_tls.render({"listeners": [], "failures": []}) == "no listener speaks tls\n"


def test_a_configuration_that_was_edited_by_hand_cannot_move_the_cursor():
    text = "# denwaban-config 1\nset extension 201 name 受付\t# front\n# \x1b[2J\x9b31m\u202e\rall is well"
    assert show_configuration.render(text) == (
        "# denwaban-config 1\nset extension 201 name 受付\t# front\n# ?[2J?31m??all is well\n")
    assert show_configuration.render("") == ""
