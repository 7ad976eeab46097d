# SPDX-License-Identifier: Apache-2.0
"""nftables of the host, by netlink. Only the part that has the network's privileges imports this."""

from appliance.system.spare_package import spare_package

spare_package("pyroute2")   # before a part of it is imported here
