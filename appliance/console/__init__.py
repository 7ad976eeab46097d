# SPDX-License-Identifier: Apache-2.0
"""The operator's window: a process of its own that asks the daemon and holds nothing worth losing."""
