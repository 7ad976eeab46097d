# SPDX-License-Identifier: Apache-2.0
"""The hands of netd: rtnetlink by pyroute2, DHCP, and the programs that serve the LAN."""

from appliance.system.spare_package import spare_package

spare_package("pyroute2")   # before a part of it is imported here
