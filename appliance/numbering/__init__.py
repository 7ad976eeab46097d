# SPDX-License-Identifier: Apache-2.0
"""What telephone numbers mean: E.164, a country's own way to dial, emergency numbers, digits as they are dialled."""
