# SPDX-License-Identifier: Apache-2.0
"""The journal of one handset of several: every line says of which it is, and a call for help that failed is remembered
for whoever must be told.
"""

from appliance.vocabulary.journal import Journal

EMERGENCY_FAILED = "handset_emergency_failed"


class HandsetJournal:
    """failed_emergency: the number of the last call for help that failed, and what it was answered; "" for none."""

    def __init__(self, journal: Journal, name: str) -> None:
        self._journal = journal
        self._name = name
        self.failed_emergency = ""

    def record(self, event: str, **values: object) -> None:
        """Journal."""
        if event == EMERGENCY_FAILED:
            answer = f"{values['status']}" if "status" in values else "no line"
            self.failed_emergency = f"{values['number']} ({answer})"
        self._journal.record(event, **{"handset": self._name, **values})
