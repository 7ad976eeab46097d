# SPDX-License-Identifier: Apache-2.0
"""Sound that has a meaning: the tones of telephone networks."""
