# SPDX-License-Identifier: Apache-2.0
"""Small values and Protocols that several rooms share."""
