"""Failures on their way back: return packets, attribution data, what the origin makes of them (Returning Errors)."""

import hmac
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.fields import AttributionData
from boltwire.onion import attribution, origin, return_packet
from boltwire.onion.attribution import EMPTY, add_attribution, from_bytes, to_bytes
from boltwire.onion.keys import KeyType, derive_key
from boltwire.onion.origin import DECRYPTION_ROUNDS, FailureReport, HoldTimeReport, read_failure, read_hold_times
from boltwire.onion.return_packet import ReturnedFailure, authenticated, create_failure, hide, relay_failure

MESSAGE = bytes.fromhex("2002")
ROUTES = [1, 2, 5, 19, 20, 21, 27, 30]


def secrets(hops: int) -> list[bytes]:
    return [sha256(f"hop {hop}".encode()).digest() for hop in range(hops)]


def times(hops: int) -> tuple[int, ...]:
    return tuple(range(1, hops + 1))


def returned(
    route: Sequence[bytes], erring_hop: int, hold_times: Sequence[int | None] | None = None, message: bytes = MESSAGE
) -> ReturnedFailure:
    """What the origin receives; a hop without a hold time does not know attribution data."""
    chosen = times(len(route)) if hold_times is None else hold_times
    failure = create_failure(route[erring_hop], message, chosen[erring_hop])
    for hop in reversed(range(erring_hop)):
        failure = relay_failure(route[hop], failure, chosen[hop])
    return failure


@pytest.mark.parametrize("hops", ROUTES)
def test_failure_of_every_hop_is_found(hops: int) -> None:
    route = secrets(hops)
    for erring_hop in range(hops):
        report = read_failure(route, returned(route, erring_hop))
        assert report.erring_hop == erring_hop
        assert report.failuremsg == MESSAGE
        assert report.attribution == HoldTimeReport(times(min(erring_hop + 1, 20)), None)


@given(st.binary(max_size=1200), st.integers(0, 4))
def test_failure_message_of_any_content_arrives(message: bytes, erring_hop: int) -> None:
    route = secrets(5)
    assert read_failure(route, returned(route, erring_hop, message=message)).failuremsg == message


@pytest.mark.parametrize(("size", "pad"), [(0, 256), (2, 254), (255, 1), (256, 0), (257, 0), (1000, 0)])
def test_padding(size: int, pad: int) -> None:
    """B04-erring-node-g-01, B04-erring-node-g-02: 256 bytes, unless the message is longer."""
    body = authenticated(secrets(1)[0], bytes(size))[32:]
    assert len(body) == 2 + size + 2 + pad
    assert body[:2] == size.to_bytes(2, "big")
    assert body[2 + size : 4 + size] == pad.to_bytes(2, "big")


@pytest.mark.parametrize(("message_size", "padded_size"), [(2, 255), (2, 0), (65536, 256), (2, 65536)])
def test_sizes_that_cannot_be_are_refused(message_size: int, padded_size: int) -> None:
    """B04-erring-node-g-01."""
    with pytest.raises(ValueError, match="cannot be padded"):
        authenticated(secrets(1)[0], bytes(message_size), padded_size)


@pytest.mark.parametrize("padded_size", [256, 1024, 65535])
def test_more_padding_on_request(padded_size: int) -> None:
    """B04-erring-node-g-01."""
    assert len(authenticated(secrets(1)[0], MESSAGE, padded_size)) == 32 + 2 + padded_size + 2


def test_relays_hide_the_packet_without_changing_its_size() -> None:
    """B04-error-relay-m-04."""
    first, second = secrets(2)
    failure = create_failure(second, MESSAGE)
    relayed = relay_failure(first, failure)
    assert len(relayed.reason) == len(failure.reason)
    assert hide(first, relayed.reason) == failure.reason != relayed.reason


def test_no_attribution_data_without_a_hold_time() -> None:
    first, second = secrets(2)
    attributed = create_failure(second, MESSAGE, 3)
    assert attributed.attribution_data is not None
    assert create_failure(second, MESSAGE).attribution_data is None
    assert relay_failure(first, attributed).attribution_data is None


def test_attribution_data_start_fresh_at_the_erring_node() -> None:
    """B04-erring-node-g-03: its hold time, its 20 HMACs, all else zero before it is hidden."""
    (secret,) = secrets(1)
    data = create_failure(secret, MESSAGE, 7).attribution_data
    assert data is not None
    shown = attribution.reveal(secret, data)
    assert shown.htlc_hold_times == (7,) + (0,) * 19
    assert bytes(4) not in shown.truncated_hmacs[:20]
    assert set(shown.truncated_hmacs[20:]) == {bytes(4)}


def test_attribution_data_from_a_downstream_that_sends_none() -> None:
    """B04-error-relay-m-02: as if it had sent zeros."""
    first, second = secrets(2)
    relayed = relay_failure(first, create_failure(second, MESSAGE), 4)
    zeros = replace(create_failure(second, MESSAGE), attribution_data=EMPTY)
    assert relayed == relay_failure(first, zeros, 4)
    assert to_bytes(EMPTY) == bytes(920)


