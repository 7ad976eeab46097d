# SPDX-License-Identifier: Apache-2.0
"""Japanese: operate."""

SENTENCES: dict[str, str] = {}
