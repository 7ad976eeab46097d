# SPDX-License-Identifier: Apache-2.0
"""The configuration language: `set` lines in, typed and verified values out. Pure: opens no file, knows no clock."""
