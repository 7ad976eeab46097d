# SPDX-License-Identifier: Apache-2.0
"""Hands for media: ports, the relay's thread, and the socket between the call server and the process that relays."""
