"""Attribution data: who held the HTLC for how long, and who broke the answer (BOLT 4, Returning Errors).

Every hop that passes an answer (a failure or a fulfilment) back puts its *hold time* in front of those from downstream,
and authenticates everything that it passes on. As a hop does not know its place in the route, it adds one HMAC for each
place that it could have: ``hmac_x_y`` is the one that the hop ``x`` places downstream added for the case that it is
``y`` places upstream of the last node.

The HMACs lie in blocks, one per ``x`` from 0 to 19. Block ``x`` holds ``y`` from 19 - x down to 0, since a hop that is
``x`` places down a route of 20 cannot have more than this before it. Each block has one HMAC less than the one before;
when a block moves one place down, its first HMAC is what has become impossible. That makes 210 HMACs of 4 bytes.

Hold times count units of 100 milliseconds; 0 stands for unknown.
"""

import hmac
import struct
from typing import Final

from boltwire.fields import AttributionData
from boltwire.onion.keys import KeyType, derive_key
from boltwire.onion.stream import apply_stream

MAX_HOPS: Final = 20
"""Hops from which a route can return attribution data."""

HMAC_COUNT: Final = MAX_HOPS * (MAX_HOPS + 1) // 2
"""HMACs in attribution data."""

TRUNCATED_HMAC_SIZE: Final = 4
"""Bytes that are kept of each HMAC."""

MAX_HOLD_TIME: Final = 2**32 - 1
"""Greatest hold time that can be reported, in units of 100 ms."""

_HOLD_TIME_SIZE = 4
_HOLD_TIMES_SIZE = MAX_HOPS * _HOLD_TIME_SIZE
_NO_HMAC = bytes(TRUNCATED_HMAC_SIZE)


def _index(x: int, y: int) -> int:
    """Where ``hmac_x_y`` is among the 210."""
    earlier_blocks = x * MAX_HOPS - x * (x - 1) // 2
    return earlier_blocks + (MAX_HOPS - 1 - x) - y


_DOWNSTREAM: Final = tuple(tuple(_index(x, y - x) for x in range(1, y + 1)) for y in range(MAX_HOPS))
"""For each y, where the HMACs are that ``hmac_0_y`` covers."""

EMPTY: Final = AttributionData((0,) * MAX_HOPS, (_NO_HMAC,) * HMAC_COUNT)
"""What a hop starts from when it gets no attribution data from downstream (B04-error-relay-m-02)."""


def add_attribution(
    shared_secret: bytes, return_packet: bytes, hold_time: int, downstream: AttributionData = EMPTY
) -> AttributionData:
    """The attribution data that a hop sends upstream.

    ``return_packet`` is the packet before this hop hides it: the one that was received, or made, and no bytes at all
    for a fulfilment. ``downstream`` is what came with it; the erring node and the final node have none
    (B04-erring-node-g-03). ``hold_time`` is in units of 100 ms.

    B04-error-relay-m-01 (shift and prune), B04-error-relay-m-03 (add own data, then hide).
    """
    if not 0 <= hold_time <= MAX_HOLD_TIME:
        raise ValueError(f"a hold time is a u32, not {hold_time}")
    shifted = _put_first(hold_time, downstream)
    um = derive_key(KeyType.UM, shared_secret)
    own = tuple(_hmac(um, return_packet, shifted, y) for y in reversed(range(MAX_HOPS)))
    complete = shifted._replace(truncated_hmacs=own + shifted.truncated_hmacs[MAX_HOPS:])
    return _apply_ammagext(shared_secret, complete)


def _put_first(hold_time: int, downstream: AttributionData) -> AttributionData:
    """What came from downstream, one place further down and without the HMACs that have become impossible.

    In front of it are the hop's own hold time and zeros for its 20 HMACs.
    """
    hmacs = [_NO_HMAC] * MAX_HOPS
    for x in range(MAX_HOPS - 1):
        hmacs += downstream.truncated_hmacs[_index(x, MAX_HOPS - 2 - x) : _index(x, 0) + 1]
    return AttributionData((hold_time, *downstream.htlc_hold_times[:-1]), tuple(hmacs))


def reveal(shared_secret: bytes, attribution_data: AttributionData) -> AttributionData:
    """Take off what one hop, upstream first, has hidden; for the origin."""
    return _apply_ammagext(shared_secret, attribution_data)


def is_authentic(
    shared_secret: bytes, return_packet: bytes, attribution_data: AttributionData, hops_behind: int
) -> bool:
    """Whether the hop that is now the first one passed on just this, ``hops_behind`` places before the last node.

    ``attribution_data`` and ``return_packet`` are as that hop received them: revealed. The comparison takes constant
    time.
    """
    expected = _hmac(derive_key(KeyType.UM, shared_secret), return_packet, attribution_data, hops_behind)
    return hmac.compare_digest(expected, attribution_data.truncated_hmacs[_index(0, hops_behind)])


def remove_first_hop(attribution_data: AttributionData) -> AttributionData:
    """What the first hop received from downstream, but for what it has discarded; for the origin.

    In the place of what was discarded are zeros. It belongs to places beyond the twentieth, which are never looked at.
    """
    hmacs: list[bytes] = []
    for x in range(1, MAX_HOPS):
        block = attribution_data.truncated_hmacs[_index(x, MAX_HOPS - 1 - x) : _index(x, 0) + 1]
        hmacs += (_NO_HMAC, *block)
    return AttributionData((*attribution_data.htlc_hold_times[1:], 0), (*hmacs, _NO_HMAC))


def _hmac(um: bytes, return_packet: bytes, attribution_data: AttributionData, y: int) -> bytes:
    """``hmac_0_y``: over the packet, the first y + 1 hold times and the HMACs of the y hops downstream."""
    hold_times = struct.pack(f">{y + 1}I", *attribution_data.htlc_hold_times[: y + 1])
    hmacs = attribution_data.truncated_hmacs
    downstream = b"".join([hmacs[index] for index in _DOWNSTREAM[y]])
    return hmac.digest(um, return_packet + hold_times + downstream, "sha256")[:TRUNCATED_HMAC_SIZE]


def _apply_ammagext(shared_secret: bytes, attribution_data: AttributionData) -> AttributionData:
    return from_bytes(apply_stream(derive_key(KeyType.AMMAGEXT, shared_secret), to_bytes(attribution_data)))


def to_bytes(attribution_data: AttributionData) -> bytes:
    """The 920 bytes of attribution data, hold times first."""
    hold_times = struct.pack(f">{MAX_HOPS}I", *attribution_data.htlc_hold_times)
    return hold_times + b"".join(attribution_data.truncated_hmacs)


def from_bytes(data: bytes) -> AttributionData:
    """The inverse of :func:`to_bytes`; ValueError unless there are 920 bytes."""
    hmacs_size = HMAC_COUNT * TRUNCATED_HMAC_SIZE
    if len(data) != _HOLD_TIMES_SIZE + hmacs_size:
        raise ValueError(f"attribution data have {_HOLD_TIMES_SIZE + hmacs_size} bytes, not {len(data)}")
    starts = range(_HOLD_TIMES_SIZE, len(data), TRUNCATED_HMAC_SIZE)
    hmacs = tuple(data[start : start + TRUNCATED_HMAC_SIZE] for start in starts)
    return AttributionData(struct.unpack_from(f">{MAX_HOPS}I", data), hmacs)
