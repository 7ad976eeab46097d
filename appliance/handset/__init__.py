# SPDX-License-Identifier: Apache-2.0
"""The telephone at the sound card: what a receiver, a hook and a keypad mean, as a user agent of its own."""
