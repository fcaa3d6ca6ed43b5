"""Reading answers: what the origin learns from a failure or fulfilment that comes back (BOLT 4, Origin Node).

The origin takes off, hop by hop from the nearest on, what each has hidden. The failure's HMAC tells which hop it comes
from; the attribution data's HMACs tell how far the answer is as the hops passed it on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from boltwire.fields import AttributionData
from boltwire.onion import attribution, return_packet
from boltwire.onion.return_packet import ReturnedFailure

DECRYPTION_ROUNDS: Final = 27
"""Rounds that the origin always performs, so that the time it takes does not tell the route's length.

AMBIGUOUS: longest-route: 27 is "the maximum route length", but there are 20 places for attribution data. Hops beyond
the twentieth take part in the failure's decryption only; a route of more than 27 hops, which small payloads allow,
takes its length.
"""

_DUMMY_SECRET = bytes(32)
"""For rounds beyond the last hop (B04-error-origin-o-03). Anyone can make packets that fit it, so that its results are
always thrown away."""


@dataclass(frozen=True, slots=True)
class HoldTimeReport:
    """What attribution data say."""

    hold_times: tuple[int, ...]
    """Units of 100 ms, of each hop from the first on for which the data are authentic."""
    unattributed_hop: int | None
    """The first hop, from 0, for which they are not: it, its neighbour upstream or lack of support is to blame.

    None if they are authentic up to the last hop looked at.
    """


@dataclass(frozen=True, slots=True)
class FailureReport:
    """What a returned failure says."""

    erring_hop: int | None
    """The hop, from 0, that made the failure; None if no hop of the route did (B04-error-origin-o-04: the attribution
    data then show where it was damaged)."""
    failuremsg: bytes | None
    """The erring hop's encoded failure message; None if there is no erring hop, or it sent no readable message."""
    attribution: HoldTimeReport | None
    """What the attribution data say about the hops up to the erring one; None if there are none."""


def read_failure(shared_secrets: Sequence[bytes], failure: ReturnedFailure) -> FailureReport:
    """Decrypt what came back for an onion with these ``shared_secrets``, first hop first.

    Always takes 27 rounds (B04-error-origin-o-02), with a constant secret once the route is at its end. Never raises
    for a bad packet: whatever an adversary sends back has a report.
    """
    packet = failure.reason
    packets: list[bytes] = []
    erring_hop: int | None = None
    for round_ in range(max(DECRYPTION_ROUNDS, len(shared_secrets))):
        in_route = round_ < len(shared_secrets)
        secret = shared_secrets[round_] if in_route else _DUMMY_SECRET
        packet = return_packet.hide(secret, packet)
        packets.append(packet)
        if return_packet.is_authentic(secret, packet) and in_route and erring_hop is None:
            erring_hop = round_
    failuremsg = None if erring_hop is None else return_packet.failuremsg_of(packets[erring_hop])
    if failure.attribution_data is None:
        return FailureReport(erring_hop, failuremsg, None)
    passed_by = len(shared_secrets) if erring_hop is None else erring_hop + 1
    report = _read_attribution(shared_secrets, packets, failure.attribution_data, passed_by)
    return FailureReport(erring_hop, failuremsg, report)


def read_hold_times(shared_secrets: Sequence[bytes], attribution_data: AttributionData) -> HoldTimeReport:
    """What the attribution data of a fulfilment say; the same as for a failure with an empty packet."""
    packets = [b""] * max(DECRYPTION_ROUNDS, len(shared_secrets))
    return _read_attribution(shared_secrets, packets, attribution_data, len(shared_secrets))


def _read_attribution(
    shared_secrets: Sequence[bytes], packets: Sequence[bytes], attribution_data: AttributionData, passed_by: int
) -> HoldTimeReport:
    """Check the first ``passed_by`` hops, one after the other; ``packets`` are as each of them received them.

    AMBIGUOUS: which-attribution-hmac: which of a hop's HMACs the origin is to check is "the one for its position". It
    is the one for the place that the hop has in the whole route, even if the failure comes from a node before the
    route's end: hops compute all their HMACs, and those behind the erring node cover zeros. In a route of more than 20
    hops, the first 20 count.
    """
    hops = min(len(shared_secrets), attribution.MAX_HOPS)
    hold_times: list[int] = []
    unattributed_hop: int | None = None
    for round_ in range(attribution.MAX_HOPS):
        secret = shared_secrets[round_] if round_ < hops else _DUMMY_SECRET
        attribution_data = attribution.reveal(secret, attribution_data)
        hops_behind = max(0, hops - 1 - round_)
        authentic = attribution.is_authentic(secret, packets[round_], attribution_data, hops_behind)
        if round_ < min(hops, passed_by) and unattributed_hop is None:
            if authentic:
                hold_times.append(attribution_data.htlc_hold_times[0])
            else:
                unattributed_hop = round_
        attribution_data = attribution.remove_first_hop(attribution_data)
    return HoldTimeReport(tuple(hold_times), unattributed_hop)
