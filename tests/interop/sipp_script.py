# SPDX-License-Identifier: Apache-2.0
"""SIPp scenarios, step by step, in the words of RFC 3261; `xml()` is what SIPp reads.

Keywords a scenario expects: domain, user, peer (-key), -au and -ap for credentials. SIPp addresses the branch of an
earlier message by counting back; the script does that counting.
"""

from collections.abc import Iterable

CONTACT = "<sip:[user]@[local_ip]:[local_port];transport=[transport]>"
PEER_TAG = "[peer_tag_param]"
CALLEE_TAG = ";tag=b[pid]x[call_number]"
DESCRIPTION = """v=0
o=sipp 53655765 {version} IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a={direction}"""


def describe(version: int = 1, direction: str = "sendrecv") -> str:
    """A session description (RFC 4566) with one audio stream."""
    return DESCRIPTION.format(version=version, direction=direction)


class Script:
    """One scenario. Steps add themselves in order; `count` is SIPp's number of the next one."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._steps: list[str] = []
        self._labels = 0
        self._variables: list[str] = []
        self.count = 0
        self.cseq = 0
        self.invite_at = 0

    def xml(self) -> str:
        reference = f'<Reference variables="{",".join(self._variables)}"/>\n' if self._variables else ""
        return (f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="{self.title}">\n'
                f"{''.join(self._steps)}{reference}</scenario>\n")

    def _add(self, text: str) -> "Script":
        self._steps.append(text)
        self.count += 1
        return self

    def pause(self, duration_ms: int) -> "Script":
        return self._add(f'<pause milliseconds="{duration_ms}"/>\n')

    def send(self, lines: Iterable[str], body: str = "", *, is_retransmitted: bool = False) -> "Script":
        lines = [*lines, *(["Content-Type: application/sdp"] if body else []), "Content-Length: [len]"]
        retransmission = ' retrans="500"' if is_retransmitted else ""
        text = "\n".join(lines) + "\n\n" + body
        return self._add(f"<send{retransmission}><![CDATA[\n\n{text}\n]]></send>\n")

    def receive(self, what: str | int, *, checks: dict[str, str] | None = None, **attributes: str) -> "Script":
        """A message that must come; checks: header name -> regular expression of its value ("": header absent)."""
        kind = "response" if isinstance(what, int) else "request"
        written = "".join(f' {name}="{value}"' for name, value in attributes.items())
        if not checks:
            return self._add(f'<recv {kind}="{what}"{written}/>\n')
        actions = "".join(self._check(name, pattern) for name, pattern in checks.items())
        return self._add(f'<recv {kind}="{what}"{written}><action>{actions}</action></recv>\n')

    def _check(self, name: str, pattern: str) -> str:
        variable = f"check{len(self._variables)}"
        self._variables.append(variable)
        escaped = pattern.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
        rule = "check_it" if pattern else "check_it_inverse"
        return (f'<ereg regexp="{escaped or "."}" search_in="hdr" header="{name}:" {rule}="true" '
                f'assign_to="{variable}"/>')

    # what a caller sends
    def request(self, method: str, uri: str, *, to: str = "<sip:[peer]@[domain]>", extra: Iterable[str] = (),
                branch: str = "[branch]", cseq: int = 0, has_contact: bool = True) -> list[str]:
        return [f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch};rport",
                "Max-Forwards: 70", "From: <sip:[user]@[domain]>;tag=a[call_number]", f"To: {to}", "Call-ID: [call_id]",
                f"CSeq: {cseq or self.cseq} {method}", *([f"Contact: {CONTACT}"] if has_contact else []), *extra]

    def register(self, contact: str | None = CONTACT, expires_s: int | None = 300, *,
                 is_authorized: bool = False) -> "Script":
        self.cseq += 1
        extra = [f"Contact: {contact}"] if contact else []
        extra += [f"Expires: {expires_s}"] if expires_s is not None else []
        extra += ["[authentication]"] if is_authorized else []
        return self.send(self.request("REGISTER", "sip:[domain]", to="<sip:[user]@[domain]>", extra=extra,
                                      has_contact=False), is_retransmitted=True)

    def invite(self, body: str = "", *, is_authorized: bool = False) -> "Script":
        self.cseq += 1
        self.invite_at = self.count
        extra = ["[authentication]"] if is_authorized else []
        return self.send(self.request("INVITE", "sip:[peer]@[domain]", extra=extra), body, is_retransmitted=True)

    def invite_with_digest(self, body: str = "") -> "Script":
        """INVITE, the challenge by 401 or 407, its ACK, INVITE with credentials (RFC 3665 section 3.3)."""
        self._labels += 1
        label = str(self._labels)
        self.invite(body).receive(100, optional="true")
        self.receive(401, auth="true", optional="true", next=label).receive(407, auth="true")
        self._steps.append(f'<label id="{label}"/>\n')
        return self.acknowledge_refusal().invite(body, is_authorized=True)

    def acknowledge_refusal(self) -> "Script":
        """ACK of a non-2xx response: same branch, same Request-URI as the INVITE (RFC 3261 section 17.1.1.3)."""
        return self.send(self.request("ACK", "sip:[peer]@[domain]", to=f"<sip:[peer]@[domain]>{PEER_TAG}",
                                      branch=f"[branch-{self.count - self.invite_at}]", has_contact=False))

    def cancel(self) -> "Script":
        """CANCEL of the INVITE: its branch, its CSeq number, no To tag (RFC 3261 section 9.1)."""
        lines = self.request("CANCEL", "sip:[peer]@[domain]", branch=f"[branch-{self.count - self.invite_at}]",
                             has_contact=False)
        return self.send(lines, is_retransmitted=True)

    def provisional(self) -> "Script":
        return self.receive(100, optional="true").receive(180, optional="true").receive(183, optional="true")

    def acknowledge(self, body: str = "") -> "Script":
        """ACK of a 2xx: a transaction of its own along the route set (RFC 3261 section 13.2.2.4)."""
        return self.send(self.request("ACK", "[next_url]", to=f"<sip:[peer]@[domain]>{PEER_TAG}", extra=["[routes]"],
                                      has_contact=False), body)

    def in_dialog(self, method: str, body: str = "") -> "Script":
        self.cseq += 1
        lines = self.request(method, "[next_url]", to=f"<sip:[peer]@[domain]>{PEER_TAG}", extra=["[routes]"])
        return self.send(lines, body, is_retransmitted=True)

    # what a callee sends
    def receive_invite(self) -> "Script":
        """The INVITE of a call in which this side will send requests too: its From and To are kept for them."""
        self._variables += ["caller", "callee"]
        kept = "".join(f'<ereg regexp=".*" search_in="hdr" header="{header}:" assign_to="{name}"/>'
                       for header, name in (("From", "caller"), ("To", "callee")))
        return self._add(f'<recv request="INVITE" rrs="true"><action>{kept}</action></recv>\n')

    def bye_from_callee(self) -> "Script":
        """BYE of the callee: From and To change sides, along the route set (RFC 3261 section 12.2.1.1)."""
        via = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport"
        return self.send(["BYE [next_url] SIP/2.0", via, "Max-Forwards: 70", f"From: [$callee]{CALLEE_TAG}",
                          "To: [$caller]", "Call-ID: [call_id]", "CSeq: 1 BYE", "[routes]"], is_retransmitted=True)

    def respond(self, status: int, reason: str, body: str = "", *, has_tag: bool = True, extra: Iterable[str] = (),
                is_retransmitted: bool = False, cseq: str = "[last_CSeq:]") -> "Script":
        lines = [f"SIP/2.0 {status} {reason}", "[last_Via:]", "[last_From:]",
                 "[last_To:]" + (CALLEE_TAG if has_tag else ""), "[last_Call-ID:]", cseq,
                 *(["[last_Record-Route:]"] if has_tag else []), f"Contact: {CONTACT}", *extra]
        return self.send(lines, body, is_retransmitted=is_retransmitted)

    def answer(self, body: str = "") -> "Script":
        return self.respond(200, "OK", body or describe(), is_retransmitted=True)

    def confirm(self) -> "Script":
        """200 to a request inside the dialog."""
        return self.respond(200, "OK", has_tag=False)

    def terminate(self) -> "Script":
        """487 to the INVITE after a CANCEL that has been answered (RFC 3261 section 9.2)."""
        return self.respond(487, "Request Terminated", is_retransmitted=True, cseq="CSeq: [cseq] INVITE")
