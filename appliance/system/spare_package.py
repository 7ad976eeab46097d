# SPDX-License-Identifier: Apache-2.0
"""Imports parts of a package without everything else in it: of pyroute2 we use rtnetlink and nftables, and what its
`__init__` brings along besides (a database, a 9P server, conntrack) is 6 MiB of memory and 0.1 s of every start.
"""

import importlib.util
import sys


def spare_package(name: str) -> None:
    """From now on `import NAME.part` imports that part and what it needs: NAME is there, its own `__init__` has not run
    and will not. Does nothing where it has run, or where there is no such package."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is not None:
        sys.modules[name] = importlib.util.module_from_spec(spec)
