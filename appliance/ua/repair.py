# SPDX-License-Identifier: Apache-2.0
"""Requests made acceptable after a refusal that says how: 415, 416, 420, 421, 422, 423 (RFC 3261 8.1.3.5, 21.4). Each
returns whether there is a point in another try; only the draft changes.
"""

from collections.abc import Callable
from typing import Final

from appliance.native.sip_scanner import Message
from appliance.ua.profile import AgentProfile
from appliance.ua.request_draft import RequestDraft

EXPIRES_LIMIT_S: Final = 86_400
"""A registrar may ask for longer intervals than a day; we do not believe it."""
Repair = Callable[[RequestDraft, Message, AgentProfile], bool]


def drop_body(draft: RequestDraft, response: Message, profile: AgentProfile) -> bool:
    """415 (21.4.13): only a body that may be left out is."""
    if not draft.body or b"handling=optional" not in draft.lines.lower():
        return False
    draft.body = b""
    return True


def use_sip_uri(draft: RequestDraft, response: Message, profile: AgentProfile) -> bool:
    """416 (8.1.3.5): the number of a tel URI at our own domain (19.1.6); never SIP instead of SIPS."""
    if draft.uri[:4].lower() != b"tel:":
        return False
    domain = profile.aor.rpartition(b"@")[2].partition(b";")[0]
    draft.redirect(b"sip:%s@%s;user=phone" % (draft.uri[4:], domain))
    return True


def drop_extensions(draft: RequestDraft, response: Message, profile: AgentProfile) -> bool:
    """420 (8.1.3.5): without the extensions that Unsupported lists."""
    unsupported = {tag.lower() for tag in response.values(b"Unsupported")}
    before = len(draft.required) + len(draft.supported)
    draft.required = tuple([tag for tag in draft.required if tag.lower() not in unsupported])
    draft.supported = tuple([tag for tag in draft.supported if tag.lower() not in unsupported])
    return len(draft.required) + len(draft.supported) < before


def require_extensions(draft: RequestDraft, response: Message, profile: AgentProfile) -> bool:
    """421 (21.4.16): the server needs extensions; with those we know we say that we support them."""
    known = {tag.lower() for tag in profile.supported}
    wanted = [tag for tag in response.values(b"Require") if tag]
    offered = {tag.lower() for tag in draft.supported}
    new = [tag for tag in wanted if tag.lower() not in offered]
    if not new or any(tag.lower() not in known for tag in wanted):
        return False
    draft.supported = (*draft.supported, *new)
    return True


def lengthen_interval(draft: RequestDraft, response: Message, profile: AgentProfile) -> bool:
    """423 (10.2.8, 21.4.17): at least Min-Expires."""
    written = response.header(b"Min-Expires") or b""
    if draft.expires_s < 0 or not written.isdigit() or len(written) > 9:
        return False
    minimum_s = int(written)
    if not draft.expires_s < minimum_s <= EXPIRES_LIMIT_S:
        return False
    draft.expires_s = minimum_s
    return True


def lengthen_session(draft: RequestDraft, response: Message, profile: AgentProfile) -> bool:
    """422 (RFC 4028 7.3, 7.4): at least its Min-SE, which is repeated from now on."""
    minimum = (response.header(b"Min-SE") or b"").partition(b";")[0].strip()
    if not draft.session_expires_s or not minimum.isdigit() or len(minimum) > 9:
        return False
    minimum_s = int(minimum)
    if not max(draft.session_expires_s, draft.min_se_s) < minimum_s <= EXPIRES_LIMIT_S:
        return False
    draft.session_expires_s = draft.min_se_s = minimum_s
    return True


_REPAIRS: Final[dict[int, Repair]] = {415: drop_body, 416: use_sip_uri, 420: drop_extensions, 421: require_extensions,
                                      422: lengthen_session, 423: lengthen_interval}


def repair_draft(draft: RequestDraft, response: Message, profile: AgentProfile) -> bool:
    """Whether the refusal said how to do it better and the draft now does."""
    repair = _REPAIRS.get(response.status)
    return repair is not None and repair(draft, response, profile)
