# SPDX-License-Identifier: Apache-2.0
"""What a stranger's message may cost the scanner: steps in proportion to its octets, whatever they are."""

import pytest

from tests.native.counted_island import CountedIsland
from tests.native.test_sip_scanner import LINES, build

MANY_VIAS = (build(Via=b", ".join([LINES[b"Via"]] * 1200)), build(extra=b"v: SIP/2.0/UDP a\r\n" * 3000))


@pytest.fixture(scope="module")
def island(tmp_path_factory) -> CountedIsland:
    return CountedIsland("sip_scanner", tmp_path_factory.mktemp("island"))


def count_scan(island: CountedIsland, octets: bytes, name: str) -> int:
    """Steps to check a message, read every value of a line and forward it."""
    def act() -> None:
        try:
            message = island.module.Message(octets)
            message.values(name.encode())
            message.forward(b"sip:a", b"", b"", 100000)
        except island.module.ScanError:
            pass
    return island.count_steps(act)


@pytest.mark.parametrize("unit", [b",", b'"', b"<", b'",', b"a<", b";a", b'a:b,', b"\\", b"\r\n ", b"<a:b>,",
                                  b";a=\"", b"[:"])
@pytest.mark.parametrize("name", ["Via", "From", "Contact", "Route", "CSeq", "X"])
def test_steps_grow_in_proportion_to_the_line(island, name, unit):
    def count(size: int) -> int:
        value = unit * (size // len(unit))
        return count_scan(island, build(**{name: b"SIP/2.0/UDP a" + value if name == "Via" else value}), name)
    few, many = count(800), count(8000)
    assert 0 < few < many <= 10 * few


@pytest.mark.parametrize("octets", MANY_VIAS)
def test_thousands_of_vias_are_refused_without_reading_them(island, octets):
    def act() -> None:
        with pytest.raises(island.module.ScanError):
            island.module.Message(octets)
    assert island.count_steps(act) < 2 * len(octets)
