# SPDX-License-Identifier: Apache-2.0
"""The console at a terminal: the line that is edited, its keys, its pages. Loaded only where somebody types."""
