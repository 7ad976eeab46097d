# SPDX-License-Identifier: Apache-2.0
"""Japanese: commands."""

SENTENCES: dict[str, str] = {}
