# SPDX-License-Identifier: Apache-2.0
"""Hands for the pins of the box: hook switch, bell, lamp (Linux GPIO character devices)."""
