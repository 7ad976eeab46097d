# SPDX-License-Identifier: Apache-2.0
"""Configuration mode: a candidate of one operator, what may be typed on it, and how it is committed."""
