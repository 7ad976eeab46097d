# SPDX-License-Identifier: Apache-2.0
"""Events: who watches what of the office (RFC 6665), and what is published about it (RFC 3903)."""
