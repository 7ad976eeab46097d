# SPDX-License-Identifier: Apache-2.0
"""The office network: registrar, location service, authentication, proxy."""
