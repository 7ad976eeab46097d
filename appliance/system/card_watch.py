# SPDX-License-Identifier: Apache-2.0
"""What has befallen the card that the box has started from: told by the initial RAM disk, and by its file system since.
A machine that has started otherwise has neither file. Nothing here changes.
"""

from pathlib import Path
from typing import Final, NamedTuple

from appliance.vocabulary.card_alarm import FAILING, UNREADABLE, UNWRITABLE

TOLD: Final = Path("/run/denwaban-mishaps")
"""A line each: seconds since the start, kind, subject, detail."""
DEVICE: Final = Path("/run/denwaban-card")
"""The name of the partition with what lasts."""
FILE_SYSTEMS: Final = Path("/sys/fs/ext4")


class CardMishap(NamedTuple):
    """kind: of vocabulary.card_alarm; subject: a slot; detail: a number; since: monotonic seconds."""

    kind: str
    subject: str
    detail: str
    since: float


class CardWatch:
    """Reads when it is asked. told, device, file_systems: other places than the box's."""

    __slots__ = ("_device", "_failing_since", "_file_systems", "_told")

    def __init__(self, told: Path = TOLD, device: Path = DEVICE, file_systems: Path = FILE_SYSTEMS) -> None:
        self._told = told
        self._device = device
        self._file_systems = file_systems
        self._failing_since = 0.0

    def list_mishaps(self, now: float) -> list[CardMishap]:
        """In the order in which they were noticed. now: monotonic seconds."""
        found = [mishap for line in _read(self._told).splitlines() if (mishap := _read_mishap(line)) is not None]
        errors = self._count_errors()
        # in their place there is RAM already
        if errors and not any(one.kind in (UNWRITABLE, UNREADABLE) for one in found):
            self._failing_since = self._failing_since or now
            found.append(CardMishap(FAILING, "", str(errors), self._failing_since))
        return found

    def _count_errors(self) -> int:
        """That the file system has met since a repair, ext4's own count."""
        name = _read(self._device).strip()
        counted = _read(self._file_systems / name / "errors_count").strip() if name else ""
        return int(counted) if counted.isascii() and counted.isdigit() else 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _read_mishap(line: str) -> CardMishap | None:
    """None for what is no such line."""
    words = line.split(" ", 3)
    try:
        since = float(words[0])
    except ValueError:
        return None
    kind, subject, detail = (*words[1:], "", "", "")[:3]
    return CardMishap(kind, subject, detail, since) if kind else None
