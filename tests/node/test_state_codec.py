"""The codec of states: exact for every state that the specification reaches, and for nothing else."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltnode.state_codec import MAX_DEPTH, StateCodecError, decode_state, encode_state
from boltproofs.closing_scenarios import CLOSE_SCENARIOS
from boltproofs.scenarios import SCENARIOS
from boltspec.channel import Channel, opened
from boltspec.closing import world as closing
from boltspec.establishment import scenario as establishments
from boltspec.establishment import world as establishment
from boltspec.htlc import LOCAL, REMOTE, Htlc, Side, Stage
from boltspec.htlcs import Htlcs
from boltspec.messages import UpdateAddHtlc
from boltspec.params import MAINNET_LIMITS, Params
from boltspec.units import FeeratePerKw, Height, Msat, Sat
from boltspec.update import send_update_add_htlc
from boltspec.verdict import Accepted, Refused
from boltspec.world import initial, successors
from boltwire.features import FeatureBits
from boltwire.messages import Ping
from boltwire.scid import ShortChannelId

WORLDS = 1000
"""Visited of each scenario."""
EVERY = 7
"""One world in so many is put to the test; no divisor of what the worlds are enumerated by."""

PARAMS = Params(Sat(1_000_000), LOCAL, FeeratePerKw(253), True, MAINNET_LIMITS, MAINNET_LIMITS)
HTLC = Htlc(REMOTE, 3, Msat(5_000), 9, Height(700), Stage.ACKED)
CHANNEL = replace(opened(PARAMS), htlcs=Htlcs((HTLC,)))


def worlds(start: Any, moves: Callable[[Any], Iterator[tuple[Any, Any]]]) -> Iterator[Any]:
    """Worlds in breadth-first order."""
    seen, queue = {start}, deque([start])
    while queue and len(seen) < WORLDS:
        world = queue.popleft()
        yield world
        for _, after in moves(world):
            if after not in seen:
                seen.add(after)
                queue.append(after)


def typed(value: Any) -> object:
    """The value with the type of each part: an enum's member is equal to its number, and True to 1."""
    kind = type(value).__qualname__
    if is_dataclass(value):
        return kind, tuple(typed(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, dict):
        return kind, tuple((typed(key), typed(part)) for key, part in value.items())
    if isinstance(value, frozenset):
        return kind, frozenset(typed(part) for part in value)
    return (kind, tuple(typed(part) for part in value)) if isinstance(value, tuple) else (kind, value)


REACHED: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    **{f"dance {name}": (initial(entry), partial(successors, scenario=entry)) for name, entry in SCENARIOS.items()},
    **{
        f"closing {name}": (closing.initial(entry), partial(closing.successors, scenario=entry))
        for name, entry in CLOSE_SCENARIOS.items()
    },
    **{
        f"establishment {name}": (establishment.initial(entry), partial(establishment.successors, scenario=entry))
        for name, entry in establishments.SCENARIOS.items()
    },
}


@pytest.mark.parametrize("scenario", REACHED)
def test_every_reached_world_comes_back_the_same(scenario: str) -> None:
    start, moves = REACHED[scenario]
    checked = 0
    for index, world in enumerate(worlds(start, moves)):
        if index % EVERY == 0:
            back = decode_state(encode_state(world))
            assert back == world
            assert typed(back) == typed(world)
            checked += 1
    assert checked > 0


def test_equal_states_have_equal_bytes() -> None:
    one = frozenset((Side.LOCAL, Side.REMOTE, 7, "x"))
    other = frozenset(("x", 7, Side.REMOTE, Side.LOCAL))
    assert encode_state(one) == encode_state(other)


