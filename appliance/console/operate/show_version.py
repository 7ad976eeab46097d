# SPDX-License-Identifier: Apache-2.0
"""`show version`: of the server that answers, which after an upgrade may be older than this console."""


def render(result: dict[str, str]) -> str:
    """One line."""
    return f"denwaban {result['version']}\n"
