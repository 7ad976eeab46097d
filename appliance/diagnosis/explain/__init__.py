# SPDX-License-Identifier: Apache-2.0
"""Why a call went as it did: rules over what is known of it, each saying its cause only where the evidence is there."""
