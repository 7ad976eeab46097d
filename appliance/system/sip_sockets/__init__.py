# SPDX-License-Identifier: Apache-2.0
"""The sockets under the SIP stack: `port_set.PortSet` opens one UdpPort or TcpPort for each listener (RFC 3261 18)."""
