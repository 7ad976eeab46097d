# SPDX-License-Identifier: Apache-2.0
"""The hands of netd: rtnetlink by pyroute2, DHCP, and the programs that serve the LAN."""
