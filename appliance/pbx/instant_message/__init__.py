# SPDX-License-Identifier: Apache-2.0
"""Instant messages (RFC 3428): passed on to every phone, kept for those who have none at the moment."""
