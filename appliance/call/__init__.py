# SPDX-License-Identifier: Apache-2.0
"""The call engine: a B2BUA (RFC 7092) whose legs exchange call-control signals, never SIP."""
