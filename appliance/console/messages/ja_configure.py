# SPDX-License-Identifier: Apache-2.0
"""Japanese: configure."""

SENTENCES: dict[str, str] = {}
