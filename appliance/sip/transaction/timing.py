# SPDX-License-Identifier: Apache-2.0
"""The timer values of RFC 3261 table 4, in seconds."""

T1_S = 0.5
"""Round-trip estimate."""
T2_S = 4.0
"""Longest interval between retransmissions of a non-INVITE request or an INVITE response."""
T4_S = 5.0
"""How long a message may stay in the network."""
TRANSACTION_LIFE_S = 64 * T1_S
"""Timers B, D, F, H, J, L and M."""
TRYING_WITHIN_S = 0.15
"""An INVITE still unanswered gets its 100 within 200 ms (17.2.1); a timer is up to 50 ms late."""
TRYING_AFTER_S = 3.5
"""When a client's Timer E is reset to T2: a non-INVITE request still unanswered gets its 100 now (RFC 4320 4.1)."""
TIMER_C_S = 180.5
"""Longest ringing at a proxy; must be larger than three minutes (16.6 step 11)."""
