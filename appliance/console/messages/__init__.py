# SPDX-License-Identifier: Apache-2.0
"""What the console says, in the languages that it speaks: English in the code, every other one as a table beside it."""
