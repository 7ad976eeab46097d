# SPDX-License-Identifier: Apache-2.0
"""nftables of the host, by netlink. Only the part that has the network's privileges imports this."""
