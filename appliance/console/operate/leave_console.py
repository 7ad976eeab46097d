# SPDX-License-Identifier: Apache-2.0
"""`exit`: nothing is said."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.console.session import Session


def act(session: "Session", _words: list[str]) -> int:
    """The session is over."""
    session.is_over = True
    return 0
