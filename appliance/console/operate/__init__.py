# SPDX-License-Identifier: Apache-2.0
"""One file a command: `render(result) -> str`, and `ask(words)` where the question differs from the words typed."""
