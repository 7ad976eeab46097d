# SPDX-License-Identifier: Apache-2.0
"""Digest authentication as SIP uses it: RFC 3261 section 22, RFC 7616, RFC 8760; both roles, no state of ours.

algorithm: the hashes and the computations; challenge: what a server sends and a client reads; client: what a user agent
keeps for its own credentials. Who is who and what a failure costs is decided in pbx.authentication.
"""