def test_shifting_and_pruning() -> None:
    """B04-error-relay-m-01, B04-error-relay-m-03: numbers instead of HMACs show where each one goes.

    Block x holds 20 - x HMACs, the one for the greatest distance first, and that one is what disappears.
    """
    downstream = AttributionData(times(20), tuple(index.to_bytes(4, "big") for index in range(210)))
    shown = attribution.reveal(b"k" * 32, add_attribution(b"k" * 32, b"packet", 99, downstream))
    assert shown.htlc_hold_times == (99, *times(19))
    blocks: list[list[int]] = []
    start = 0
    for size in range(20, 0, -1):
        blocks.append(list(range(start, start + size)))
        start += size
    kept = [number for block in blocks[:-1] for number in block[1:]]
    assert [int.from_bytes(mac, "big") for mac in shown.truncated_hmacs[20:]] == kept


def test_what_an_hmac_covers() -> None:
    """B04-error-relay-m-03: ``hmac_0_2`` covers packet, three hold times, ``hmac_1_1`` and ``hmac_2_0``."""
    secret = b"k" * 32
    downstream = AttributionData(times(20), tuple(index.to_bytes(4, "big") for index in range(210)))
    shown = attribution.reveal(secret, add_attribution(secret, b"packet", 99, downstream))
    hmacs = shown.truncated_hmacs
    hmac_1_1, hmac_2_0 = hmacs[20 + 17], hmacs[20 + 19 + 17]
    covered = b"packet" + b"".join(time.to_bytes(4, "big") for time in (99, 1, 2)) + hmac_1_1 + hmac_2_0
    assert hmacs[17] == hmac.digest(derive_key(KeyType.UM, secret), covered, "sha256")[:4]


