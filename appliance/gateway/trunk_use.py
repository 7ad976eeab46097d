# SPDX-License-Identifier: Apache-2.0
"""How a trunk is used: counts that belong to its name, whatever becomes of its attachment. Its legs change them."""

from collections.abc import Container


class TrunkUse:
    """calls: legs on it now."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls = 0


def keep_uses(uses: dict[str, TrunkUse], names: Container[str]) -> dict[str, TrunkUse]:
    """Those of these trunks, and of those on which somebody still talks: the line may come back before he hangs up."""
    return {name: use for name, use in uses.items() if name in names or use.calls}
