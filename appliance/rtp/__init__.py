# SPDX-License-Identifier: Apache-2.0
"""RTP and RTCP as octets and figures (RFC 3550, 4733), and what they say about how speech sounds (ITU-T G.107)."""
