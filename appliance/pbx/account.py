# SPDX-License-Identifier: Apache-2.0
"""Who has an account here: one for each configured extension, found by digest user name or by extension.

Built once from the configuration; only H(A1) is kept, never the secret (RFC 7616 section 5.2).
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from appliance.errors import MisuseError
from appliance.sip.digest.algorithm import Algorithm, compute_ha1, find_algorithm


class ConfiguredExtension(Protocol):
    """What an account is made of, as config.configuration.ExtensionConfiguration has it."""

    @property
    def number(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def secret(self) -> str: ...
    @property
    def username(self) -> str: ...
    @property
    def digest_algorithms(self) -> Iterable[str]: ...


class Account:
    """One user: extension (user part of the AOR), username (of digest), name (display name, may be empty).

    algorithms: what this user is offered, the preferred first.
    """

    __slots__ = ("_ha1s", "algorithms", "extension", "name", "username")

    def __init__(self, extension: bytes, username: bytes, name: str, algorithms: tuple[Algorithm, ...],
                 ha1s: tuple[bytes, ...]) -> None:
        self.extension = extension
        self.username = username
        self.name = name
        self.algorithms = algorithms
        self._ha1s = ha1s

    def find_ha1(self, algorithm: Algorithm) -> bytes | None:
        """H(A1) for this algorithm, None where it is not offered to this user."""
        return self._ha1s[self.algorithms.index(algorithm)] if algorithm in self.algorithms else None

    def __repr__(self) -> str:
        return f"<Account {self.extension.decode('utf-8', 'replace')}>"


def find_algorithms(names: Iterable[str]) -> tuple[Algorithm, ...]:
    """The algorithms of these configured names, in order. The configuration has checked them: MisuseError otherwise."""
    found = []
    for name in names:
        algorithm = find_algorithm(name.encode())
        if algorithm is None:
            raise MisuseError(f"unknown digest algorithm {name}")
        found.append(algorithm)
    return tuple(found)


class AccountDirectory:
    """Every account of one realm."""

    __slots__ = ("by_extension", "by_username", "realm")

    def __init__(self, realm: bytes, accounts: Iterable[Account] = ()) -> None:
        self.realm = realm
        self.by_extension: dict[bytes, Account] = {}
        self.by_username: dict[bytes, Account] = {}
        for account in accounts:
            self.by_extension[account.extension] = account
            self.by_username[account.username] = account

    @classmethod
    def build(cls, realm: bytes, extensions: Mapping[str, ConfiguredExtension]) -> "AccountDirectory":
        """The accounts that the configuration names; `Configuration.extensions` by extension."""
        tuples: dict[tuple[str, ...], tuple[Algorithm, ...]] = {}
        accounts = []
        for extension in extensions.values():
            names = tuple(extension.digest_algorithms)
            algorithms = tuples.get(names)
            if algorithms is None:
                algorithms = tuples[names] = find_algorithms(names)     # shared: one tuple for all who have the same
            accounts.append(build_account(realm, extension, algorithms))
        return cls(realm, accounts)

    def __len__(self) -> int:
        return len(self.by_extension)


def build_account(realm: bytes, extension: ConfiguredExtension, algorithms: tuple[Algorithm, ...]) -> Account:
    """One account, its H(A1) computed now: no first answer takes longer than later ones."""
    number = extension.number.encode()
    username = extension.username.encode() or number
    secret = extension.secret.encode()
    ha1s = tuple([compute_ha1(algorithm, username, realm, secret) for algorithm in algorithms])
    return Account(number, username, extension.name, algorithms, ha1s)
