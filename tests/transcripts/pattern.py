# SPDX-License-Identifier: Apache-2.0
"""Text with variables: `<branch>` is captured where first met, the same from then on; `<any>` is anything."""

import hashlib
import re

_VARIABLE = re.compile(r"<([a-z][a-z0-9_]*)>")
_DIGEST = re.compile(r"<digest ([^<>]+)>")
_PARAMETER = re.compile(r'([A-Za-z-]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))')
LISTED = frozenset({"via", "route", "record-route", "contact", "path", "supported", "require", "unsupported", "allow"})


class MismatchError(AssertionError):
    """What came is not what the transcript says."""


def fill(text: str, variables: dict[str, str]) -> str:
    """The text with its variables put in. Raises MismatchError for one that nothing was captured for."""
    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise MismatchError(f"<{match[1]}> is not known yet")
        return fill(variables[match[1]], variables)
    return _VARIABLE.sub(value, text)


def fill_known(text: str, variables: dict[str, str]) -> str:
    """A line of a body with the variables that there are put in: what else stands in <> is XML."""
    return _VARIABLE.sub(lambda match: fill(match[0], variables) if match[1] in variables else match[0], text)


def fill_digest(line: str, method: str, variables: dict[str, str]) -> str:
    """A credentials line with `<digest SECRET>` computed from what the line itself says (RFC 2617 3.2.2)."""
    match = _DIGEST.search(line)
    if match is None:
        return line
    line = fill(line, variables)
    said = read_parameters(line)
    ha1 = _md5(f"{said['username']}:{said['realm']}:{match[1]}")
    ha2 = _md5(f"{method}:{said['uri']}")
    middle = f"{said['nc']}:{said['cnonce']}:{said['qop']}:" if "qop" in said else ""
    return line.replace(match[0], _md5(f"{ha1}:{said['nonce']}:{middle}{ha2}"))


def match_text(expected: str, actual: str, variables: dict[str, str]) -> None:
    """Compare a line; captures new variables. Raises MismatchError."""
    pattern, captured, at = "", [], 0
    for match in _VARIABLE.finditer(expected):
        pattern += re.escape(expected[at:match.start()])
        at = match.end()
        name = match[1]
        if name == "any":
            pattern += ".*"
        elif name in variables:
            pattern += re.escape(fill(variables[name], variables))
        elif name in captured:
            pattern += f"(?P={name})"
        else:
            captured.append(name)
            pattern += f"(?P<{name}>[^\\s<>\",]+?)"
    found = re.fullmatch(pattern + re.escape(expected[at:]), actual)
    if found is None:
        raise MismatchError(f"expected {expected!r}\n     got {actual!r}")
    variables.update(found.groupdict())


def match_values(name: str, expected: list[str], actual: list[str], variables: dict[str, str]) -> None:
    """Compare all lines of one header field. Raises MismatchError."""
    if name.lower() in LISTED:
        expected = [value for line in expected for value in split_commas(line)]
        actual = [value for line in actual for value in split_commas(line)]
    if len(expected) != len(actual):
        raise MismatchError(f"{name}: expected {expected}\n     got {actual}")
    for wanted, said in zip(expected, actual, strict=True):
        if wanted.startswith("Digest "):
            _match_challenge(wanted, said, variables)
        else:
            match_text(wanted, " ".join(said.split()), variables)


def _match_challenge(expected: str, actual: str, variables: dict[str, str]) -> None:
    """Every parameter that the transcript names must be there, in whatever order."""
    said = read_parameters(actual)
    for name, wanted in read_parameters(expected).items():
        if wanted == "-":
            if name in said:
                raise MismatchError(f"{name} must not be in {actual!r}")
        elif name not in said:
            raise MismatchError(f"{name} is missing in {actual!r}")
        else:
            match_text(wanted, said[name], variables)


def read_parameters(value: str) -> dict[str, str]:
    """The parameters of a challenge or of credentials, quotes off."""
    return {match[1].lower(): match[2] if match[2] is not None else match[3] for match in _PARAMETER.finditer(value)}


def split_commas(value: str) -> list[str]:
    """The values of a comma-separated field; quotes and <> respected."""
    values, depth, is_quoted, start = [], 0, False, 0
    for index, char in enumerate(value):
        if char == '"':
            is_quoted = not is_quoted
        elif not is_quoted and char in "<>":
            depth += 1 if char == "<" else -1
        elif char == "," and not is_quoted and not depth:
            values.append(value[start:index].strip())
            start = index + 1
    return [*values, value[start:].strip()]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
