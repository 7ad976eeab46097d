# SPDX-License-Identifier: Apache-2.0
"""A binding made again from its row on disk, after a restart."""

from appliance.native.sip_scanner import split_values
from appliance.pbx.binding import Binding
from appliance.pbx.binding_row import BindingRow
from appliance.sip.flow import Flow


def restore_binding(row: BindingRow, flow: Flow) -> Binding:
    """Everything but the deadline. Its arrival is unknown, so that the next REGISTER is looked at in full."""
    binding = Binding(row.aor, row.contact, flow)
    binding.set_parameters(row.parameters)
    binding.q = row.q
    binding.granted_s = row.granted_s
    binding.call_id = row.call_id
    binding.cseq = row.cseq
    binding.path = tuple(split_values(row.path)) if row.path else ()
    binding.instance = row.instance
    binding.reg_id = row.reg_id
    return binding
