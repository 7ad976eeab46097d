# SPDX-License-Identifier: Apache-2.0
"""When a trial is over: within a boot by the clock nobody sets, after a reboot by the wall."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import MachineError
from appliance.system.revisions.trial import Moment, Trial, TrialFile, read_moment, write_digest

BEGAN = Moment(1_000_000.0, 500.0, "boot-1")
TRIAL = Trial("old\n", (write_digest("new\n"),), 60.0, BEGAN, "hanako")


@pytest.mark.parametrize(("now", "rest_s"), [
    (Moment(1_000_010.0, 510.0, "boot-1"), 50.0),
    (Moment(5_000_000.0, 510.0, "boot-1"), 50.0),       # somebody has set the wall clock
    (Moment(0.0, 510.0, "boot-1"), 50.0),
    (Moment(1_000_040.0, 5.0, "boot-2"), 20.0),
    (Moment(1_000_100.0, 5.0, "boot-2"), -40.0),
    (Moment(0.0, 5.0, "boot-2"), 60.0)])                # a board without a clock: never for longer than was granted
def test_how_long_it_still_takes(now, rest_s):
    assert TRIAL.find_rest_s(now) == pytest.approx(rest_s)


@given(st.floats(0, 1e10), st.floats(0, 1e9), st.sampled_from(["boot-1", "boot-2"]))
def test_it_never_takes_longer_than_was_granted(wall_s, boot_s, boot):
    if boot == BEGAN.boot and boot_s < BEGAN.boot_s:
        return
    assert TRIAL.find_rest_s(Moment(wall_s, boot_s, boot)) <= 60.0


def test_it_is_on_disk_while_it_lasts(tmp_path):
    file = TrialFile(tmp_path / "revisions")
    assert file.read() is None
    file.remove()
    file.write(TRIAL)
    assert TrialFile(tmp_path / "revisions").read() == TRIAL
    assert file.read().is_on_trial("new\n")
    assert not file.read().is_on_trial("old\n")
    file.remove()
    assert file.read() is None


@pytest.mark.parametrize("octets", [b"", b"{}", b"[]", b'{"previous":"x"}', b"\xff"])
def test_a_file_that_makes_no_sense_is_a_machine_error(tmp_path, octets):
    (tmp_path / "trial.json").write_bytes(octets)
    with pytest.raises(MachineError):
        TrialFile(tmp_path).read()


def test_now_is_on_both_clocks():
    one, two = read_moment(), read_moment()
    assert one.boot == two.boot != ""
    assert 0 <= two.boot_s - one.boot_s < 10
