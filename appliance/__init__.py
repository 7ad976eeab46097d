# SPDX-License-Identifier: Apache-2.0
"""denwaban, the office phone system: telephone elements that speak SIP, on a protocol core that has no hands."""

from appliance.version import VERSION

__version__ = VERSION

LAYERS = """
0  native vocabulary errors version      islands and small values that everybody may use
1  sip sdp rtp audio numbering           protocols: no socket, no clock, no journal
2  config ua                             the configuration language; what every user agent does
3  call                                  the call engine
4  pbx gateway mediaserver handset diagnosis networking   the elements; the network as values
5  system                                the only room with hands
6  control                               JSON lines on a Unix socket
7  console                               a separate process
8  daemons                               composition: build, join, run
9  __main__                              the command line
"""
"""Who may import whom: down only, and inside one's own room. tests/architecture reads this and holds us to it."""
