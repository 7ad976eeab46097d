# SPDX-License-Identifier: Apache-2.0
"""The program `denwaban`: reads its arguments and starts the part that was asked for; imports nothing else before.

Exit codes: 0 done, 1 the machine or the server says no, 2 the command or the configuration is wrong.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from appliance.errors import MachineError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    parsed = _build_parser().parse_args(arguments)
    try:
        code: int = parsed.start(parsed)
    except MachineError as error:
        print(f"denwaban {parsed.part}: {error.operation}", file=sys.stderr)
        return 1
    return code


def _start_run(parsed: argparse.Namespace) -> NoReturn:
    from appliance.daemons.callserver import run_callserver
    if parsed.first_start_box:
        from appliance.daemons.first_start import provide_box_configuration
        provide_box_configuration(parsed.config, parsed.state)
    _leave_at_once(run_callserver(parsed.config, parsed.state, parsed.first_start))


def _start_callserver(parsed: argparse.Namespace) -> NoReturn:
    from appliance.daemons.callserver import run_callserver
    _leave_at_once(run_callserver(parsed.config, parsed.state, False, False))


def _leave_at_once(code: int) -> NoReturn:
    # everything is closed: taking apart what a busy office has in memory would only hold up who waits for our end
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _start_mediad(parsed: argparse.Namespace) -> NoReturn:
    from appliance.daemons.mediad_service import run_mediad_service
    run_mediad_service(parsed.config, parsed.state)


def _start_netd(parsed: argparse.Namespace) -> int:
    from appliance.daemons.netd import run_netd
    return run_netd(parsed.config, parsed.state, parsed.undo)


def _start_configd(parsed: argparse.Namespace) -> int:
    from appliance.daemons.configd import run_configd
    return run_configd(parsed.config, parsed.state, parsed.first_start_box)


def _start_handset(parsed: argparse.Namespace) -> int:
    from appliance.daemons.handset_waiting import run_handset_service
    return run_handset_service(parsed.config, parsed.state)


def _start_check(parsed: argparse.Namespace) -> int:
    from appliance.daemons.check_configuration import check_configuration
    return check_configuration(parsed.file)


def _start_operator_keys(parsed: argparse.Namespace) -> int:
    from appliance.daemons.operator_keys import print_operator_keys
    return print_operator_keys(parsed.config)


def _start_console(parsed: argparse.Namespace) -> int:
    from appliance.console.opening import run_console
    return run_console(parsed.state, parsed.command, parsed.json, parsed.language)


def _start_demo(parsed: argparse.Namespace) -> int:
    from appliance.daemons.demo import run_demo
    run_demo(parsed.keep)


def _start_version(_parsed: argparse.Namespace) -> int:
    from appliance.version import VERSION
    print(f"denwaban {VERSION}")
    return 0


Parts = Any
"""The object that argparse collects subcommands in; its own name for it is private."""


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="denwaban", description="The office phone system.", allow_abbrev=False)
    parts = parser.add_subparsers(dest="part", metavar="PART", required=True)
    _add_run(parts)
    _add_services(parts)
    _add_console(parts)
    _add_rest(parts)
    return parser


def _add_daemon(parts: Parts, name: str, summary: str, description: str) -> argparse.ArgumentParser:
    daemon: argparse.ArgumentParser = parts.add_parser(name, help=summary, allow_abbrev=False, description=description)
    daemon.add_argument("--config", metavar="FILE", required=True, help="the configuration, `set` lines")
    daemon.add_argument("--state", metavar="DIR", required=True, help="where all state is kept")
    return daemon


def _add_run(parts: Parts) -> None:
    run = _add_daemon(parts, "run", "run the phone system in the foreground", (
        "Runs everything in the foreground until ctrl-C or SIGTERM; prints `ready` when phones can register. "
        "SIGHUP reads FILE again."))
    run.add_argument("--first-start", action="store_true",
                     help="if there is no FILE, write a working one first and say how to register a phone")
    _add_first_start_box(run)
    run.set_defaults(start=_start_run)


def _add_first_start_box(daemon: argparse.ArgumentParser) -> None:
    daemon.add_argument("--first-start-box", action="store_true",
                        help="if there is no FILE, write a box's first one, by the interfaces it has")


def _add_services(parts: Parts) -> None:
    _add_daemon(parts, "callserver", "take calls, as a service", (
        "The call server alone; configd and netd are services beside it, and with DENWABAN_MEDIAD=service mediad as "
        "well. SIGUSR1: it leaves to be started again at once, and calls go on.")).set_defaults(start=_start_callserver)
    _add_daemon(parts, "mediad", "relay media, as a service", (
        "Relays the media of the call server of DIR, on the ports that FILE says, until SIGTERM.")).set_defaults(
            start=_start_mediad)
    netd = _add_daemon(parts, "netd", "look after the network of the host", (
        "Sets up interfaces, addresses, routes and firewall as FILE says, serves the LAN, and prints `ready`. "
        "SIGTERM ends it and leaves the network as it is. Needs root."))
    netd.add_argument("--undo", action="store_true", help="take away all that it has ever set up, and end")
    netd.set_defaults(start=_start_netd)
    configd = _add_daemon(parts, "configd", "keep the configuration, as a service", (
        "Keeps the configuration and its history, and has the other daemons of DIR take up what is committed. `run` "
        "has this inside."))
    _add_first_start_box(configd)
    _add_daemon(parts, "handset", "be the telephones at the sound card, as a service", (
        "The handsets of FILE as phones of the server on this box, waited for where there are none. `run` starts it "
        "where there are any.")).set_defaults(start=_start_handset)
    configd.set_defaults(start=_start_configd)


def _add_console(parts: Parts) -> None:
    console = parts.add_parser("console", help="ask the running phone system", allow_abbrev=False, description=(
        "A prompt on a terminal, or one command with its output. `help` lists the commands."))
    console.add_argument("--state", metavar="DIR", required=True, help="the state directory of the running server")
    console.add_argument("-c", dest="command", metavar="COMMAND", help="one command, for example 'show calls'")
    console.add_argument("--json", action="store_true", help="print results as JSON")
    console.add_argument("--language", choices=("en", "ja"), default="", help="instead of what the locale says")
    console.set_defaults(start=_start_console)


def _add_rest(parts: Parts) -> None:
    check = parts.add_parser("check", help="check a configuration", allow_abbrev=False, description=(
        "Prints every error and warning as FILE:LINE: path: what is wrong; what is allowed. Exits 2 on an error."))
    check.add_argument("file", metavar="FILE")
    check.set_defaults(start=_start_check)

    keys = parts.add_parser("operator-keys", help="the keys of operators, for sshd", allow_abbrev=False, description=(
        "Prints the public keys of `set system operator` as sshd wants them from its AuthorizedKeysCommand."))
    keys.add_argument("--config", metavar="FILE", required=True, help="the configuration, `set` lines")
    keys.set_defaults(start=_start_operator_keys)

    demo = parts.add_parser("demo", help="show the gateway's cure of NAT live", allow_abbrev=False, description=(
        "A carrier, a plain NAT, the gateway and telephones in network namespaces: behind the NAT a phone does not "
        "hear its caller, through the gateway both hear one another. Needs root and a checkout, where `make demo` "
        "installs the rest."))
    demo.add_argument("--keep", metavar="DIR", help="leave captures, recordings and logs in DIR")
    demo.set_defaults(start=_start_demo)

    version = parts.add_parser("version", help="print the version", allow_abbrev=False)
    version.set_defaults(start=_start_version)


if __name__ == "__main__":
    sys.exit(main())
