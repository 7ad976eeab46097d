# SPDX-License-Identifier: Apache-2.0
"""RFC 3261 10.3 steps 6 to 8 as slowly and obviously as possible: the oracle of the registrar's property test.

Contacts are plain names here (no two spellings of one URI); times are whole seconds.
"""

LIMIT = 10


class LocationModel:
    """contact -> (end, Call-ID, CSeq) for each address, rebuilt from a copy at every request."""

    def __init__(self):
        self.bindings = {}

    def drop_expired(self, now):
        for address, bindings in self.bindings.items():
            self.bindings[address] = {contact: kept for contact, kept in bindings.items() if kept[0] > now}

    def register(self, address, contacts, expires, call_id, cseq, now):
        """contacts: [(contact, expires or None)]; status and {contact: seconds left}."""
        tentative = dict(self.bindings.get(address, {}))
        default = 3600 if expires is None else expires
        wanted = [(contact, default if own is None else own) for contact, own in contacts]
        if any(0 < seconds < 60 for _, seconds in wanted):
            return 423, None
        for contact, seconds in wanted:
            if contact in tentative:
                _, bound_by, number = tentative[contact]
                if bound_by == call_id and cseq <= number:
                    return 400, None
            if seconds or contact in tentative:
                tentative[contact] = (now + min(seconds, 7200), call_id, cseq)
        kept = {contact: bound for contact, bound in tentative.items() if bound[0] > now}
        if len(kept) > LIMIT:
            return 403, None
        self.bindings[address] = kept
        return 200, self.list_left(address, now)

    def star(self, address, call_id, cseq, now):
        for _, bound_by, number in self.bindings.get(address, {}).values():
            if bound_by == call_id and cseq <= number:
                return 400, None
        self.bindings[address] = {}
        return 200, {}

    def list_left(self, address, now):
        return {contact: bound[0] - now for contact, bound in self.bindings.get(address, {}).items()}
