"""Two machines that share a wire and nothing else: what one says is bytes before the other hears it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltnode.channels.happenings import TermsAgreed
from boltnode.channels.keys import ChannelKeys
from boltnode.channels.machine import ChannelMachine
from boltnode.channels.onions import failure_for
from boltnode.channels.opening_facts import name_of
from boltnode.channels.record import Answer, ChannelRecord, Claim, GiveBack, OfferedHtlc
from boltnode.channels.scripts import script_fact
from boltnode.state_codec import decode_state, encode_state
from boltspec.closing.messages import FeeRange
from boltspec.closing.state import ClosingFeatures, ClosingPolicy
from boltspec.establishment.channel_type import ANCHORS, Feature
from boltspec.establishment.funding import FundingOutput, FundingSeen, Script
from boltspec.establishment.limits import Policy
from boltspec.establishment.messages import AcceptChannel, OpenChannel
from boltspec.establishment.scenario import LIMITS
from boltspec.establishment.state import Establishment, Node
from boltspec.lifetime.state import Life
from boltspec.lifetime.steps import Spent
from boltspec.units import Blocks, FeeratePerKw, Msat, Sat
from boltwire.codec import decode_message, encode_message
from boltwire.messages import Message
from boltwire.onion.failures import FailureCode, FailureMessage
from boltwire.onion.payload import Payload, PaymentData
from boltwire.secp256k1 import PrivateKey

CAPACITY = 1_000_000
FEATURES = frozenset({Feature.OPTION_ANCHORS, Feature.OPTION_STATIC_REMOTEKEY})
PREIMAGE = b"\7" * 32
HASH = hashlib.sha256(PREIMAGE).digest()
NAMES = ("option_anchors", "option_shutdown_anysegwit", "option_simple_close")


class Side:
    """One node's end of the channel."""

    def __init__(self, seat: int, simple_close: bool) -> None:
        self.node_key = PrivateKey(bytes([seat + 1]) * 32)
        self.keys = ChannelKeys.of(bytes([seat + 11]) * 32, bytes(16))
        policy = Policy(least_minimum_depth=Blocks(1))
        node = Node(chain_hash=7, features=FEATURES, peer_features=FEATURES, policy=policy)
        script = script_fact(b"\0\x14" + bytes([seat + 21]) * 20)
        closing = ClosingPolicy(script, Sat(1_000), FeeRange(Sat(500), Sat(5_000)))
        features = ClosingFeatures(option_shutdown_anysegwit=True, option_simple_close=simple_close)
        self.record = ChannelRecord(
            peer=PrivateKey(bytes([2 - seat]) * 32).public_key.encoded,
            key_id=bytes(16),
            channel_id=bytes(31) + b"\1",
            life=Life(Establishment(node), features, closing),
        )
        self.machine = ChannelMachine(self.record, self.keys, self.node_key)
        self.told: list[Any] = []
        self.transactions: list[bytes] = []
        self.hung_up: str | None = None

    def flush(self) -> list[bytes]:
        """Take what there is; the record goes through the storage's form on the way."""
        turn = self.machine.take()
        assert decode_state(encode_state(turn.record)) == turn.record
        self.record = turn.record
        self.told += turn.out.happenings
        self.transactions += turn.out.transactions
        self.hung_up = turn.out.hang_up or self.hung_up
        return [encode_message(message) for message in turn.out.messages]

    def restart(self) -> None:
        """Begin anew from what was stored last."""
        stored = decode_state(encode_state(self.record))
        self.machine = ChannelMachine(stored, self.keys, self.node_key)
        self.machine.disconnected()


