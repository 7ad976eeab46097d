# SPDX-License-Identifier: Apache-2.0
"""The transaction-stateful proxy of RFC 3261 section 16, one step a file."""
