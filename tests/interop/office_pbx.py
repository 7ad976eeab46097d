# SPDX-License-Identifier: Apache-2.0
"""Kamailio as the PBX of an office that had one before the gateway came: its own telephones, its own dial plan.

Everybody is a registered user with digest, the gateway too. What begins with 0 goes to the gateway's registered Contact
with the dialled number in the Request-URI; a number of the office that comes from there rings a telephone.
"""

from collections.abc import Mapping
from pathlib import Path

from tests.interop.public_carrier import HEAD, PublicCarrier, Subscriber

REALM = "pbx.test"
TEMPLATE = HEAD + """modparam("htable", "htable", "direct=>size=8;autoexpire=0;")
event_route[htable:mod-init] {{
{accounts}
}}
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); else sl_send_reply("481", "No"); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "Not here"); exit;
    }}
    t_check_trans();
    if (is_method("OPTIONS") && ($rU == $null || $rU == "")) {{ sl_send_reply("200", "OK"); exit; }}
    if (is_method("REGISTER")) {{
        if ($au == $null || !pv_www_authenticate("{realm}", "$sht(secret=>$au)", "0")) {{
            www_challenge("{realm}", "1"); exit;
        }}
        if ($sht(number=>$au) != $tU) {{ sl_send_reply("403", "Another user's number"); exit; }}
        save("location", "0x04");
        exit;
    }}
    if (!is_method("INVITE")) {{ sl_send_reply("405", "Not served"); exit; }}
    if ($au == $null || !pv_proxy_authenticate("{realm}", "$sht(secret=>$au)", "0")) {{
        proxy_challenge("{realm}", "1"); exit;
    }}
    if ($sht(number=>$au) != $fU) {{ sl_send_reply("403", "Another user's number"); exit; }}
    consume_credentials();
    remove_hf("Route");
    record_route();
    if ($fU == "{gateway}") {{
        if ($sht(direct=>$rU) == $null) {{ sl_send_reply("404", "Nobody's number"); exit; }}
        $rU = $sht(direct=>$rU);
        if (!lookup("location")) {{ sl_send_reply("480", "Not registered"); exit; }}
    }} else if ($rU =~ "^0") {{
        $var(dialled) = $rU;
        $rU = "{gateway}";
        if (!lookup("location")) {{ sl_send_reply("503", "No line"); exit; }}
        $rU = $var(dialled);
    }} else {{
        if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    }}
    t_relay();
}}
"""


class OfficePbx(PublicCarrier):
    """One kamailio in its namespace; a context manager."""

    def __init__(self, folder: Path, at: tuple[str, str], users: tuple[Subscriber, ...], gateway: Subscriber,
                 direct: Mapping[str, str]) -> None:
        """at: namespace and address; users: the telephones; gateway: the account it registers with; direct: number of
        the office -> telephone."""
        super().__init__(folder, at, (*users, gateway))
        self.write_config(TEMPLATE, (*users, gateway), tuple(
            f'    $sht(direct=>{number}) = "{user}";' for number, user in direct.items()),
            realm=REALM, gateway=gateway.number)
