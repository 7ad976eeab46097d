# SPDX-License-Identifier: Apache-2.0
"""The units, judged by systemd's own tools without a systemd that runs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.__main__ import _build_parser
from appliance.system.sip_sockets.kept_sockets import CONNECTIONS_LIMIT
from tests.systemd.units import DAEMONS, FOLDER, PROGRAM, SERIAL, analyze, build_root, read_service, read_unit, verify

EXPOSURE_LIMIT = 2.0


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


needs_systemd = needs("systemd-analyze")


@needs_systemd
def test_systemd_finds_nothing_to_say_about_them(tmp_path):
    build_root(tmp_path)
    verified = verify(tmp_path)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


@needs_systemd
@pytest.mark.parametrize(("setting", "wrong"), [
    ("Restart=always", "Restart=sometimes"), ("WatchdogSec", "WatchDogSecs"), (PROGRAM, f"{PROGRAM}-not")])
def test_systemd_would_say_it(tmp_path, setting, wrong):
    units = build_root(tmp_path)
    unit = units / "denwaban-callserver.service"
    unit.write_text(unit.read_text().replace(setting, wrong))
    verified = verify(tmp_path)
    assert verified.returncode or verified.stderr


@needs_systemd
@pytest.mark.parametrize("daemon", [one for one in DAEMONS if one != "netd"])
def test_a_sandbox_leaves_little_exposed(daemon):
    asked = analyze("security", "--offline=yes", FOLDER / f"denwaban-{daemon}.service")
    (level,) = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", asked.stdout)
    assert float(level) <= EXPOSURE_LIMIT, asked.stdout


def test_only_netd_has_capabilities():
    for daemon in DAEMONS:
        service = read_service(daemon)
        wanted = ["CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE CAP_SYS_TIME"] if daemon == "netd" else [""]
        assert service["CapabilityBoundingSet"] == wanted
        assert service.get("AmbientCapabilities", [""]) == wanted


@pytest.mark.parametrize("daemon", DAEMONS)
def test_what_a_unit_starts_is_a_part_of_the_program(daemon):
    (command,) = read_service(daemon)["ExecStart"]
    program, part, *arguments = command.split()
    assert (program, part) == (PROGRAM, daemon)
    parsed = _build_parser().parse_args([part, *arguments])
    assert (parsed.config, parsed.state) == ("/var/lib/denwaban/config/running.conf", "/var/lib/denwaban")


@pytest.mark.parametrize("daemon", DAEMONS)
def test_every_daemon_is_watched_and_never_given_up(daemon):
    unit, service = read_unit(f"denwaban-{daemon}.service"), read_service(daemon)
    assert service["Type"] == ["notify"]
    assert service["Restart"] == ["always"]
    assert "WatchdogSec" in service
    assert unit["Unit"]["StartLimitIntervalSec"] == ["0"]
    assert unit["Unit"]["PartOf"] == unit["Install"]["WantedBy"] == ["denwaban.target"]
    assert "Requires" not in unit["Unit"]
    assert f"denwaban-{daemon}.service" in read_unit("denwaban.target")["Unit"]["Wants"][0].split()


@pytest.mark.parametrize("daemon", DAEMONS)
def test_no_daemon_leaves_its_memory_on_disk(daemon):
    """There are passwords in it; the watchdog ends a daemon by SIGABRT, which would leave a core."""
    assert read_service(daemon)["LimitCORE"] == ["0"]
    assert read_service(daemon)["UMask"] == ["0077"]


def test_they_start_in_order_and_need_nobody():
    after = {daemon: " ".join(read_unit(f"denwaban-{daemon}.service")["Unit"].get("After", [])) for daemon in DAEMONS}
    for place, daemon in enumerate(DAEMONS):
        for earlier in DAEMONS[:place]:
            assert f"denwaban-{earlier}.service" in after[daemon], daemon
        for later in DAEMONS[place:]:
            assert f"denwaban-{later}.service" not in after[daemon], daemon


def test_the_store_has_room_for_every_connection_that_is_kept_and_the_bound_sockets():
    (limit,) = read_service("callserver")["FileDescriptorStoreMax"]
    assert int(limit) >= CONNECTIONS_LIMIT + 64


@needs("systemd-sysusers")
def test_every_user_of_a_unit_is_made_and_is_in_the_group(tmp_path):
    (tmp_path / "etc").mkdir()
    shutil.copytree(FOLDER / "sysusers.d", tmp_path / "usr/lib/sysusers.d")
    done = subprocess.run(["systemd-sysusers", f"--root={tmp_path}"], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
    users = dict(line.split(":", 1) for line in (tmp_path / "etc/passwd").read_text().splitlines())
    groups = {name: rest.rpartition(":")[2].split(",")
              for name, _, rest in (line.partition(":") for line in (tmp_path / "etc/group").read_text().splitlines())}
    names = {read_service(daemon)["User"][0] for daemon in DAEMONS}
    assert len(names) == len(DAEMONS)
    for name in names:
        assert users[name].endswith("/usr/sbin/nologin")
        assert name in groups["denwaban"]
    assert users["technician"].endswith(":/usr/lib/denwaban/bin/denwaban-shell")
    assert {"technician"} <= set(groups["denwaban"]) & set(groups["denwaban-operators"])


def test_the_state_directory_is_the_groups_and_nobody_takes_away_what_is_anothers():
    lines = [line.split() for line in (FOLDER / "tmpfiles.d/denwaban.conf").read_text().splitlines() if line[0] == "d"]
    assert lines[0][1:5] == ["/var/lib/denwaban", "3770", "root", "denwaban"]
    assert lines[1][1:5] == ["/var/lib/denwaban/config", "2770", "denwaban-configd", "denwaban"]
    for daemon in DAEMONS:
        assert read_service(daemon)["ReadWritePaths"] == ["/var/lib/denwaban"]


def test_the_serial_line_asks_for_a_login_on_a_vt100_and_leaves_the_shell_to_whoever_logs_in():
    commands = read_unit(f"{SERIAL}.d/denwaban.conf")["Service"]["ExecStart"]
    assert commands[0] == ""
    assert commands[1].split()[-2:] == ["-", "vt100"]
    assert "autologin" not in commands[1]


@pytest.mark.parametrize(("arguments", "original", "expected"), [
    ([], "", "console --state /var/lib/denwaban"),                                          # login(1)
    (["-c", "show calls"], "", "console --state /var/lib/denwaban -c show calls"),          # a shell's way
    (["-c", "/usr/lib/denwaban/bin/denwaban-shell"], "", "console --state /var/lib/denwaban"),      # ForceCommand
    (["-c", "/usr/lib/denwaban/bin/denwaban-shell"], "show calls | count",
     "console --state /var/lib/denwaban -c show calls | count"),
    ([], "show calls; rm -rf /", "console --state /var/lib/denwaban -c show calls; rm -rf /"),
])
def test_a_technician_gets_the_console_and_nothing_beside_it(tmp_path, arguments, original, expected):
    program = tmp_path / "denwaban"
    program.write_text('#!/bin/sh\necho "$*"\n')
    program.chmod(0o755)
    shell = tmp_path / "denwaban-shell"
    text = (FOLDER / "bin/denwaban-shell").read_text()
    shell.write_text(text.replace(f"program={PROGRAM}\n", f"program={program}\n"))
    shell.chmod(0o755)
    environment = {"PATH": "/usr/bin:/bin"} | ({"SSH_ORIGINAL_COMMAND": original} if original else {})
    done = subprocess.run([shell, *arguments], env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert (done.stdout, done.stderr) == (expected + "\n", "")


@pytest.mark.skipif(not Path("/usr/sbin/sshd").exists(), reason="sshd is not installed")
def test_sshd_takes_its_drop_in(tmp_path):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, timeout=60)
    configuration = tmp_path / "sshd_config"
    configuration.write_text(f"HostKey {key}\nInclude {FOLDER}/sshd_config.d/denwaban.conf\n")
    done = subprocess.run(["/usr/sbin/sshd", "-t", "-f", configuration], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0 or "Missing privilege separation directory" in done.stderr, done.stderr
