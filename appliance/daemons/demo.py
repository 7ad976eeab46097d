# SPDX-License-Identifier: Apache-2.0
"""`denwaban demo`: hands over to the demonstration of the checkout this program was installed from.

It stands beside the tests, whose telephones and carrier it uses; an installed package has neither.
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

from appliance.errors import MachineError

PART = "tests.demo"


def find_checkout(package: Path) -> Path:
    """The folder above `package` that has the demonstration; MachineError where this is no checkout."""
    checkout = package.parent
    if not checkout.joinpath(*PART.split("."), "__main__.py").is_file():
        raise MachineError(f"needs a checkout of the source, {checkout} is none; there, `make demo` runs it")
    return checkout


def run_demo(folder: str | None) -> NoReturn:
    """Become the demonstration; folder: where captures, recordings and logs are to be left."""
    checkout = find_checkout(Path(__file__).resolve().parents[1])
    keep = [] if folder is None else ["--keep", os.path.abspath(folder)]
    os.chdir(checkout)
    os.execv(sys.executable, [sys.executable, "-m", PART, *keep])
