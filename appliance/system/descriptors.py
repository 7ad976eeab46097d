# SPDX-License-Identifier: Apache-2.0
"""How many files and connections this process may have open."""

import resource


def raise_descriptor_limit() -> int:
    """Lift the soft limit to the hard one and return it: the usual 1,024 are too few for an office on TCP."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):       # an infinite hard limit above fs.nr_open cannot be had
        return soft
    return hard
