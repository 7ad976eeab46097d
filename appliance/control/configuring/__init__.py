# SPDX-License-Identifier: Apache-2.0
"""The configuration service: candidates, commits that take effect everywhere or nowhere, and the way back."""
