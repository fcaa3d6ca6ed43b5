"""Faults that are planted in the node: the comparison with the specification's world finds each of them.

Each run is a short one of the machine's own moves. It ends well without the fault (the control), and with the fault it
does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from boltnode.channels import block_desk, changes, engine, intentions, speaking, turns
from boltnode.channels.hearing import Ear
from boltnode.channels.machine import ChannelMachine
from boltnode.channels.on_chain import OnChain
from boltnode.channels.paying import Paying
from boltnode.channels.record import ChannelRecord, Claim, GiveBack
from boltnode.channels.slot import Slot
from boltnode.channels.turns import Turns
from boltnode.onchain import defences
from boltnode.onchain.record import Defended
from boltnode.state_codec import decode_state, encode_state
from boltnode.storage import commitment_rows
from boltnode.storage.unit_of_work import UnitOfWork
from boltspec.commitment import Commitment
from boltspec.htlc import REMOTE, Removal
from boltspec.lifetime import owed
from boltwire.commitment_signatures import CommitmentSignatures

Run = tuple[Callable[[Any], Any], ...]
AMOUNT_MSAT = 60_000_000


# --- what happens ---


def pay(payer: int, amount_msat: int = AMOUNT_MSAT) -> Callable[[Any], Any]:
    return lambda moves: moves.pay(payer, amount_msat)


def settle(moves: Any) -> Any:
    return moves.settle()


def cut(moves: Any) -> Any:
    return moves.cut()


def meet(moves: Any) -> Any:
    return moves.meet()


def kill(seat: int) -> Callable[[Any], Any]:
    return lambda moves: moves.kill(seat)


def deliver(*seats: int) -> Run:
    return tuple((lambda moves, seat=seat: moves.deliver(seat)) for seat in seats)


PAYMENT: Run = (pay(0), settle)
LOST_COMMITMENT: Run = (pay(0), cut, meet, settle)
HELD_FULFILMENT: Run = (pay(0), *deliver(0, 0, 1, 1, 0))
"""Bob has fulfilled, and Alice has not heard of it."""
CHEAT: Run = (pay(1), settle, lambda moves: moves.cheat(1, 0))


def killed_while_paying(points: int) -> Run:
    return (lambda moves: moves.kill_within(points, moves.pay(0, AMOUNT_MSAT)), meet, settle)


# --- what is wrong ---


@contextmanager
def leaves_before_it_is_durable() -> Iterator[None]:
    """Messages go to the wire when they are made."""
    release = Turns._release

    def save(self: Turns, slot: Slot, turn: Any, work: UnitOfWork) -> None:
        release(self, slot, turn, slot.epoch)
        turn.out.messages.clear()
        saved(self, slot, turn, work)

    saved = Turns._save
    with patch.object(Turns, "_save", save):
        yield


@contextmanager
def updates_twice_after_a_loss() -> Iterator[None]:
    """What is sent again is sent twice."""

    def doubled(life: Any) -> Any:
        due = owed.owed(life)
        return tuple(message for message in due for _ in range(2)) if owed.is_resending(life) else due

    with patch("boltnode.channels.machine.owed", doubled):
        yield


@contextmanager
def signs_another_number() -> Iterator[None]:
    """The signature is for the commitment before."""
    right = speaking.Mouth._signatures

    def wrong(self: speaking.Mouth, fact: Commitment | None) -> CommitmentSignatures:
        if fact is not None and fact.number > 0:
            fact = replace(fact, number=fact.number - 1)
        return right(self, fact)

    with patch.object(speaking.Mouth, "_signatures", wrong):
        yield


@contextmanager
def loses_preimages() -> Iterator[None]:
    """A node that starts has forgotten what it has decided."""

    def forgetful(data: bytes) -> Any:
        record = decode_state(data)
        if isinstance(record, ChannelRecord):
            record = replace(record, received=tuple(replace(entry, answer=None) for entry in record.received))
        return record

    with patch.object(engine, "decode_state", forgetful):
        yield


@contextmanager
def gives_back_what_it_has_fulfilled() -> Iterator[None]:
    """On a new connection an HTLC that was fulfilled is given back."""
    decide = Paying.decide

    def again(self: Paying, slot: Slot, work: UnitOfWork) -> None:
        decide(self, slot, work)
        channel = slot.machine.channel
        for entry in slot.machine.record.received if slot.epoch else ():
            htlc = None if channel is None else channel.htlcs.find(REMOTE, entry.id)
            if isinstance(entry.answer, Claim) and htlc is not None and htlc.removal is Removal.NONE:
                slot.machine.decide(entry.id, GiveBack(bytes(292)))

    with patch.object(Paying, "decide", again):
        yield


@contextmanager
def ignores_reorganisations() -> Iterator[None]:
    """A block that is gone is still there for the channels."""
    with patch.object(block_desk, "looked_back", lambda machine, event: None):
        yield


@contextmanager
def stores_the_state_before() -> Iterator[None]:
    """The disk is one state behind."""
    last: dict[bytes, bytes] = {}

    def late(value: Any) -> bytes:
        if not isinstance(value, ChannelRecord):
            return encode_state(value)
        now = encode_state(value)
        before, last[value.key_id] = last.get(value.key_id, now), now
        return before

    with patch.object(turns, "encode_state", late):
        yield


@contextmanager
def forgets_what_it_signs() -> Iterator[None]:
    """No commitment is stored that a penalty would be made from."""
    with patch.object(commitment_rows, "save", lambda work, channel_id, number, state: None):
        yield


@contextmanager
def never_punishes() -> Iterator[None]:
    """What was signed for the peer is stored and never found."""
    with patch.object(defences, "_signed_under", lambda channel_id, number: lambda connection: None):
        yield


@contextmanager
def gives_a_wrong_point() -> Iterator[None]:
    """``revoke_and_ack`` names the point of another commitment."""
    with patch.object(speaking, "POINTS_AHEAD", 3):
        yield


@contextmanager
def takes_another_amount() -> Iterator[None]:
    """An HTLC is worth a millisatoshi more in the books of whoever receives it."""
    right = Ear._in_channel

    def wrong(self: Ear, message: Any) -> Any:
        more = hasattr(message, "amount_msat")
        return right(self, replace(message, amount_msat=message.amount_msat + 1) if more else message)

    with patch.object(Ear, "_in_channel", wrong):
        yield


@contextmanager
def keeps_bytes_of_gone_htlcs() -> Iterator[None]:
    """What belongs to HTLCs stays when they are gone."""
    with patch("boltnode.channels.machine.without_gone_htlcs", lambda record, before, after: (
        record, changes.without_gone_htlcs(record, before, after)[1],
    )):  # fmt: skip
        yield


@contextmanager
def promises_in_vain() -> Iterator[None]:
    """An invoice counts as paid, but the payer is not told, and the HTLC is not owed on the chain."""
    defended = OnChain.defended

    def owed_nothing(self: OnChain, machine: ChannelMachine) -> Defended | None:
        found = defended(self, machine)
        return None if found is None else replace(found, preimages={})

    with patch.object(intentions, "answers", lambda record: []), patch.object(OnChain, "defended", owed_nothing):
        yield


@contextmanager
def says_one_thing_at_a_time() -> Iterator[None]:
    """Of what is owed only the first is said, until something else happens."""
    speak = ChannelMachine.speak

    def sparing(self: ChannelMachine) -> None:
        def unless_something_was_said(life: Any) -> Any:
            return () if self._out.messages else owed.owed(life)

        with patch("boltnode.channels.machine.owed", unless_something_was_said):
            speak(self)

    with patch.object(ChannelMachine, "speak", sparing):
        yield


class Fault(NamedTuple):
    """A fault, and the run that shows it."""

    plant: Callable[[], Any]
    run: Run
    words: str
    """A part of what the comparison says."""


FAULTS = [
    Fault(leaves_before_it_is_durable, killed_while_paying(13), r"htlcs.items: the node has \(\)"),
    Fault(updates_twice_after_a_loss, LOST_COMMITMENT, "sent again is UpdateAddHtlc"),
    Fault(signs_another_number, PAYMENT, "B02-commitment-signed-s-04"),
    Fault(loses_preimages, (*HELD_FULFILMENT, kill(1), meet, settle), "has fulfilled HTLC 0 without its preimage"),
    Fault(gives_back_what_it_has_fulfilled, (*HELD_FULFILMENT[:-1], cut, meet, settle), "ended in two ways"),
    Fault(ignores_reorganisations, (lambda moves: moves.reorganise(2),), "seen.output: the node has"),
    Fault(stores_the_state_before, PAYMENT, "disk"),
    Fault(forgets_what_it_signs, PAYMENT, "does not store commitment"),
    Fault(gives_a_wrong_point, PAYMENT, "."),
    Fault(takes_another_amount, PAYMENT, "."),
    Fault(keeps_bytes_of_gone_htlcs, PAYMENT, "bytes of"),
    Fault(promises_in_vain, PAYMENT, "."),
    Fault(says_one_thing_at_a_time, PAYMENT, "owes"),
    Fault(never_punishes, CHEAT, "due"),
]


def happen(stages: Callable[..., Any], run: Run) -> None:
    """Let moves happen on a new stage, on which a channel of Alice's is open, and let all settle."""
    stage = stages()
    try:
        stage.do(stage.moves.begin())
        stage.do(stage.moves.open(0, straight=True))
        for move in run:
            stage.do(move(stage.moves))
        stage.do(stage.moves.finish())
    finally:
        stage.close()


@pytest.mark.parametrize("run", dict.fromkeys(fault.run for fault in FAULTS))
def test_run_without_a_fault_ends_well(run: Run, stages: Callable[..., Any]) -> None:
    happen(stages, run)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.plant.__name__ for fault in FAULTS])
def test_fault_is_found(fault: Fault, stages: Callable[..., Any], moves: Any) -> None:
    with fault.plant(), pytest.raises(moves.Astray, match=fault.words):
        happen(stages, fault.run)
