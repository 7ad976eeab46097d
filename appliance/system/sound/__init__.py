# SPDX-License-Identifier: Apache-2.0
"""Hands for sound: cards by alsa-lib, the thread that serves them, voice ports, the echo canceller."""
