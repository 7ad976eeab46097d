# SPDX-License-Identifier: Apache-2.0
"""A configuration service in memory: it keeps candidates, revisions and what is on trial, and persists nothing."""

from dataclasses import replace
from typing import Any

from appliance.config.difference import apply_differences, list_differences
from appliance.config.finding import Finding
from appliance.config.printing import print_lines
from appliance.config.reading import read_tree
from appliance.config.tree import Tree
from appliance.errors import OperatorError

START = """# denwaban-config 1
set system domain office.test
set sip listener office address 192.0.2.1
set extension 201 name "Reception desk"
set extension 201 secret kufm-92xe-htwa
set extension 202 secret gz4r-mmpe-25vk
set trunk carrier registrar sip:carrier.test
set trunk carrier number 05011112222
set trunk carrier did 05011112222 to 201
set emergency none
"""


def describe(finding: Finding) -> dict[str, object]:
    return {"severity": finding.severity.value, "id": finding.id, "path": finding.path, "sentence": finding.sentence,
            "remedy": finding.remedy, "line": finding.line}


class ConfigurationDouble:
    """Answers the words of config.sock. asked: everything that was."""

    def __init__(self, text: str = START) -> None:
        self.texts = [text]
        self.comments = [""]
        self.candidates: dict[int, Tree] = {}
        self.users: dict[int, str] = {}
        self.trial: dict[str, object] | None = None
        self.asked: list[list[Any]] = []

    def answer(self, words: list[Any]) -> object:
        self.asked.append(list(words))
        action = getattr(self, f"_{words[0]}", None)
        if action is None:
            raise OperatorError("command", str(words[0]), "what there is")
        return action(*words[1:])

    def running(self) -> Tree:
        return read_tree(self.texts[-1], [])

    def _open(self, user: str) -> object:
        session = len(self.users) + 1
        self.candidates[session], self.users[session] = self.running(), user
        return {"session": session, "base": len(self.texts)}

    def _edit(self, session: int, lines: list[str]) -> object:
        findings: list[Finding] = []
        for number, line in enumerate(lines, 1):
            wrong: list[Finding] = []
            tree = apply_differences(self.candidates[session], [line], wrong)
            if not any(one.is_error() for one in wrong):
                self.candidates[session] = tree
            findings += [replace(one, line=number) for one in wrong]
        return [describe(one) for one in findings]

    def _show(self, session: int, path: str = "") -> object:
        lines = list(print_lines(self.candidates[session]))[1:]
        return [line for line in lines if f"{line} ".startswith(f"set {path} " if path else "set ")]

    def _compare(self, session: int, what: str = "rollback 0") -> object:
        return list_differences(read_tree(self._revision(int(what.split()[1])), []), self.candidates[session])

    def _check(self, session: int) -> object:
        return {"findings": [], "plan": {"calls": ["extension 203 is added"]}}

    def _commit(self, session: int, options: dict[str, Any]) -> object:
        self.texts.append("\n".join(print_lines(self.candidates[session])) + "\n")
        self.comments.append(options.get("comment", ""))
        confirm_by = "2026-11-22T12:00:00Z" if "confirmed_minutes" in options else ""
        self.trial = {"revision": len(self.texts), "confirm_by": confirm_by} if confirm_by else None
        return {"revision": len(self.texts), "findings": [], "effects": ["extension 203 added"],
                "confirm_by": confirm_by}

    def _confirm(self) -> object:
        if self.trial is None:
            raise OperatorError("confirm", "nothing waits", "`commit confirmed MINUTES` before")
        self.trial = None
        return {}

    def _discard(self, session: int) -> object:
        self.candidates[session] = self.running()
        return {}

    def _rollback(self, session: int, number: int) -> object:
        self.candidates[session] = read_tree(self._revision(number), [])
        return {}

    def _revisions(self) -> object:
        return [{"number": index + 1, "at": "2026-11-22T11:00:00Z", "user": "root", "comment": comment, "how": "commit"}
                for index, comment in enumerate(self.comments)]

    def _revision(self, number: int) -> str:
        if not 0 <= number <= len(self.texts):
            raise OperatorError("revision", str(number), f"0 to {len(self.texts)}")
        return self.texts[number - 1]

    def _running(self) -> object:
        return self.texts[-1]

    def _load(self, session: int, text: str) -> object:
        findings: list[Finding] = []
        tree = read_tree(text, findings)
        if not any(one.is_error() for one in findings):
            self.candidates[session] = tree
        return [describe(one) for one in findings]

    def _status(self) -> object:
        sessions = [{"user": user, "has_changes": False} for user in self.users.values()]
        return {"pending": self.trial, "sessions": sessions}

    def _close(self, session: int) -> object:
        del self.candidates[session], self.users[session]
        return {}
