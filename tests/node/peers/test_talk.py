"""init and pings: what the specification of connections says, in bytes."""

from __future__ import annotations

import pytest

from boltnode.peers.talk import Talk
from boltspec.rules import without
from boltwire.channel_id import ALL_CHANNELS
from boltwire.errors import MessageError
from boltwire.features import FeatureBits
from boltwire.keepalive import ping
from boltwire.messages import (
    ChannelReestablish,
    ClosingSig,
    Error,
    Init,
    Message,
    Pong,
    UnknownMessage,
    Warning,  # noqa: A004  # BOLT 1's name
)
from boltwire.peer_init import init

CHAIN = b"\6" * 32
OURS = FeatureBits.of(required=("option_static_remotekey",), optional=("option_anchors",))
HELLO = init(OURS, (CHAIN,))


def talk(*, introduced: bool = True) -> Talk:
    made = Talk(HELLO, (CHAIN,), tuple(OURS.names()))
    if introduced:
        assert made.hear(HELLO) == []
    return made


def reestablish() -> Message:
    return ChannelReestablish(
        channel_id=b"\1" * 32,
        next_commitment_number=1,
        next_revocation_number=0,
        your_last_per_commitment_secret=bytes(32),
        my_current_per_commitment_point=b"\2" * 33,
    )


def test_init_is_heard_and_says_what_the_peer_offers() -> None:
    assert talk().features == OURS


@pytest.mark.parametrize(
    "message",
    [ping(1), Pong(ignored=b""), Error(channel_id=ALL_CHANNELS, data=b""), Warning(channel_id=ALL_CHANNELS, data=b""),
     UnknownMessage(32_769, b""), reestablish()],
    ids=lambda message: type(message).__name__,
)  # fmt: skip
def test_anything_before_init_ends_the_connection(message: Message | UnknownMessage) -> None:
    with pytest.raises(MessageError, match="the first message is not init"):
        talk(introduced=False).hear(message)
    with without(frozenset({"D01-init-r-01", "B01-init-r-01"})):
        talk(introduced=False).hear(message)


def test_second_init_ends_the_connection() -> None:
    with pytest.raises(MessageError, match="init a second time"):
        talk().hear(HELLO)
    with without(frozenset({"D01-init-r-02"})):
        talk().hear(HELLO)


@pytest.mark.parametrize(("networks", "is_fine"), [(None, True), ((bytes(32), CHAIN), True), ((bytes(32),), False)])
def test_peer_without_a_common_chain_is_parted_with(networks: tuple[bytes, ...] | None, is_fine: bool) -> None:
    hello = Init(globalfeatures=b"", features=OURS.to_bytes(), networks=networks)
    if is_fine:
        talk(introduced=False).hear(hello)
        return
    with pytest.raises(MessageError, match="no common chain"):
        talk(introduced=False).hear(hello)


@pytest.mark.parametrize(("bit", "is_fine"), [(101, True), (100, False), (22, True), (34, False)])
def test_peer_that_requires_what_is_not_supported_is_parted_with(bit: int, is_fine: bool) -> None:
    hello = Init(globalfeatures=b"", features=FeatureBits((bit, 12)).to_bytes())
    if is_fine:
        talk(introduced=False).hear(hello)
        return
    with pytest.raises(MessageError, match=rf"bits \[{bit}\]"):
        talk(introduced=False).hear(hello)


@pytest.mark.parametrize(("asked", "answers"), [(0, 1), (65_531, 1), (65_532, 0), (65_535, 0)])
def test_ping_is_answered_with_as_many_bytes_as_it_asks_for_if_they_fit(asked: int, answers: int) -> None:
    said = talk().hear(ping(asked))
    assert said == [Pong(ignored=bytes(asked))] * answers


def test_pong_ends_the_waiting_if_it_has_the_length_that_was_asked_for() -> None:
    waiting = talk()
    waiting.pinged(ping(1))
    assert waiting.waits_for_pong
    waiting.hear(Pong(ignored=bytes(2)))
    assert waiting.waits_for_pong, "it answers something else"
    waiting.hear(Pong(ignored=bytes(1)))
    assert not waiting.waits_for_pong


def test_message_is_known_if_its_feature_is_offered_or_it_needs_none() -> None:
    sig = ClosingSig(
        channel_id=bytes(32), closer_scriptpubkey=b"", closee_scriptpubkey=b"", fee_satoshis=0, locktime=0
    )  # fmt: skip
    offering = Talk(HELLO, (CHAIN,), (*OURS.names(), "option_simple_close"))
    assert (talk().knows(sig), offering.knows(sig), talk().knows(reestablish())) == (False, True, True)


def test_unknown_odd_message_is_ignored() -> None:
    assert talk().hear(UnknownMessage(32_769, b"x")) == []
