# SPDX-License-Identifier: Apache-2.0
"""The wizard of the first start: a dozen answers, and from them the lines of a working configuration."""
