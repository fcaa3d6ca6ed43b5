"""Turns: what a channel has to say becomes durable, together with what the books have to know, and then leaves."""

from __future__ import annotations

import logging

from boltnode.channels import happenings, policy
from boltnode.channels.closing import ClosingDesk
from boltnode.channels.floor import Floor
from boltnode.channels.happenings import Turn
from boltnode.channels.opening import Opening
from boltnode.channels.patience import Patience
from boltnode.channels.paying import Paying
from boltnode.channels.slot import NO_ROW, Slot
from boltnode.state_codec import encode_state
from boltnode.storage import channel_rows, commitment_rows
from boltnode.storage.channel_rows import ChannelRow
from boltnode.storage.unit_of_work import UnitOfWork
from boltspec.channel import Link
from boltspec.commitment import View, feerate
from boltspec.htlc import LOCAL
from boltwire.codec import encode_message

_log = logging.getLogger(__name__)


class Turns:
    """Gives channels their turns, each as often as the disk lets it."""

    def __init__(self, floor: Floor, opening: Opening, paying: Paying, closing: ClosingDesk) -> None:
        """On the engine's floor, with those who know what is to be said and noted."""
        self._floor = floor
        self._opening, self._paying, self._closing = opening, paying, closing
        self._patience = Patience(floor.services.limits, floor.schedule)

    def run(self, slot: Slot) -> None:
        """Let a scheduled channel have its turn; while its last one is on its way to the disk, it waits."""
        slot.scheduled = False
        if slot.storing:
            slot.dirty = True
            return
        if slot.ended or self._floor.services.latch.reason is not None:
            return
        work = UnitOfWork()
        if self.turn(slot, work):
            self._submit(slot, work)
        self._patience.look(slot)

    def _submit(self, slot: Slot, work: UnitOfWork) -> None:
        slot.storing += 1
        self._floor.services.commits.submit(work).add_done_callback(lambda _: self._stored(slot))

    def _stored(self, slot: Slot) -> None:
        """Whatever has come of it: failures are logged where they arise, and a turn that waited has to come."""
        slot.storing -= 1
        if slot.dirty and not slot.storing:
            slot.dirty = False
            self._floor.schedule(slot)

    def turn(self, slot: Slot, work: UnitOfWork) -> bool:
        """Let the machine say what it has to say, into a unit of work; False if there was nothing."""
        machine = slot.machine
        self._paying.decide(slot, work)
        if slot.online:
            machine.speak()
            self._paying.offer_waiting(slot)
            self._adjust_fee(slot)
            machine.speak()
        if not machine.has_news:
            return False
        turn = machine.take()
        for happening in turn.out.happenings:
            self._take_note(slot, happening, work)
        self._save(slot, turn, work)
        epoch = slot.epoch
        work.after(lambda: self._release(slot, turn, epoch))
        return True

    def _save(self, slot: Slot, turn: Turn, work: UnitOfWork) -> None:
        record = turn.record
        self._floor.roster.link(slot)
        over = slot.machine.is_over
        slot.signed += turn.out.signed
        if slot.is_kept:
            state = encode_state(record)  # if this fails, no revision was given
            slot.revision += 1
            channel_rows.save(
                work, ChannelRow(record.channel_id, record.peer, slot.revision, slot.ended or over, state)
            )
            for commitment in slot.signed:
                commitment_rows.save(work, record.channel_id, commitment.number, encode_state(commitment))
            slot.signed.clear()
        # The machine may be ahead of what is stored here: money leaves only with the record that knows of it.
        if slot.funding_transaction is not None and record.life.establishment.published:
            self._opening.send_funding(slot, work)
        if over or slot.ended:
            self._forget(slot, work)

    def _release(self, slot: Slot, turn: Turn, epoch: int) -> None:
        """Let everything leave that waited for the disk."""
        peer = self._floor.services.switchboard.peer(slot.peer)
        if peer is not None and epoch == slot.epoch:
            peer.send(*(encode_message(message) for message in turn.out.messages))
            if turn.out.hang_up is not None:
                peer.close(turn.out.hang_up)
        if turn.out.transactions:
            self._floor.chain.spawn(self._closing.close_together(slot, turn.out.transactions))

    def _forget(self, slot: Slot, work: UnitOfWork) -> None:
        """Nothing is left of a channel."""
        slot.ended = True
        self._patience.look(slot)
        record = slot.machine.record
        self._floor.roster.drop(slot)
        if slot.revision != NO_ROW:
            commitment_rows.forget(work, record.channel_id)
        self._floor.on_chain.forget(work, slot.machine)
        self._floor.give_back_quota(slot)
        self._opening.given_up(slot)

    def _take_note(self, slot: Slot, happening: happenings.Happening, work: UnitOfWork) -> None:
        match happening:
            case happenings.TermsAgreed():
                self._opening.make_funding(slot)
            case happenings.FundingSigned():
                slot.machine.publish()
                self._floor.schedule(slot)
            case happenings.Paid(preimage, amount_msat):
                self._paying.paid(work, preimage, amount_msat)
            case happenings.GivenBack(payment_hash, failure):
                self._paying.given_back(work, payment_hash, failure)
            case happenings.Unsent(payment_hash):
                self._paying.wish_again(payment_hash)
            case happenings.Failed(reason):
                _log.warning("a channel has failed", extra={"channel": slot.machine.record.channel_id.hex(),
                                                            "reason": reason})  # fmt: skip
                work.after(lambda: self._floor.chain.spawn(self._closing.publish(slot)))

    def _adjust_fee(self, slot: Slot) -> None:
        """Keep the feerate of the commitments near the estimate, as the opener."""
        machine = slot.machine
        channel, closing = machine.channel, machine.life.closing
        if channel is None or closing is None or channel.params.opener is not LOCAL or not machine.life.is_open:
            return
        if closing.sent_shutdown or closing.received_shutdown or channel.link is not Link.UP:
            return
        wanted = self._floor.chain.feerate("normal")
        if policy.is_off(int(feerate(channel, View.REMOTE_NEXT)), wanted):  # type: ignore[call-overload]
            machine.change_fee(wanted)

    def give_up(self, slot: Slot) -> None:
        """Forget a channel that the connection has ended before it began; it was never stored."""
        work = UnitOfWork()
        self._forget(slot, work)
        if work.changes:
            self._floor.services.commits.submit(work)

    def joins(self, slot: Slot, work: UnitOfWork) -> None:
        """Let the channel have its turn as part of a unit of work that somebody else hands in."""
        if self.turn(slot, work):
            slot.storing += 1
            work.after(lambda: self._stored(slot))
        self._patience.look(slot)
