# SPDX-License-Identifier: Apache-2.0
"""Becomes a program with descriptors of a service manager, sd_listen_fds(3).

    python activated.py NAMES DESCRIPTORS PROGRAM [ARGUMENT ...]

NAMES: joined by ":"; DESCRIPTORS: their numbers here, joined by ",".
"""

import fcntl
import os
import sys

FIRST = 3
ABOVE = 4000        # out of the way of the numbers that they are to have


def main(names: str, descriptors: str, program: list[str]) -> None:
    numbers = [int(one) for one in descriptors.split(",") if one]
    lifted = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, ABOVE) for one in numbers]
    os.closerange(FIRST, ABOVE)
    for place, one in enumerate(lifted):
        os.dup2(one, FIRST + place, inheritable=True)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(lifted)), LISTEN_FDNAMES=names)
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
