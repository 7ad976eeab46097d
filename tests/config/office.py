# SPDX-License-Identifier: Apache-2.0
"""Configurations that the tests of this room share."""

from appliance.config.configuration import load_configuration
from appliance.config.text import VERSION_LINE

SMALLEST = ("set system domain office.test", "set sip listener office address 127.0.1.1", "set emergency none")

# Every path of the language, with one value each that is in order.
WHOLE = """\
# denwaban-config 1
set system domain office.test            # a name
set system country jp
set system timezone Asia/Tokyo
set system language ja
set system dns 127.0.0.53:53
set system operator anna ssh-key "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFmHAMJUAUr34TTqcPxvyRJIywWYblLxiGk63vtgTX7x anna"
set sip listener office address 127.0.1.1
set sip listener office port 5060
set sip listener office transport udp
set sip listener office transport tcp
set sip listener office tls-port 5061
set sip listener office side private
set sip listener office trusted 127.0.0.3/32
set sip listener office certificate /etc/denwaban/office.pem
set sip listener office key /etc/denwaban/office.key
set sip listener wan address 127.0.4.1
set sip listener wan port 5060
set sip listener wan transport udp
set sip listener wan side public
set sip listener lan interface lan
set sip role b2bua
set sip record-route true
set sip digest algorithm md5
set sip registrar min-expires 60
set sip registrar max-expires 7200
set sip domain other.test source 127.0.9.0/24
set sip tls ca /etc/denwaban/partners.pem
set media ports 30000-39999
set message max-waiting 100
set message max-octets 65536
set message max-days 7
set extension 1001 name "Reception desk"
set extension 1001 secret alpha-1001
set extension 1002 secret bravo-1002
set extension 1003 secret charlie-1003
set extension 1003 username phone3
set extension 1003 digest sha-256
set extension 1003 role redirect
set extension 1003 allow international
set handset desk extension 1001
set handset desk listen 127.0.0.1:5070
set handset desk secret porch-callers-know
set handset desk device plughw:1,0
set handset desk hook gpiochip0:17
set handset desk active high
set handset desk ringer gpiochip0:22
set handset desk lamp gpiochip0:27
set handset desk pulse true
set handset desk flash 250-1000
set handset desk hotline 1002
set handset desk hotline-delay 5
set handset desk echo-cancel false
set trunk carrier listener wan
set trunk carrier registrar sip:127.0.4.9:5060
set trunk carrier proxy sip:127.0.4.8:5060
set trunk carrier domain carrier.test
set trunk carrier number 05011112222
set trunk carrier username gw-user
set trunk carrier secret gw-secret
set trunk carrier inbound-username carrier
set trunk carrier inbound-secret carrier-secret
set trunk carrier did 05011112222 to 1001
set trunk carrier inbound trunk other
set trunk carrier inbound allow international
set trunk carrier channels 4
set trunk carrier profile generic
set trunk carrier emergency false
set trunk carrier qualify 0
set trunk other listener office
set trunk other peer 127.0.1.9:5062
set route outside prefix 0
set route outside strip 0
set route outside trunk carrier
set route outside trunk other
set route outside allow premium
set emergency none
set network managed true
set network lan address 192.168.1.1/24
set network wan address 203.0.113.5/24
set network wan gateway 203.0.113.1
set network ntp server ntp.example
set network interface eth0 role wan
set network interface eth0 mtu 1500
set network interface eth0 mac 02:00:00:00:00:01
set network interface eth1 role lan
set network route branch to 10.0.0.0/8
set network route branch via 192.168.1.254
set network dhcp range 192.168.1.100-192.168.1.199
set network dhcp lease 3600
set network dhcp domain office.example
set network dhcp host phone1 mac 02:00:00:00:00:11
set network dhcp host phone1 address 192.168.1.20
set network dhcp option 66 http://192.168.1.1/
set network masquerade true
set network open-sip false
set network management source 198.51.100.7
set network never-ban 198.51.100.8
set network dscp media 46
set network dscp signalling 40
set network forward web protocol tcp
set network forward web port 8080
set network forward web to 192.168.1.10
set network forward web to-port 80
set network forward web source 198.51.100.0/24
"""


def load(*lines):
    return load_configuration("\n".join([VERSION_LINE, *lines]), "F")


def load_smallest(*lines):
    return load(*SMALLEST, *lines)
