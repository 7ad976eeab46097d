# SPDX-License-Identifier: Apache-2.0
"""RTCP between the handset and a real telephone, which both call without any server."""

import pytest

from tests.interop.baresip import PROGRAM, Account, Baresip
from tests.interop.handset import build_porch
from tests.interop.network import wait_until
from tests.interop.server import SECRETS, Server
from tests.interop.sound import write_babble

pytestmark = [pytest.mark.ours, pytest.mark.skipif(PROGRAM is None, reason="baresip is not installed")]
alsaaudio = pytest.importorskip("alsaaudio", reason="pyalsaaudio is not installed")
REPORTS_S = 40                  # baresip reports every five seconds


def test_both_report_and_each_reads_the_other(network, tmp_path):
    voice = write_babble(tmp_path / "babble.wav", 20.0)
    with Server(tmp_path / "office", network.new_host()) as office:
        account = Account("1002", SECRETS["1002"], f"{office.host}:{office.port}")
        with (Baresip(network, tmp_path / "1002", account, voice) as phone,
              build_porch(tmp_path / "handset", network.new_host(), voice) as porch):
            phone.wait_registered()
            porch.ask("dial", f"sip:1002@{phone.host}:{phone.sip_port}")
            phone.wait("CALL_INCOMING")
            phone.answer()
            porch.wait_state("talking")

            def has_both() -> bool:
                line = porch.show()["sound"]["line"]
                return line["reports_received"] >= 2 and "round_trip_ms" in line
            wait_until(has_both, REPORTS_S, "reports both ways")
            line = porch.show()["sound"]["line"]
            assert line["reports_unreadable"] <= 2      # baresip opens its firewall by a lone APP, against 6.1
            assert 0 <= line["round_trip_ms"] < 1000
            assert line["far_lost_percent"] < 50
            assert line["opinion"] > 3.0
            porch.ask("hang-up")
            phone.wait("CALL_CLOSED")
