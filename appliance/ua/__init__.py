# SPDX-License-Identifier: Apache-2.0
"""What every user agent does, RFC 3261 sections 8 and 10 to 15: requests, dialogs, calls, registration.

Elements (back-to-back legs, trunks, handset, notifier) are built on it; it knows none of them.
"""
