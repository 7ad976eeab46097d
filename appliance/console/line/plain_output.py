# SPDX-License-Identifier: Apache-2.0
"""What the line editor sends to the terminal: text and cursor movements, nothing that only looks nice.

A vt100 understands all of it, and a slow serial line carries it.
"""

from prompt_toolkit.cursor_shapes import CursorShape
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Attrs


class PlainOutput(Vt100_Output):
    """Without attributes, without hiding the cursor, without modes that nothing here uses."""

    def set_attributes(self, attrs: Attrs, color_depth: ColorDepth) -> None:
        """No colours."""

    def reset_attributes(self) -> None:
        """None was set."""

    def hide_cursor(self) -> None:
        """It may be seen moving."""

    def show_cursor(self) -> None:
        """It was never hidden."""

    def set_cursor_shape(self, cursor_shape: CursorShape) -> None:
        """As the terminal has it."""

    def reset_cursor_shape(self) -> None:
        """It was never set."""

    def reset_cursor_key_mode(self) -> None:
        """It was never changed."""
