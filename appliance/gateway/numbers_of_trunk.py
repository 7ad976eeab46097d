# SPDX-License-Identifier: Apache-2.0
"""The numbers of one trunk: which of them an INVITE calls, whose it is, under which one somebody calls out. A value."""

from appliance.config.configuration import TrunkConfiguration
from appliance.gateway.carrier_profiles.carrier_profile import CalledSource, CarrierProfile
from appliance.gateway.identity import read_address_uri
from appliance.gateway.translation import Translator, escape_user, read_digits
from appliance.native.sip_scanner import Message
from appliance.sip.uri_user import read_uri_user


class TrunkNumbers:
    """number: the user part of our AOR, "" for none."""

    __slots__ = ("_by_extension", "_extensions", "_habits", "_own", "_translator", "_written", "number")

    def __init__(self, configuration: TrunkConfiguration, habits: CarrierProfile, translator: Translator) -> None:
        self._habits = habits
        self._translator = translator
        self.number = configuration.number
        self._extensions: dict[str, bytes] = {}
        self._written = {dial_in.number: dial_in.extension.encode() for dial_in in configuration.dids}
        self._by_extension: dict[bytes, str] = {}
        self._own: dict[str, str] = {}
        for dial_in in configuration.dids:
            key = translator.key(dial_in.number)
            self._extensions[key] = dial_in.extension.encode()
            self._by_extension.setdefault(dial_in.extension.encode(), dial_in.number)
            self._own.setdefault(key, dial_in.number)
        if self.number:
            self._own.setdefault(translator.key(self.number), self.number)

    def read_called(self, request: Message) -> list[str]:
        """Every number that an INVITE may be meant for, as the carrier writes it, the likeliest first: by the profile's
        order, but the user part of our own Contact, which says nothing, comes last."""
        called = []
        for source in self._habits.called_sources:
            written = _read_source(request, source)
            if written and written not in called:
                called.append(written)
        if len(called) > 1 and self.number in called:
            called.remove(self.number)
            called.append(self.number)
        return called

    def find_extension(self, called: str) -> bytes:
        """Who rings for this number, b"" for nobody."""
        return self._written.get(called) or self._extensions.get(self._translator.key(called), b"")

    def owns(self, called: str) -> bool:
        """Whether the carrier gave us this number."""
        return called in self._written or self._translator.key(called) in self._own

    def choose_own(self, extension: bytes, caller: bytes) -> str:
        """The number to call out with: the caller's where it is one of ours (another PBX behind us), the extension's,
        that of the AOR, any; "" where the trunk has none."""
        if not self._own:
            return ""
        presented = self._own.get(self._translator.key(read_digits(escape_user(caller))))
        return presented or self._by_extension.get(extension) or self.number or next(iter(self._own.values()))


def _read_source(request: Message, source: CalledSource) -> str:
    if source is CalledSource.TO:
        user, uri = request.to_user, request.to_uri
    elif source is CalledSource.REQUEST_URI:
        user, uri = request.uri_user, request.uri
    else:
        value = request.header(b"P-Called-Party-ID")
        if value is None:
            return ""
        user, uri = b"", read_address_uri(value)
    # the scanner has the user part of a SIP URI, still escaped; of a tel URI it is the number
    return read_digits(user or escape_user(read_uri_user(uri)))
