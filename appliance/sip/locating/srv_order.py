# SPDX-License-Identifier: Apache-2.0
"""The order in which SRV records are tried: by priority, and among equals by chance in proportion to weight (RFC 2782,
"Usage rules"). Randomness is injected.
"""

from collections.abc import Callable, Iterable

from appliance.sip.locating.records import Srv


def order_services(services: Iterable[Srv], random_octets: Callable[[int], bytes]) -> list[Srv]:
    """All records in the order for one request."""
    by_priority: dict[int, list[Srv]] = {}
    for service in services:
        by_priority.setdefault(service.priority, []).append(service)
    return [service for priority in sorted(by_priority)
            for service in _order_equals(by_priority[priority], random_octets)]


def _order_equals(left: list[Srv], random_octets: Callable[[int], bytes]) -> list[Srv]:
    if len(left) == 1:
        return left
    # those of weight 0 first, so that they have a small chance beside the others
    left.sort(key=lambda service: (service.weight, service.target, service.port))
    ordered = []
    while len(left) > 1:
        ordered.append(left.pop(_choose_index(left, random_octets)))
    return ordered + left


def _choose_index(left: list[Srv], random_octets: Callable[[int], bytes]) -> int:
    """The first record whose running sum reaches a number drawn from 0 to the sum of all, both included."""
    total = sum(service.weight for service in left)
    # 64 bits over a sum of at most 2^24: the bias is beyond measure
    drawn = int.from_bytes(random_octets(8), "big") % (total + 1)
    running = 0
    for index, service in enumerate(left):
        running += service.weight
        if running >= drawn:
            return index
    return len(left) - 1
