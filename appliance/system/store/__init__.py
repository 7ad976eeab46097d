# SPDX-License-Identifier: Apache-2.0
"""What outlives the process: SQLite files, each written by a thread of its own: the loop never waits for a disk."""
