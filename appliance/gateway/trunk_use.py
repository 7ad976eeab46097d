# SPDX-License-Identifier: Apache-2.0
"""How a trunk is used: counts that belong to its name, whatever becomes of its attachment. Its legs change them."""

from collections.abc import Container


class TrunkUse:
    """calls: legs on it now; calls_in, calls_out, calls_failed: since start."""

    __slots__ = ("calls", "calls_failed", "calls_in", "calls_out")

    def __init__(self) -> None:
        self.calls = self.calls_in = self.calls_out = self.calls_failed = 0


def keep_uses(uses: dict[str, TrunkUse], names: Container[str]) -> dict[str, TrunkUse]:
    """Those of these trunks, and of those on which somebody still talks: the line may come back before he hangs up."""
    return {name: use for name, use in uses.items() if name in names or use.calls}
