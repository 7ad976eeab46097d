# SPDX-License-Identifier: Apache-2.0
"""Configurations on disk: the one that runs, those of the past, and the one that waits for its confirmation."""
