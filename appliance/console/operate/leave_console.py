# SPDX-License-Identifier: Apache-2.0
"""`exit`: nothing is said."""


def render(_result: None) -> str:
    """Nothing."""
    return ""
