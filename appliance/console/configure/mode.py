# SPDX-License-Identifier: Apache-2.0
"""Configuration mode: one operator's candidate and the place in it where he stands.

What is typed goes to the configuration service line by line; nothing is kept here but the place.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from appliance.config.printing import join_words
from appliance.config.text import LineRefused, split_words
from appliance.console.completion import END, Choice
from appliance.console.configure.candidate import Candidate
from appliance.console.configure.committing import carry_out_commit, confirm_trial
from appliance.console.configure.findings import has_errors, is_error, render_findings
from appliance.console.configure.paths import expand_path, find_leaf_at, follow_said, follow_schema, read_lines
from appliance.console.configure.trial import render_status
from appliance.console.configure.verbs import (
    COMMIT_WORDS,
    VERBS,
    read_commit,
    read_number,
    read_rollback,
    render_verbs,
    resolve_verb,
    resolve_word,
)
from appliance.console.interaction import Interaction
from appliance.console.messages.catalog import say
from appliance.console.output import Output
from appliance.console.pipes import Piped, filter_text
from appliance.console.servers import CONFIGURATION, Servers
from appliance.errors import OperatorError

DONE, WRONG = 0, 2
PROMPT = "denwaban# "


class Operator(Protocol):
    """What configuration mode needs of the session."""

    servers: Servers
    output: Output
    interaction: Interaction

    def run_operational(self, piped: Piped) -> int:
        """A command of operational mode; the exit code."""

    def follow_operational(self, words: list[str]) -> list[Choice]:
        """What may stand behind these words of one."""


class ConfigurationMode:
    """The mode between `configure` and `exit`. is_over: it has been left."""

    def __init__(self, operator: Operator, user: str) -> None:
        """Opens a candidate. Raises MachineError where nobody keeps one."""
        self._operator = operator
        self.candidate = Candidate(self._ask, user)
        self.is_over = False
        self.place: list[str] = []
        self._places: list[list[str]] = []
        self._actions: dict[str, Callable[[list[str], Piped], int]] = {
            "set": self._change, "delete": self._change, "show": self._show, "compare": self._compare,
            "commit": self._commit, "confirm": self._confirm, "rollback": self._roll_back, "discard": self._discard,
            "load": self._load, "edit": self._edit, "up": self._up, "top": self._top, "status": self._status,
            "help": self._help, "exit": self._exit}

    def _ask(self, words: Sequence[object]) -> object:
        return self._operator.servers.ask(CONFIGURATION, words)

    def banner(self) -> str:
        """Where the operator stands, above the prompt."""
        return f"[edit{''.join(f' {word}' for word in self.place)}]\n"

    def run_command(self, piped: Piped) -> int:
        """Carry out one line. Raises OperatorError and MachineError."""
        words = _split(piped.words)
        verb = resolve_verb(words[0])
        if verb == "run":
            rest = piped.words.split(maxsplit=1)[1] if len(words) > 1 else ""
            return self._operator.run_operational(piped._replace(words=rest))
        return self._actions[verb](words if verb in ("set", "delete") else words[1:], piped)

    def follow(self, words: list[str]) -> list[Choice]:
        """What may stand behind these words. Raises OperatorError."""
        if not words:
            return [Choice(verb.word, say(verb.help)) for verb in VERBS]
        verb, rest = resolve_verb(words[0]), words[1:]
        if verb == "run":
            return self._operator.follow_operational(rest)
        if verb in ("set", "edit"):
            return follow_schema([*self.place, *rest], self._said(), is_value_wanted=verb == "set")
        if verb in ("delete", "show"):
            choices = follow_said([*self.place, *rest], self._said())
            is_top = verb == "show" and not self.place and not rest
            past = [Choice("revisions", say("configurations of the past: who, when, why")),
                    Choice("revision", say("the text of a configuration of the past"))]
            return [*choices, *past] if is_top else choices
        if verb == "commit":
            is_value = bool(rest) and rest[-1] in ("comment", "confirmed")
            return _COMMIT_PLACES[rest[-1]] if is_value else [
                END, *(Choice(word, say(text)) for word, text in COMMIT_WORDS.items() if word not in rest)]
        return [] if rest else _FOLLOWING.get(verb, [END])

    def has_changes(self) -> bool:
        """Whether the candidate differs from what runs."""
        return bool(self.candidate.compare())

    def leave(self) -> None:
        """Let the candidate go."""
        self.is_over = True
        self.candidate.close()

    def _said(self) -> list[list[str]]:
        return read_lines(self.candidate.show([]))

    def _print(self, text: str, piped: Piped | None = None) -> int:
        filters = piped.filters if piped else ()
        self._operator.output.write_lines(filter_text([text], filters), piped is not None and piped.is_whole)
        return DONE

    def _change(self, words: list[str], piped: Piped) -> int:
        verb = resolve_verb(words[0])
        path = expand_path([*self.place, *words[1:]])
        if not path:
            raise OperatorError(verb, say("unfinished"), say("a path, as ? lists it"))
        findings = self.candidate.edit([f"{verb} {join_words(path)}"])
        self._operator.output.write_error(render_findings(findings).rstrip("\n")) if findings else None
        return WRONG if has_errors(findings) else DONE

    def _show(self, words: list[str], piped: Piped) -> int:
        if piped.compare is not None:
            return self._compare(list(piped.compare), piped)
        if not self.place and is_about_revisions(words):
            return self._operator.run_operational(piped._replace(words=" ".join(["show", *words])))
        path = expand_path([*self.place, *words])
        follow_schema(path, [])     # what leads nowhere is refused
        lines = self.candidate.show(path)
        if piped.is_json:
            return self._print_json(lines)
        return self._print("".join(f"{line}\n" for line in lines), piped)

    def _print_json(self, value: object) -> int:
        import json
        return self._print(json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def _compare(self, words: list[str], piped: Piped) -> int:
        number = None
        if words:
            resolve_word(words[0], ("rollback",), "compare")
            number = read_rollback(words[1:], "compare rollback")
        lines = self.candidate.compare(number)
        return self._print_json(lines) if piped.is_json else self._print("".join(f"{line}\n" for line in lines), piped)

    def _commit(self, words: list[str], piped: Piped) -> int:
        order = read_commit(words)
        code = carry_out_commit(self.candidate, order, self._ask, self._operator.output)
        if order.is_leaving and code == DONE:
            self.leave()
        return code

    def _confirm(self, words: list[str], piped: Piped) -> int:
        _refuse_rest("confirm", words)
        return confirm_trial(self._ask, self._operator.output)

    def _roll_back(self, words: list[str], piped: Piped) -> int:
        number = read_rollback(words)
        self.candidate.roll_back(number)
        self._operator.output.write_prose(say("loaded; `compare` shows the difference, `commit` makes it run"))
        return DONE

    def _discard(self, words: list[str], piped: Piped) -> int:
        _refuse_rest("discard", words)
        self.candidate.discard()
        return DONE

    def _load(self, words: list[str], piped: Piped) -> int:
        is_replacing = bool(words) and resolve_word(words[0], ("replace",), "load") == "replace"
        _refuse_rest("load replace", words[1:])
        if self._operator.interaction.is_terminal:
            self._print(say("paste the lines; a dot alone or ctrl-D ends them") + "\n")
        lines = self._operator.interaction.read_pasted()
        findings = self.candidate.load("\n".join([*lines, ""])) if is_replacing else self.candidate.edit(lines)
        said = sum(1 for line in lines if line.split("#", 1)[0].strip())
        if findings:
            self._operator.output.write_error(render_findings(findings, has_lines=True).rstrip("\n"))
        refused = len({one.get("line") for one in findings if is_error(one)})
        if refused:
            self._print(say("{count} lines loaded, {refused} refused", count=max(said - refused, 0), refused=refused)
                        + "\n")
            return WRONG
        return self._print(say("{count} lines loaded", count=said) + "\n")

    def _edit(self, words: list[str], piped: Piped) -> int:
        path = expand_path([*self.place, *words])
        if not words:
            raise OperatorError("edit", say("unfinished"), say("a path, as ? lists it"))
        follow_schema(path, [])     # what leads nowhere is refused
        if find_leaf_at(path) is not None:
            raise OperatorError("edit", " ".join(path), say("a path with something below it"))
        self._places.append(self.place)
        self.place = path
        return DONE

    def _up(self, words: list[str], piped: Piped) -> int:
        count = read_number(words, "up") if words else 1
        self.place = self.place[:max(len(self.place) - count, 0)]
        self._places = [place for place in self._places if len(place) < len(self.place)]
        return DONE

    def _top(self, words: list[str], piped: Piped) -> int:
        _refuse_rest("top", words)
        self.place, self._places = [], []
        return DONE

    def _status(self, words: list[str], piped: Piped) -> int:
        _refuse_rest("status", words)
        status = self._ask(["status"])
        return self._print_json(status) if piped.is_json else self._print(render_status(status), piped)

    def _help(self, words: list[str], piped: Piped) -> int:
        return self._print(render_verbs(), piped)

    def _exit(self, words: list[str], piped: Piped) -> int:
        is_whole = bool(words) and bool(resolve_word(words[0], ("configuration-mode",), "exit"))
        _refuse_rest("exit configuration-mode", words[1:])
        if self._places and not is_whole:
            self.place = self._places.pop()
            return DONE
        if self.place and not is_whole:
            self.place = []
            return DONE
        return self.try_to_leave()

    def try_to_leave(self) -> int:
        """Leave, after a question where something would be lost. A pipe has nobody to ask: it is said."""
        if not self.has_changes():
            self.leave()
            return DONE
        if not self._operator.interaction.is_terminal:
            self.leave()
            self._operator.output.write_error(say("what was changed and not committed is gone"))
            return WRONG
        answer = self._operator.interaction.ask(
            say("There are changes that are not committed. Leave, and lose them? [yes/no] "))
        if answer.lower() in ("y", "yes", "はい"):
            self.leave()
        return DONE


_FOLLOWING = {
    "compare": [END, Choice("rollback", "")], "load": [END, Choice("replace", "")],
    "exit": [END, Choice("configuration-mode", "")], "up": [END, Choice("<N>", "", is_place=True)],
    "rollback": [END, Choice("<N>", "", is_place=True)]}
_COMMIT_PLACES = {"comment": [Choice("<TEXT>", "", is_place=True)],
                  "confirmed": [END, Choice("<MINUTES>", "1-1440 [10]", is_place=True)]}


def is_about_revisions(words: list[str]) -> bool:
    """`show revisions`, `show revision N` and `show system commit` mean the past in this mode too."""
    if len(words) == 2 and words[0] == "revision":
        return words[1].isdigit()
    return (len(words) == 1 and len(words[0]) > 2 and "revisions".startswith(words[0])) or words == ["system", "commit"]


def _split(text: str) -> list[str]:
    try:
        return split_words(text)
    except LineRefused as refused:
        raise OperatorError("line", refused.wrong, refused.remedy) from refused


def _refuse_rest(command: str, rest: list[str]) -> None:
    if rest:
        raise OperatorError(command, " ".join(rest), say("nothing more"))
