# SPDX-License-Identifier: Apache-2.0
"""The version of denwaban: one place, read by the build and by `denwaban version`."""

VERSION = "0.1.0"
