# SPDX-License-Identifier: Apache-2.0
"""What happened, said so that a person understands it: trace, ladder."""
