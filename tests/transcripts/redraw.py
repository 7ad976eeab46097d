# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.transcripts.redraw FILE...`: draws arrows straight, also `0.5 alice -> server INVITE`."""

import sys
from pathlib import Path

from tests.transcripts.notation import draw_transcript, read_transcript

if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(draw_transcript(read_transcript(Path(name))), "utf-8")
