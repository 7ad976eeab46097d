# SPDX-License-Identifier: Apache-2.0
"""Session descriptions (RFC 8866) and their negotiation (RFC 3264): octets in, octets out; no socket, no clock."""
