# SPDX-License-Identifier: Apache-2.0
"""`explain call N`: not built yet; says so and what to ask instead."""


def render(_result: None) -> str:
    """One line."""
    return "explain call: not built yet; `show call N` and `show call N ladder` say what happened\n"
