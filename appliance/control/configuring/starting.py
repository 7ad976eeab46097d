# SPDX-License-Identifier: Apache-2.0
"""Before anything reads the configuration: what a crash has left half done is settled, a trial that is over ends.

A disk that says no holds up nobody: telephones start with what the file says, and a person is told.
"""


from appliance.errors import MachineError
from appliance.system.revisions.revision_store import Revision, RevisionStore
from appliance.system.revisions.staged_file import StagedFile
from appliance.system.revisions.trial import TrialFile

OWN_USER = "denwaban"


class Archive:
    """The files of one state directory and one configuration file."""

    __slots__ = ("file", "revisions", "trials")

    def __init__(self, config_path: str, state_directory: str) -> None:
        self.file = StagedFile(config_path)
        self.revisions = RevisionStore(f"{state_directory}/revisions")
        self.trials = TrialFile(f"{state_directory}/revisions")

    def write_revision(self, user: str, comment: str, how: str) -> Revision:
        """The next one, of now. Raises MachineError."""
        at = round(self.trials.clock().wall_s, 3)
        return Revision(self.revisions.find_last_number() + 1, at, user, comment, how)

    def keep(self, text: str, user: str, comment: str, how: str) -> int:
        """Have a text among the revisions that stands already. Its number. Raises MachineError."""
        revision = self.write_revision(user, comment, how)
        self.revisions.prepare(revision, text)
        self.revisions.complete(revision.number)
        return revision.number


def settle_archive(archive: Archive) -> list[str]:
    """To be done before the file is read. What could not be done, in sentences."""
    troubles: list[str] = []
    for step in (_settle_commit, _settle_trial):
        try:
            step(archive)
        except MachineError as error:
            troubles.append(error.operation)
    return troubles


def note_found(archive: Archive) -> list[str]:
    """To be done once what the file says runs: it is the newest revision. As `settle_archive`."""
    try:
        _note_found(archive)
    except MachineError as error:
        return [error.operation]
    return []


def _read(archive: Archive) -> str:
    return archive.file.read().decode("utf-8", "replace")


def _settle_commit(archive: Archive) -> None:
    archive.revisions.settle(_read(archive))
    archive.file.withdraw()


def _settle_trial(archive: Archive) -> None:
    trial = archive.trials.read()
    if trial is None:
        return
    text = _read(archive)
    if text == trial.previous or not trial.is_on_trial(text):
        archive.trials.remove()     # it never began, or another configuration has been put there by hand
    elif trial.find_rest_s(archive.trials.clock()) <= 0:
        revision = archive.write_revision(trial.user, "not confirmed in time", "confirmed-reverted")
        archive.revisions.prepare(revision, trial.previous)
        archive.file.stage(trial.previous.encode())
        archive.file.put_in_place()
        archive.revisions.complete(revision.number)
        archive.trials.remove()


def _note_found(archive: Archive) -> None:
    """What the file says without our having written it."""
    text = _read(archive)
    newest = archive.revisions.list_revisions()[:1]
    if not newest:
        archive.keep(text, OWN_USER, "", "first-start")
    elif archive.revisions.read_text(newest[0].number) != text:
        archive.keep(text, OWN_USER, "the file was changed while nobody was here", "found")


