# SPDX-License-Identifier: Apache-2.0
"""Random REGISTERs against a slow and obvious model, on a virtual clock, with restarts in between."""

from hypothesis import given
from hypothesis import strategies as st

from tests.models.location_model import LocationModel
from tests.pbx.registrar_office import Office, RowStore, wall_now

CONTACTS = [b"sip:phone@192.0.2.%d" % number for number in range(1, 14)]
expires = st.sampled_from([None, 0, 30, 60, 90, 3600, 9000])
registers = st.tuples(st.just("register"), st.sampled_from([b"1001", b"1002"]),
                      st.lists(st.tuples(st.sampled_from(CONTACTS), expires), max_size=12,
                               unique_by=lambda contact: contact[0]),
                      expires, st.sampled_from([b"a", b"b"]), st.integers(1, 6))
stars = st.tuples(st.just("star"), st.sampled_from([b"1001", b"1002"]), st.sampled_from([b"a", b"b"]),
                  st.integers(1, 6))
# sevenths: no sum of these is 60, 90, 3600 or 7200, so that no step falls into the half second in which a binding ends
waits = st.tuples(st.just("wait"), st.sampled_from([7, 28, 63, 3605]))
restarts = st.tuples(st.just("restart"))


def restart(office):
    """The same disk under a new process."""
    office.location.flush(office.now)
    again = Office(store=office.store, wall_offset=office.location.wall_offset, start=office.now)
    again.location.restore(list(office.store.rows.values()), again.now, wall_now(again), again.find_flow)
    return again


def read_left(answer):
    """{contact: seconds} of a 200."""
    left = {}
    for value in answer.contacts:
        uri, _, seconds = value.rpartition(b";expires=")
        left[uri.strip(b"<>")] = int(seconds)
    return left


@given(st.lists(st.one_of(registers, registers, registers, stars, waits, restarts), max_size=40))
def test_the_registrar_does_what_the_model_does(steps):
    office, model = Office(store=RowStore()), LocationModel()
    for step in steps:
        kind, *rest = step
        if kind == "wait":
            office.advance(rest[0])
            model.drop_expired(office.now)
            continue
        if kind == "restart":
            office = restart(office)
            continue
        if kind == "star":
            user, call_id, cseq = rest
            answer = office.register(b"*", user=user, call_id=call_id, cseq=cseq, lines=[b"Expires: 0"])
            expected = model.star(user, call_id, cseq, office.now)
        else:
            user, contacts, seconds, call_id, cseq = rest
            values = [b"<%b>%b" % (contact, b"" if own is None else b";expires=%d" % own) for contact, own in contacts]
            lines = [] if seconds is None else [b"Expires: %d" % seconds]
            answer = office.register(*values, user=user, call_id=call_id, cseq=cseq, lines=lines)
            expected = (200, model.list_left(user, office.now)) if not contacts else model.register(
                user, contacts, seconds, call_id, cseq, office.now)
        assert answer.status == expected[0]
        if answer.status == 200:
            assert read_left(answer) == expected[1]
        for user in (b"1001", b"1002"):
            assert set(office.contacts_of(user)) == set(model.list_left(user, office.now))
