# SPDX-License-Identifier: Apache-2.0
"""The border: trunks to carriers and other PBXs, what is dialled on them, who may dial it, and what may be seen."""
