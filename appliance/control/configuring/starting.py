# SPDX-License-Identifier: Apache-2.0
"""Before anything reads the configuration: what a crash has left half done is settled, a trial that is over ends.

A disk that says no holds up nobody: telephones start with what the file says, and a person is told.
"""

from typing import Final

from appliance.errors import MachineError
from appliance.system.revisions.revision_store import Revision, RevisionStore
from appliance.system.revisions.staged_file import StagedFile
from appliance.system.revisions.trial import Trial, TrialFile

OWN_USER: Final = "denwaban"
TAKEN_BACK: Final = "confirmed-reverted"
TAKEN_BACK_COMMENT: Final = "not confirmed in time"


class Archive:
    """The files of one state directory and one configuration file. way_back: the configuration that a trial goes back
    to, beside the file for as long as the trial lasts, since a disk may be full by then: a rename needs no room."""

    __slots__ = ("file", "revisions", "trials", "way_back")

    def __init__(self, config_path: str, state_directory: str) -> None:
        self.file = StagedFile(config_path)
        self.way_back = StagedFile(config_path, "previous")
        self.revisions = RevisionStore(f"{state_directory}/revisions")
        self.trials = TrialFile(f"{state_directory}/revisions")

    def write_revision(self, user: str, comment: str, how: str) -> Revision:
        """The next one, of now. Raises MachineError."""
        at = round(self.trials.clock().wall_s, 3)
        return Revision(self.revisions.find_last_number() + 1, at, user, comment, how)

    def end_trial(self) -> None:
        """Nothing is on trial any more. Raises MachineError."""
        self.trials.remove()
        self.way_back.withdraw()

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
    text = _read(archive)
    if trial is None or text == trial.previous or not trial.is_on_trial(text):
        archive.end_trial()         # it never began, or another configuration has been put there by hand
    elif trial.find_rest_s(archive.trials.clock()) <= 0:
        _take_back(archive, trial)


def _take_back(archive: Archive, trial: Trial) -> None:
    """A full disk takes away the entry in the history, and nothing else. Raises MachineError, for that as well."""
    unkept: MachineError | None = None
    revision = archive.write_revision(trial.user, TAKEN_BACK_COMMENT, TAKEN_BACK)
    try:
        archive.revisions.prepare(revision, trial.previous)
    except MachineError as error:
        unkept = error
    archive.way_back.reserve(trial.previous.encode())
    archive.way_back.put_in_place()
    archive.end_trial()
    if unkept is not None:
        raise unkept
    archive.revisions.complete(revision.number)


def _note_found(archive: Archive) -> None:
    """What the file says without our having written it."""
    text = _read(archive)
    newest = archive.revisions.list_revisions()[:1]
    if not newest:
        archive.keep(text, OWN_USER, "", "first-start")
    elif archive.revisions.read_text(newest[0].number) != text:
        archive.keep(text, OWN_USER, "the file was changed while nobody was here", "found")


