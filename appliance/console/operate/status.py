# SPDX-License-Identifier: Apache-2.0
"""`status`: what is on trial, and who else edits."""

from appliance.console.configure.trial import render_status as render
from appliance.console.servers import CONFIGURATION

__all__ = ["SERVER", "render"]

SERVER = CONFIGURATION
