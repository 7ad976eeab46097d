# SPDX-License-Identifier: Apache-2.0
"""What the technician types: an empty box becomes the office's router and its phone system; later a mistake."""

from tests.box.place import CARRIER_NAME
from tests.demo.place import OFFICE_LINE
from tests.interop.public_carrier import REALM

DOMAIN = "office.test"
LAN_ADDRESS = "192.168.1.1"
LAN_POOL = ("192.168.1.100", "192.168.1.150")
DESK, DESK_SECRET = "201", "desk-secret-201"
EMPTY = """# denwaban-config 1
set system domain office.home.arpa
set sip listener office address 127.0.0.1
"""
"""What a configuration cannot be without; nothing of it has an address."""
NETWORK = (
    "set network managed true",
    "set network interface eth0 role wan",
    "set network interface eth1 role lan",
    "set network wan address dhcp",
    f"set network lan address {LAN_ADDRESS}/24",
    f"set network dhcp range {'-'.join(LAN_POOL)}",
)
TELEPHONES = (
    f"set system domain {DOMAIN}",
    "delete sip listener office address",
    "set sip listener office interface lan",
    "set sip listener wan interface wan",
    "set sip listener wan side public",
    f"set extension {DESK} name Reception",
    f"set extension {DESK} secret {DESK_SECRET}",
)
OUTSIDE_LINE = (
    "set trunk carrier listener wan",
    f"set trunk carrier registrar sip:{CARRIER_NAME}",
    f"set trunk carrier domain {REALM}",
    f"set trunk carrier number {OFFICE_LINE.number}",
    f"set trunk carrier username {OFFICE_LINE.username}",
    f"set trunk carrier secret {OFFICE_LINE.secret}",
    f"set trunk carrier did {OFFICE_LINE.number} to {DESK}",
    "set route outside prefix 0",
    "set route outside trunk carrier",
    "set emergency none",
)
MISTAKE = (
    "set network masquerade false",
    "delete network dhcp",
    "set trunk carrier secret mistyped",
)
"""Nobody gets out, no machine gets an address, and the carrier refuses us: three slips in one commit."""
