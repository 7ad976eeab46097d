# SPDX-License-Identifier: Apache-2.0
"""Kinds of values that only a handset has: lines of a GPIO chip, the window of a hook flash, names of sound devices."""

from __future__ import annotations

import re
from typing import NamedTuple

from appliance.config.kind import Kind, ValueRefused, show_text

LINE_FORM = re.compile(r"([A-Za-z0-9][A-Za-z0-9._@-]{0,31}):([0-9]{1,3})")
DEVICE_FORM = re.compile(r"[!-~]{1,128}")
TARGET_FORM = re.compile(r"[0-9*#+]{1,32}|sips?:[!-~]{1,200}")
WINDOW_FORM = re.compile(r"([0-9]{1,4})-([0-9]{1,4})")
LEAST_FLASH_MS, MOST_FLASH_MS = 200, 1500


class GpioLine(NamedTuple):
    """chip: its name under /dev, or its label, which stays when chips are numbered anew; line: its number there."""

    chip: str
    line: int


class FlashWindow(NamedTuple):
    """A receiver that is down for so long means a flash; longer, the call is over."""

    least_ms: int
    most_ms: int


def valid_gpio_line(text: str) -> GpioLine:
    """`CHIP:LINE`."""
    found = LINE_FORM.fullmatch(text)
    if found is None:
        raise ValueRefused(f"{show_text(text)} is not a line of a GPIO chip")
    return GpioLine(found[1], int(found[2]))


def valid_flash(text: str) -> FlashWindow:
    """`LEAST-MOST` in milliseconds."""
    found = WINDOW_FORM.fullmatch(text)
    if found is None:
        raise ValueRefused(f"{show_text(text)} is not a window")
    window = FlashWindow(int(found[1]), int(found[2]))
    if not LEAST_FLASH_MS <= window.least_ms < window.most_ms <= MOST_FLASH_MS:
        raise ValueRefused(f"{text} is out of range")
    return window


def valid_device(text: str) -> str:
    """The name of a PCM of alsa-lib; whether the machine has it shows when it is opened."""
    if DEVICE_FORM.fullmatch(text) is None:
        raise ValueRefused(f"{show_text(text)} is not the name of a sound device")
    return text


def valid_target(text: str) -> str:
    """What can be dialled."""
    if TARGET_FORM.fullmatch(text) is None:
        raise ValueRefused(f"{show_text(text)} cannot be dialled")
    return text


GPIO_LINE = Kind("gpio-line", "CHIP:LINE, such as gpiochip0:17", valid_gpio_line)
FLASH_WINDOW = Kind("flash-window", f"LEAST-MOST milliseconds within {LEAST_FLASH_MS} to {MOST_FLASH_MS}", valid_flash)
DEVICE_NAME = Kind("device", "a sound device of alsa-lib, such as default or plughw:1,0", valid_device)
TARGET = Kind("target", "1 to 32 digits, or a sip: address", valid_target)
