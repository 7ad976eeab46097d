# SPDX-License-Identifier: Apache-2.0
"""The way in from outside: JSON lines on a Unix socket, for the console and for scripts."""
