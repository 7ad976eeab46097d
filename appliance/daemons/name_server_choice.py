# SPDX-License-Identifier: Apache-2.0
"""Which name servers a daemon asks: the configuration's, or those of the machine or the network. Pure."""

import os
from typing import Final

from appliance.config.configuration import Configuration
from appliance.system.dns.name_servers import RESOLV_CONF, ServerAddress

RESOLV_NAME: Final = "resolv.conf"


def read_name_servers(configuration: Configuration) -> tuple[ServerAddress, ...]:
    """Those of `set system dns`; none: those of the file."""
    return tuple(ServerAddress(one.address, one.port) for one in configuration.name_servers)


def find_resolv_conf(configuration: Configuration, state_directory: str) -> str:
    """The file that names the name servers: the network's where somebody looks after it, else the machine's."""
    return os.path.join(state_directory, RESOLV_NAME) if configuration.network_managed else RESOLV_CONF
