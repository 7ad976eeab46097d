# SPDX-License-Identifier: Apache-2.0
"""Kamailio as the SIP server of a 050 network: digest for REGISTER and INVITE, its own realm, record-routing.

A subscriber is called where the REGISTER came from; a phone behind a NAT would not even ring otherwise. That is all it
knows of NAT: it changes no Contact and no body and relays no media.
"""

import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.interop.network import wait_until

PROGRAM = shutil.which("kamailio", path="/usr/sbin:/usr/bin:/usr/local/sbin")
REALM = "carrier.test"
HEAD = """#!KAMAILIO
debug=0
log_stderror=yes
auto_aliases=no
dns=no
rev_dns=no
server_signature=no
children=2
disable_tcp=yes
alias="{realm}"
alias="{host}"
listen=udp:{host}:5060
{modules}
modparam("usrloc", "db_mode", 0)
modparam("registrar", "default_expires", 3600)
modparam("tm", "fr_timer", 5000)
modparam("tm", "fr_inv_timer", 60000)
modparam("rr", "enable_full_lr", 1)
modparam("htable", "htable", "secret=>size=8;autoexpire=0;")
modparam("htable", "htable", "number=>size=8;autoexpire=0;")
"""
"""Of one that knows accounts by user name: secret and number. Further tables, accounts and routes come behind it."""
TEMPLATE = HEAD + """modparam("htable", "htable", "source=>size=8;autoexpire=3600;")
event_route[htable:mod-init] {{
{accounts}
}}
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); else sl_send_reply("481", "No"); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ route(AIM); t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "Not here"); exit;
    }}
    t_check_trans();
    if (is_method("OPTIONS") && $rU == $null) {{ sl_send_reply("200", "OK"); exit; }}
    if (is_method("REGISTER")) {{
        if ($au == $null || !pv_www_authenticate("{realm}", "$sht(secret=>$au)", "0")) {{
            www_challenge("{realm}", "1"); exit;
        }}
        if ($sht(number=>$au) != $tU) {{ sl_send_reply("403", "Another subscriber's number"); exit; }}
        save("location", "0x04");
        $var(contact) = $(ct{{nameaddr.uri}});
        $var(port) = $(var(contact){{uri.port}});
        if ($var(port) == "") $var(port) = "5060";
        $sht(source=>$(var(contact){{uri.host}}):$var(port)) = "sip:" + $si + ":" + $sp;
        exit;
    }}
    if (!is_method("INVITE")) {{ sl_send_reply("405", "Not served"); exit; }}
    if ($au == $null || !pv_proxy_authenticate("{realm}", "$sht(secret=>$au)", "0")) {{
        proxy_challenge("{realm}", "1"); exit;
    }}
    if ($sht(number=>$au) != $fU) {{ sl_send_reply("403", "Another subscriber's number"); exit; }}
    consume_credentials();
    remove_hf("Route");
    record_route();
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    route(AIM);
    t_relay();
}}
# a registered contact is reached at the address its REGISTER came from
route[AIM] {{
    $var(port) = $rp;
    if ($var(port) == 0 || $var(port) == "") $var(port) = "5060";
    if ($sht(source=>$rd:$var(port)) != $null && $du == $null) $du = $sht(source=>$rd:$var(port));
}}
"""
MODULES = ("tm", "tmx", "sl", "rr", "pv", "maxfwd", "usrloc", "registrar", "textops", "siputils", "auth", "htable")


@dataclass(frozen=True)
class Subscriber:
    """A number that the carrier has given somebody, and the digest account that goes with it."""

    number: str
    username: str
    secret: str


class PublicCarrier:
    """One kamailio in its namespace; a context manager."""

    def __init__(self, folder: Path, at: tuple[str, str], subscribers: tuple[Subscriber, ...]) -> None:
        """at: namespace and address."""
        self.folder = folder
        self.namespace, self.host = at
        folder.mkdir(parents=True, exist_ok=True)
        self.log, self.config = folder / "log", folder / "kamailio.cfg"
        self.write_config(TEMPLATE, subscribers, realm=REALM)

    def write_config(self, template: str, subscribers: tuple[Subscriber, ...], more: tuple[str, ...] = (),
                     **values: str) -> None:
        """more: lines behind the accounts."""
        accounts = [f'    $sht(secret=>{one.username}) = "{one.secret}";\n    $sht(number=>{one.username}) = '
                    f'"{one.number}";' for one in subscribers]
        self.config.write_text(template.format(
            host=self.host, accounts="\n".join([*accounts, *more]),
            modules="\n".join(f'loadmodule "{name}.so"' for name in MODULES), **values))

    def __enter__(self) -> "PublicCarrier":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, PROGRAM or "kamailio", "-f", self.config, "-DD", "-E",
                 "-m", "32", "-Y", self.folder, "-w", self.folder], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            wait_until(self.is_listening, 15, f"kamailio on {self.host}: {self.log}")
        except BaseException:
            self.stop()
            raise
        return self

    def is_listening(self) -> bool:
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-2000:]
        table = Path(f"/proc/{self.process.pid}/net/udp").read_text()
        return any(line.split()[1].endswith(":13C4") for line in table.splitlines()[1:])

    def stop(self) -> None:
        """Its children outlive a killed parent: ask it to end."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)

    def __exit__(self, *_: object) -> None:
        self.stop()
