# SPDX-License-Identifier: Apache-2.0
"""`denwaban mediad`: the relay as a service of its own. Reads its ports from the configuration and then becomes the
small program that relays: reading takes four times the memory of relaying.
"""

import os
import sys
from typing import NoReturn

from appliance.daemons.configuration_file import print_findings, read_configuration
from appliance.system.media.relay_process import build_command, build_environment

EXIT_CONFIGURATION = 2


def run_mediad_service(config_path: str, state_directory: str) -> NoReturn:
    """Exits where the configuration is wrong. Raises OSError where the program cannot be had."""
    result = read_configuration(config_path, explain_files=None)
    if result.configuration is None:
        print_findings(result, sys.stderr)
        sys.exit(EXIT_CONFIGURATION)
    first, last = result.configuration.media_ports
    command = build_command(state_directory, first, last)
    os.execve(command[0], command, build_environment())     # one process all along, so that the manager knows it
