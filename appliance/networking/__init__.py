# SPDX-License-Identifier: Apache-2.0
"""The network of the host as values: what is wanted, what is there, the steps from one to the other. No hands."""