def test_origin_undoes_what_relays_do_but_for_the_pruned_hmacs() -> None:
    secret = b"k" * 32
    downstream = AttributionData(times(20), tuple(index.to_bytes(4, "big") for index in range(1, 211)))
    passed_on = attribution.reveal(secret, add_attribution(secret, b"", 99, downstream))
    undone = attribution.remove_first_hop(passed_on)
    assert undone.htlc_hold_times == (*times(19), 0)
    lost = {20 * x - x * (x - 1) // 2 for x in range(20)}
    for index, mac in enumerate(undone.truncated_hmacs):
        assert mac == (bytes(4) if index in lost else downstream.truncated_hmacs[index])


@pytest.mark.parametrize("hops", ROUTES)
def test_hold_times_of_a_fulfilment(hops: int) -> None:
    route = secrets(hops)
    data = EMPTY
    for secret, hold_time in zip(reversed(route), reversed(times(hops)), strict=True):
        data = add_attribution(secret, b"", hold_time, data)
    assert read_hold_times(route, data) == HoldTimeReport(times(min(hops, 20)), None)


@given(hop=st.integers(0, 4), bit=st.integers(0, 292 * 8 - 1))
def test_damaged_packet_is_pinned_to_the_hop_that_damaged_it(hop: int, bit: int) -> None:
    """Hop ``hop`` computes its HMACs over the packet as received and then sends another one upstream."""
    route = secrets(5)
    failure = returned(route[hop:], 4 - hop, times(5)[hop:])
    damaged = bytearray(failure.reason)
    damaged[bit // 8] ^= 1 << bit % 8
    failure = replace(failure, reason=bytes(damaged))
    for upstream in reversed(range(hop)):
        failure = relay_failure(route[upstream], failure, times(5)[upstream])
    expected = HoldTimeReport(times(hop), hop)
    assert read_failure(route, failure) == FailureReport(None, None, expected)


@given(hop=st.integers(0, 3), bit=st.integers(0, 4 * 32 - 1))
def test_damaged_hold_times_are_pinned_to_the_hop_that_damaged_them(hop: int, bit: int) -> None:
    """A hold time that counts for the route of five is changed by a hop on its way from downstream."""
    route = secrets(5)
    failure = returned(route[hop + 1 :], 3 - hop, times(5)[hop + 1 :])
    assert failure.attribution_data is not None
    data = bytearray(to_bytes(failure.attribution_data))
    data[bit % 32 // 8] ^= 1 << bit % 8
    failure = replace(failure, attribution_data=from_bytes(bytes(data)))
    for upstream in reversed(range(hop + 1)):
        failure = relay_failure(route[upstream], failure, times(5)[upstream])
    report = read_failure(route, failure)
    assert report == FailureReport(4, MESSAGE, HoldTimeReport(times(hop + 1), hop + 1))


@pytest.mark.parametrize("hops", [1, 5])
def test_what_is_behind_the_last_hop_does_not_count(hops: int) -> None:
    """The nearest accepted case: a hold time that belongs to no hop of the route has changed on its way."""
    route = secrets(hops)
    failure = returned(route, hops - 1)
    assert failure.attribution_data is not None
    data = bytearray(to_bytes(failure.attribution_data))
    data[4 * hops] ^= 1
    report = read_failure(route, replace(failure, attribution_data=from_bytes(bytes(data))))
    assert report == FailureReport(hops - 1, MESSAGE, HoldTimeReport(times(hops), None))


@pytest.mark.parametrize("ignorant", range(5))
def test_attribution_reaches_as_far_as_support(ignorant: int) -> None:
    """A node without the feature drops the data; those upstream of it start from zeros."""
    route = secrets(5)
    hold_times: list[int | None] = [None if hop == ignorant else hop + 1 for hop in range(5)]
    report = read_failure(route, returned(route, 4, hold_times))
    assert (report.erring_hop, report.failuremsg) == (4, MESSAGE)
    assert report.attribution == (None if ignorant == 0 else HoldTimeReport(times(ignorant), ignorant))


def test_wrong_length_inside_an_authentic_packet() -> None:
    """The erring node is known, but its message is not readable."""
    route = secrets(3)
    body = b"\xff\xff" + bytes(258)
    packet = hmac.digest(derive_key(KeyType.UM, route[0]), body, "sha256") + body
    assert read_failure(route, ReturnedFailure(hide(route[0], packet))) == FailureReport(0, None, None)


@pytest.mark.parametrize("body", [b"", b"\x00"])
def test_authentic_packet_without_a_length(body: bytes) -> None:
    route = secrets(1)
    packet = hmac.digest(derive_key(KeyType.UM, route[0]), body, "sha256") + body
    assert read_failure(route, ReturnedFailure(hide(route[0], packet))) == FailureReport(0, None, None)


def test_authentic_packet_with_an_empty_message_and_nothing_else() -> None:
    """Not made by the rules, but readable: the nearest accepted case."""
    route = secrets(1)
    packet = hmac.digest(derive_key(KeyType.UM, route[0]), b"\x00\x00", "sha256") + b"\x00\x00"
    assert read_failure(route, ReturnedFailure(hide(route[0], packet))) == FailureReport(0, b"", None)


@given(st.binary(max_size=400), st.none() | st.binary(min_size=920, max_size=920))
def test_any_bytes_have_a_report(reason: bytes, attribution_data: bytes | None) -> None:
    data = None if attribution_data is None else from_bytes(attribution_data)
    report = read_failure(secrets(5), ReturnedFailure(reason, data))
    assert (report.erring_hop, report.failuremsg) == (None, None)
    assert report.attribution == (None if data is None else HoldTimeReport((), 0))


def test_packet_made_for_the_constant_secret_comes_from_nobody() -> None:
    """Rounds beyond the route use a secret that everybody knows; what fits it must not count."""
    route = secrets(2)
    dummy = bytes(32)
    packet = hide(dummy, authenticated(dummy, MESSAGE))
    for secret in reversed(route):
        packet = hide(secret, packet)
    assert read_failure(route, ReturnedFailure(packet)) == FailureReport(None, None, None)


@pytest.mark.parametrize(("hops", "rounds"), [(1, 27), (5, 27), (27, 27), (30, 30)])
@pytest.mark.parametrize("erring_hop", [0, None])
def test_number_of_rounds_does_not_depend_on_the_route(
    monkeypatch: pytest.MonkeyPatch, hops: int, rounds: int, erring_hop: int | None
) -> None:
    """B04-error-origin-o-02, B04-error-origin-o-03: nor on where, or whether, the failure was made."""
    counts = {"hide": 0, "reveal": 0}

    def counted(module: Any, name: str) -> None:
        original = getattr(module, name)

        def count(*arguments: Any) -> Any:
            counts[name] += 1
            return original(*arguments)

        monkeypatch.setattr(module, name, count)

    route = secrets(hops)
    failure = ReturnedFailure(bytes(292), EMPTY) if erring_hop is None else returned(route, erring_hop)
    counted(return_packet, "hide")
    counted(attribution, "reveal")
    assert origin.read_failure(route, failure).erring_hop == erring_hop
    assert counts == {"hide": rounds, "reveal": 20}
    assert DECRYPTION_ROUNDS == 27


@given(st.binary(min_size=920, max_size=920))
def test_attribution_data_round_trip(data: bytes) -> None:
    assert to_bytes(from_bytes(data)) == data


@pytest.mark.parametrize("size", [0, 919, 921])
def test_attribution_data_of_another_size_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="920 bytes"):
        from_bytes(bytes(size))


@pytest.mark.parametrize("hold_time", [-1, 2**32])
def test_hold_time_that_is_no_u32_is_refused(hold_time: int) -> None:
    with pytest.raises(ValueError, match="u32"):
        create_failure(secrets(1)[0], MESSAGE, hold_time)


@pytest.mark.parametrize("hold_time", [0, 2**32 - 1])
def test_least_and_greatest_hold_time(hold_time: int) -> None:
    route = secrets(1)
    report = read_failure(route, create_failure(route[0], MESSAGE, hold_time))
    assert report.attribution == HoldTimeReport((hold_time,), None)
