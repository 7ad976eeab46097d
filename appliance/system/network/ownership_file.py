# SPDX-License-Identifier: Apache-2.0
"""DIR/network.owned: what of the network is ours, so that the next process takes away that and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from appliance.errors import MachineError
from appliance.networking.ownership import Ownership, read_ownership, write_ownership
from appliance.system.disk import write_atomically
from appliance.vocabulary.journal import Journal

FILE_NAME: Final = "network.owned"


class OwnershipFile:
    """owned: what is ours, whether the disk has taken that or not."""

    def __init__(self, state_directory: str, journal: Journal) -> None:
        self._path = Path(state_directory, FILE_NAME)
        self._journal = journal
        self.owned = Ownership()
        self._is_written = True
        self._trouble = ""

    def read(self) -> None:
        """A file that is missing says that nothing is ours; so does one that cannot be read, which is journalled."""
        try:
            self.owned = read_ownership(self._path.read_bytes())
        except FileNotFoundError:
            self.owned = Ownership()
        except OSError as error:
            raise MachineError(f"read {self._path}: {error.strerror}", error.errno or 0) from error
        except ValueError as error:
            self._journal.record("network_ownership_lost", error=str(error))
            self.owned = Ownership()

    def write(self, owned: Ownership) -> None:
        """From now on this is ours. A disk that refuses it, which is journalled, keeps nobody from a network that
        works: `save` is to be tried again."""
        if owned != self.owned:
            self.owned = owned
            self._is_written = False
            self.save()

    def save(self) -> bool:
        """Whether the disk has it."""
        if self._is_written:
            return True
        try:
            write_atomically(self._path, write_ownership(self.owned))
        except MachineError as error:
            if not self._trouble:
                self._journal.record("network_ownership_unwritten", error=error.operation)
            self._trouble = error.operation
            return False
        if self._trouble:
            self._journal.record("network_ownership_written")
        self._is_written, self._trouble = True, ""
        return True
