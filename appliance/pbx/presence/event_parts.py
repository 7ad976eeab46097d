# SPDX-License-Identifier: Apache-2.0
"""What the event server is joined from; `assembly` fills it in."""

from typing import Protocol

from appliance.native.sip_scanner import Message
from appliance.pbx.account import Account
from appliance.pbx.authentication import Challenge
from appliance.pbx.dialog_table import DialogTable
from appliance.pbx.location import Location
from appliance.pbx.presence.event_row import PublicationStore, SubscriptionStore
from appliance.pbx.presence.subscriber_flow import UriFlows
from appliance.pbx.proxy.routing import OwnAddresses
from appliance.sip.flow import Flow
from appliance.sip.stack import SipStack
from appliance.vocabulary.journal import Journal


class Judge(Protocol):
    """pbx.authentication.Authentication as far as it is used here."""

    def judge(self, message: Message, flow: Flow, now: float, is_proxy: bool) -> Account | Challenge:
        """Who sent this, or what to ask for."""


class EventParts:
    """The elements around the event server. domain: of the office; stores: None keeps that kind in memory only;
    wall_offset: wall clock minus monotonic clock, seconds."""

    __slots__ = ("authentication", "dialogs", "domain", "journal", "location", "own", "publication_store", "stack",
                 "subscription_store", "targets", "wall_offset")

    stack: SipStack
    authentication: Judge
    location: Location
    dialogs: DialogTable
    targets: UriFlows
    own: OwnAddresses
    domain: bytes
    journal: Journal
    subscription_store: SubscriptionStore | None
    publication_store: PublicationStore | None
    wall_offset: float