PLAIN = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
OURS = st.sampled_from(
    [HTLC, CHANNEL, Stage.ACKED, Refused("B02-x", {"amount": Msat(7)}), Ping(num_pong_bytes=3, ignored=b"z")]
)
SPECIAL = st.sampled_from([ShortChannelId.of(7, 8, 9), FeatureBits((1, 4)), Htlcs(), frozenset({b"a", b"b"})])
VALUES = st.recursive(
    PLAIN | OURS | SPECIAL,
    lambda inner: (
        st.lists(inner, max_size=4).map(tuple) | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)


def test_types_are_told_apart_by_the_comparison() -> None:
    assert typed((Stage.PENDING, True)) != typed((1, 1))
    assert typed(frozenset({Side.LOCAL})) != typed(frozenset({0}))


@given(VALUES)
def test_any_value_of_our_kinds_comes_back_the_same(value: object) -> None:
    back = decode_state(encode_state(value))
    assert back == value
    assert typed(back) == typed(value)


def test_a_step_goes_on_from_a_decoded_state_as_from_the_original() -> None:
    message = UpdateAddHtlc(0, Msat(20_000), 5, Height(800))
    back: Channel = decode_state(encode_state(CHANNEL))
    assert send_update_add_htlc(back, message) == send_update_add_htlc(CHANNEL, message)
    assert isinstance(send_update_add_htlc(back, message), Accepted)


@dataclass
class Mutable:
    value: int = 0


@pytest.mark.parametrize("value", [Mutable(), [1], {1}, 1.5, object(), (1, [2]), Msat], ids=list("MLSFOTC"))
def test_what_is_mutable_or_not_ours_is_not_stored(value: object) -> None:
    with pytest.raises(StateCodecError):
        encode_state(value)


# --- states of other versions ---


def stored(change: Callable[[dict[str, Any]], None]) -> bytes:
    """A stored HTLC after a change to its text."""
    text = json.loads(encode_state(HTLC))
    change(text)
    return json.dumps(text).encode()


def test_a_field_that_was_added_takes_its_default() -> None:
    def as_before_removal(text: dict[str, Any]) -> None:
        at = text["classes"][0].index("removed")
        del text["classes"][0][at], text["value"][at]

    assert decode_state(stored(as_before_removal)) == HTLC


def test_a_new_field_without_default_is_an_error() -> None:
    def as_before_amounts(text: dict[str, Any]) -> None:
        at = text["classes"][0].index("amount_msat")
        del text["classes"][0][at], text["value"][at]

    with pytest.raises(StateCodecError, match="new field without default: 'amount_msat'"):
        decode_state(stored(as_before_amounts))


def test_a_field_that_has_gone_is_an_error() -> None:
    def with_more(text: dict[str, Any]) -> None:
        text["classes"][0].append("colour")
        text["value"].append("red")

    with pytest.raises(StateCodecError, match=r"no longer has the fields \['colour'\]"):
        decode_state(stored(with_more))


def test_fields_in_another_order_are_found_by_name() -> None:
    def reordered(text: dict[str, Any]) -> None:
        for row in (text["classes"][0], text["value"]):
            row[1], row[3] = row[3], row[1]

    assert decode_state(stored(reordered)) == HTLC


# --- bytes that are no state ---


@pytest.mark.parametrize(
    "name",
    ["os:system", "boltspec.htlc:advance", "boltspec.htlc:dataclass", "boltspec.nowhere:X", "boltspec.htlc:Gone"],
)
def test_only_classes_of_ours_are_made(name: str) -> None:
    text = {"codec": 1, "classes": [[name]], "value": [0, "id"]}
    with pytest.raises(StateCodecError):
        decode_state(json.dumps(text).encode())


def test_another_version_of_the_codec_is_refused() -> None:
    with pytest.raises(StateCodecError, match="codec version 1"):
        decode_state(encode_state(HTLC).replace(b'"codec":1', b'"codec":2'))


@pytest.mark.parametrize("levels", [MAX_DEPTH, MAX_DEPTH + 1, 100_000])
def test_nesting_has_a_limit(levels: int) -> None:
    data = b'{"codec":1,"classes":[],"value":' + b'["tuple",' * levels + b"7" + b"]" * levels + b"}"
    if levels <= MAX_DEPTH:
        assert encode_state(decode_state(data)).count(b"tuple") == levels
        return
    with pytest.raises(StateCodecError):
        decode_state(data)


@given(st.data())
def test_damaged_bytes_give_an_error_or_another_state(data: st.DataObject) -> None:
    whole = bytearray(encode_state(CHANNEL))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))]) if data.draw(st.booleans()) else bytes(whole)
    try:
        encode_state(decode_state(cut))
    except StateCodecError:
        return
