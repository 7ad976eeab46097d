# SPDX-License-Identifier: Apache-2.0
"""`show trunks`: the connections to the outside, which the gateway will have."""


def render(_result: list[object]) -> str:
    """That there is none."""
    return "no trunk: the gateway is not built yet\n"
