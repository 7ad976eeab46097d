# SPDX-License-Identifier: Apache-2.0
"""Japanese: setup."""

SENTENCES: dict[str, str] = {}
