# SPDX-License-Identifier: Apache-2.0
"""RFC 3261 from octets to transactions: no socket, no clock, no journal."""
