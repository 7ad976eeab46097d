# SPDX-License-Identifier: Apache-2.0
"""The stub resolver: questions of RFC 3263 to the office's name servers, without ever stopping the loop."""
