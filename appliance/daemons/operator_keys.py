# SPDX-License-Identifier: Apache-2.0
"""`denwaban operator-keys`: what sshd asks for when somebody logs in as technician (AuthorizedKeysCommand).

The running configuration is read each time, so a key is good from its commit on and no longer than to the commit, the
rollback or the end of a trial that takes it away: there is no second file that could be out of date.
"""

import sys

from appliance.config.operator_keys import list_authorized_keys
from appliance.config.reading import read_tree

EXIT_PRINTED, EXIT_UNREADABLE = 0, 1


def print_operator_keys(config_path: str) -> int:
    """The keys on standard output; the exit code. A line that is wrong takes away its own key and no other."""
    try:
        with open(config_path, "rb") as file:
            text = file.read()
    except OSError as error:
        print(f"{config_path}: {error.strerror}", file=sys.stderr)
        return EXIT_UNREADABLE
    for line in list_authorized_keys(read_tree(text, [])):
        print(line)
    return EXIT_PRINTED
