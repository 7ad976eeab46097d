# SPDX-License-Identifier: Apache-2.0
"""Writes the reference into docs/configuration.md, after a change of the schema.

`python -m tests.config.write_reference`
"""

from pathlib import Path

from appliance.config.reference import render_reference

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
MARK = "<!-- reference -->\n"

if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text(encoding="utf-8").partition(MARK)[0] + MARK + render_reference(), encoding="utf-8")
