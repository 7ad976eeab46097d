# SPDX-License-Identifier: Apache-2.0
"""Kamailio in our server's place: proves that a scenario is right by a proxy that others have long trusted.

Chosen by DENWABAN_INTEROP_SERVER=kamailio; only what concerns plain RFC 3261 behaviour can be asked of it.
"""

import shutil
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.interop.network import is_bound, wait_until
from tests.interop.server import SECRETS, Server

PROGRAM = shutil.which("kamailio", path="/usr/sbin:/usr/bin:/usr/local/sbin")
TEMPLATE = """#!KAMAILIO
debug=0
log_stderror=yes
auto_aliases=no
dns=no
rev_dns=no
server_signature=no
children=1
tcp_children=1
alias=office.test
listen=udp:{host}:{port}
listen=tcp:{host}:{port}
{modules}
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_contacts", 10)
modparam("registrar", "default_expires", 3600)
modparam("tm", "contacts_avp", "$avp(contacts)")
modparam("tm", "contact_flows_avp", "$avp(flows)")
modparam("tm", "fr_timer", 5000)
modparam("tm", "fr_inv_timer", 30000)
modparam("rr", "enable_full_lr", 1)
modparam("tm", "local_cancel_reason", 1)
modparam("htable", "htable", "pw=>size=8;autoexpire=0;")
event_route[htable:mod-init] {{
{secrets}
}}
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    force_rport();
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); else sl_send_reply("481", "No"); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        if ({record_route} == 0) {{ t_relay(); exit; }}
        sl_send_reply("404", "Not here"); exit;
    }}
    t_check_trans();
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("$td", "$sht(pw=>$tU)", "0")) {{ www_challenge("$td", "1"); exit; }}
        save("location");
        exit;
    }}
    if (is_method("OPTIONS") && $rU == $null) {{ sl_send_reply("200", "OK"); exit; }}
    if (!pv_proxy_authenticate("$fd", "$sht(pw=>$fU)", "0")) {{ proxy_challenge("$fd", "1"); exit; }}
    consume_credentials();
    if ({record_route} == 1) record_route();
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_load_contacts();
    t_next_contacts();
    t_on_failure("NEXT");
    t_relay();
}}
failure_route[NEXT] {{
    if (!t_is_canceled() && t_next_contacts()) {{ t_on_failure("NEXT"); t_relay(); }}
}}
"""
MODULES = ("tm", "sl", "rr", "pv", "maxfwd", "usrloc", "registrar", "textops", "siputils", "auth", "htable")


class KamailioServer(Server):
    """The same face as `Server`; it has no console and no journal of ours."""

    def __init__(self, folder: Path, host: str, port: int = 5060, *, lines: Iterable[str] = (),
                 secrets: dict[str, str] = SECRETS, state: Path | None = None) -> None:
        super().__init__(folder, host, port, secrets=secrets, state=state)
        record_route = 0 if "set sip record-route false" in lines else 1
        self.config.write_text(TEMPLATE.format(
            host=host, port=port, record_route=record_route,
            modules="\n".join(f'loadmodule "{name}.so"' for name in MODULES),
            secrets="\n".join(f'    $sht(pw=>{user}) = "{secret}";' for user, secret in secrets.items())))

    def start(self, timeout_s: float = 15) -> "KamailioServer":
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen([PROGRAM or "kamailio", "-f", self.config, "-DD", "-E", "-m", "32",
                                             "-Y", self.state, "-w", self.folder], stdout=errors, stderr=errors,
                                            stdin=subprocess.DEVNULL, start_new_session=True)
        wait_until(lambda: is_bound(self.host, self.port), timeout_s, f"kamailio on {self.host}:\n{self.tail()}")
        return self

    def kill(self) -> None:
        """Kamailio's children outlive a killed parent: ask it to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)

    def stop(self, timeout_s: float = 5) -> None:
        self.kill()
