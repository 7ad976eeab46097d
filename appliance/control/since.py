# SPDX-License-Identifier: Apache-2.0
"""A moment as a person writes it: 2026-11-22, 2026-11-22T14:30, 14:30 (today), 90m, 2h, 3d (so long ago). UTC where no
zone is written, as everything here is shown.
"""

import re
from datetime import UTC, datetime

from appliance.config.kind import show_text
from appliance.errors import OperatorError

ALLOWED = "a date (2026-11-22), a time of today (14:30), both (2026-11-22T14:30), or how long ago (90m, 2h, 3d), in UTC"
UNIT_S = {"m": 60.0, "h": 3600.0, "d": 86400.0}
_AGO = re.compile(r"([0-9]{1,6})([mhd])")
_TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?")


def read_since(text: str, wall_now: float) -> float:
    """Seconds since 1970, 0.0 for "". Raises OperatorError."""
    if not text:
        return 0.0
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return wall_now - int(ago[1]) * UNIT_S[ago[2]]
    written = text
    if _TIME.fullmatch(text):
        text = f"{datetime.fromtimestamp(wall_now, UTC):%Y-%m-%d}T{text.zfill(len(text) + (text[1] == ':'))}"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise OperatorError("since", f"{show_text(written)} is no moment", ALLOWED) from error
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
