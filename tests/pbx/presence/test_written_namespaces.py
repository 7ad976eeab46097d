# SPDX-License-Identifier: Apache-2.0
"""Whatever presence document is accepted, what is told of it is well-formed and means the same (Namespaces in XML)."""

from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from tests.pbx.presence.event_office import PIDF, EventOffice, pidf
from tests.pbx.proxy.virtual_office import A

DATA_MODEL = "urn:ietf:params:xml:ns:pidf:data-model"
RPID = "urn:ietf:params:xml:ns:pidf:rpid"
XML = "http://www.w3.org/XML/1998/namespace"
OFFICE = EventOffice()
SOUND_URIS = ["urn:x", "urn:y", "a b", '&<>"\'', "元気", PIDF[1:-1], DATA_MODEL, RPID]
URIS = st.sampled_from([*SOUND_URIS * 12, "x}y", "{", "", XML, "http://www.w3.org/2000/xmlns/"])
DECLARED = ["", "a:", "n0:", "dm:", "rpid:", "b:"]
PREFIXES = st.sampled_from([*DECLARED, "xml:"])
LOCALS = st.sampled_from(["foo", "person", "activities", "note", "id", "lang", "éa", "n0", "a.b-c", "xmlns-"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=6)


@st.composite
def elements(draw, depth: int = 0) -> str:
    """An element as text, sound or not: that is for the server to find out."""
    name = draw(PREFIXES) + draw(LOCALS)
    attributes = draw(st.dictionaries(st.builds(str.__add__, PREFIXES, LOCALS), TEXTS, max_size=3))
    for prefix in DECLARED if depth == 0 else sorted(draw(st.sets(st.sampled_from(DECLARED), max_size=2))):
        uri = draw(URIS)
        if uri or not prefix:
            attributes["xmlns" + (f":{prefix[:-1]}" if prefix else "")] = uri
    said = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    inside = escape(draw(TEXTS))
    if depth < 3:
        inside += "".join(child + escape(draw(TEXTS)) for child in draw(st.lists(elements(depth + 1), max_size=2)))
    return f"<{name}{said}>{inside}</{name}>"


def freeze(element: ElementTree.Element):
    """What an element says, without the space round its texts."""
    return (element.tag, dict(element.attrib), (element.text or "").strip(),
            [(freeze(child), (child.tail or "").strip()) for child in element])


@pytest.mark.parametrize("more", ["<xml:foo/>", "<xml:foo xml:lang='ja'><a xmlns=''><xml:b/></a></xml:foo>"])
def test_element_of_the_xml_namespace_declares_nothing(more):
    told = publish(pidf("open", "t", more))
    assert told is not None
    assert ElementTree.fromstring(told).find(f"{{{XML}}}foo") is not None
    assert b"xmlns:xml" not in told
    assert XML.encode() not in told


@settings(max_examples=200, deadline=None)
@given(st.lists(elements(), min_size=1, max_size=3).map("".join))
@example("<xml:foo/>")
@example('<a xmlns="x}y" xmlns:p="x}y" p:b="1"/>')
def test_what_is_accepted_is_told_as_well_formed_xml_that_means_the_same(more):
    body = pidf("open", "t", more)
    told = publish(body)
    event("refused" if told is None else "accepted")
    if told is None:
        return
    composed = [freeze(child) for child in ElementTree.fromstring(told)]    # expat's own judgement, with namespaces
    for child in ElementTree.fromstring(body):
        if child.tag not in (f"{PIDF}tuple", f"{{{DATA_MODEL}}}person"):
            assert freeze(child) in composed
    told_again = publish(told.decode())
    assert told_again is not None, "what we tell could be published"


def publish(body: str) -> bytes | None:
    """The document that a watcher gets of it, None where it is refused."""
    accepted = OFFICE.publish("202", body)
    assert accepted.status in (200, 400)
    if accepted.status != 200:
        return None
    assert OFFICE.subscribe("201", "202", "presence", 0).status == 200
    (notify,) = OFFICE.notifies(A)
    OFFICE.publish("202", etag=accepted.header(b"SIP-ETag").decode(), expires=0)
    OFFICE.advance(40)
    return notify.body