class Pair:
    """Both ends."""

    def __init__(self, *, simple_close: bool = True) -> None:
        self.sides = (Side(0, simple_close), Side(1, simple_close))
        self.said: list[tuple[int, str]] = []
        for side in self.sides:
            side.machine.connected(NAMES)

    @property
    def a(self) -> ChannelMachine:
        return self.sides[0].machine

    @property
    def b(self) -> ChannelMachine:
        return self.sides[1].machine

    def talk(self, *, most: int = 1000) -> None:
        """Carry messages back and forth until nobody has anything to say, or so many were carried."""
        while True:
            for side in self.sides:
                side.machine.speak()
            letters = [(seat, data) for seat in (0, 1) for data in self.sides[seat].flush()]
            if not letters:
                return
            for seat, data in letters:
                if not most:
                    return
                most -= 1
                message = decode_message(data)
                assert isinstance(message, Message)
                self.said.append((seat, type(message).__name__))
                self.sides[1 - seat].machine.hear(message)
                self.answer_opening(1 - seat)

    def answer_opening(self, seat: int) -> None:
        machine = self.sides[seat].machine
        state = machine.life.establishment
        if str(state.awaited) == "accept_channel" and seat == 1 and state.open_channel is not None:
            limits = replace(LIMITS, channel_reserve_satoshis=Sat(10_000))
            assert machine.accept(AcceptChannel(name_of(bytes(31) + b"\1"), limits, Blocks(1), ANCHORS)) is None

    def open(self) -> Pair:
        """To the point at which both are ready."""
        proposal = OpenChannel(
            chain_hash=7,
            temporary_channel_id=name_of(bytes(31) + b"\1"),
            funding_satoshis=Sat(CAPACITY),
            push_msat=Msat(100_000_000),
            limits=LIMITS,
            feerate_per_kw=FeeratePerKw(1_000),
            channel_flags=0,
            channel_type=ANCHORS,
        )
        assert self.a.propose(proposal) is None
        self.talk()
        assert TermsAgreed() in self.sides[0].told
        assert self.a.fund(b"\5" * 32, 1, [(7, b"\0"), (CAPACITY, self.a.funding_script)]) is None
        self.talk()
        assert self.a.publish() is None
        self.confirm()
        self.talk()
        assert self.a.life.is_open
        assert self.b.life.is_open
        return self

    def confirm(self, spent: Spent = Spent.NOTHING) -> None:
        seen = FundingSeen(FundingOutput(Sat(CAPACITY), Script.FUNDING), Blocks(1), short_channel_id=9)
        for side in self.sides:
            side.machine.see(seen, spent)

    def offer(self, seat: int, amount_msat: int = 50_000_000, secret: bytes = b"s" * 32) -> Any:
        """One side offers an HTLC; what refuses it, if something does."""
        machine = self.sides[seat].machine
        payload = Payload.for_final(amount_msat, 500, PaymentData(secret, amount_msat)).encode()
        return machine.offer(OfferedHtlc(machine.next_id, b"\6" * 32, payload), amount_msat, HASH, 500)

    def decide(self, seat: int, answer: Answer | None = None) -> None:
        """Claim what was received, or answer it as told."""
        machine = self.sides[seat].machine
        for htlc, _ in machine.undecided():
            machine.decide(htlc.id, answer or Claim(PREIMAGE))

    def give_back(self, seat: int) -> None:
        machine = self.sides[seat].machine
        for htlc, entry in machine.undecided():
            failure = FailureMessage(
                code=FailureCode.INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS, htlc_msat=int(htlc.amount_msat), height=3
            )
            machine.decide(htlc.id, GiveBack(failure_for(entry, failure)))

    def reconnect(self) -> None:
        for side in self.sides:
            side.machine.disconnected()
            side.flush()
            side.machine.connected(NAMES)

    def balances(self) -> tuple[int, int]:
        channel = self.a.channel
        assert channel is not None
        return int(channel.local_msat), int(channel.remote_msat)


@pytest.fixture
def new_pair() -> Callable[..., Pair]:
    """``new_pair(simple_close=…)``: two nodes that are connected; ``.open()`` opens their channel."""
    return Pair


@pytest.fixture
def pair() -> Pair:
    """An open channel."""
    return Pair().open()
