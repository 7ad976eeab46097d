# SPDX-License-Identifier: Apache-2.0
"""The handsets of the configuration, as the daemon uses them."""

from __future__ import annotations

from dataclasses import dataclass, field

from appliance.config.handset_kinds import FlashWindow, GpioLine
from appliance.config.network_kinds import AddressPort
from appliance.config.sections import handset
from appliance.config.tree import Tree


@dataclass(frozen=True, slots=True)
class HandsetConfiguration:
    """One telephone on the box. extension: whose account it has, "" for none: then it calls addresses directly; listen:
    where its SIP is, None for any port of the loopback; secret: of who calls it there, "" for none; device: of
    alsa-lib; hook, ringer, lamp: None without; hotline: what a lifted receiver calls, "" for nothing; hotline_delay_s:
    after so long without a digit."""

    name: str
    extension: str
    listen: AddressPort | None
    secret: str = field(repr=False)
    device: str
    hook: GpioLine | None
    is_hook_active_low: bool
    ringer: GpioLine | None
    lamp: GpioLine | None
    has_pulse: bool
    flash: FlashWindow
    hotline: str
    hotline_delay_s: int
    cancels_echo: bool


def build_handsets(tree: Tree) -> dict[str, HandsetConfiguration]:
    """Of a tree that has been verified."""
    return {name: _build_handset(tree, name) for name in tree.names("handset")}


def _build_handset(tree: Tree, name: str) -> HandsetConfiguration:
    return HandsetConfiguration(
        name=name,
        extension=tree.value(handset.EXTENSION, name) or "",
        listen=tree.value(handset.LISTEN, name),
        secret=tree.value(handset.CALLERS_SECRET, name) or "",
        device=tree.certain_value(handset.DEVICE, name),
        hook=tree.value(handset.HOOK, name),
        is_hook_active_low=tree.certain_value(handset.ACTIVE, name) == "low",
        ringer=tree.value(handset.RINGER, name),
        lamp=tree.value(handset.LAMP, name),
        has_pulse=tree.certain_value(handset.PULSE, name),
        flash=tree.certain_value(handset.FLASH, name),
        hotline=tree.value(handset.HOTLINE, name) or "",
        hotline_delay_s=tree.certain_value(handset.HOTLINE_DELAY, name),
        cancels_echo=tree.certain_value(handset.ECHO_CANCEL, name),
    )
