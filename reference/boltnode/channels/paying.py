"""Paying and being paid: HTLCs that are offered for payments, and what becomes of those that are received."""

from __future__ import annotations

import asyncio
from typing import Final

from boltnode.channels.final_hop import answer, node_facts
from boltnode.channels.floor import Floor
from boltnode.channels.offers import Wish, Wishes, has_lost, is_hopeless, offer, too_late
from boltnode.channels.record import Claim
from boltnode.channels.slot import Slot
from boltnode.engine import EngineError
from boltnode.payments import PaymentRecord
from boltnode.rpc.errors import Code
from boltnode.storage.unit_of_work import UnitOfWork
from boltspec.channel import Link
from boltspec.lifetime.state import End
from boltwire.bolt11 import Invoice, decode
from boltwire.channel_terms import hash_named, name_of_hash
from boltwire.hashes import sha256

RETRY_SECONDS: Final = 60
"""How long a payment waits for a connection that was lost under it."""


class Paying:
    """Payments of the node, out and in."""

    def __init__(self, floor: Floor) -> None:
        """On the engine's floor."""
        self._floor = floor
        self._wishes = Wishes()
        self._deadlines: dict[bytes, float] = {}
        """By payment hash; those of payments that have ended go with the next payment."""

    # --- out ---

    async def pay(self, payment: PaymentRecord, invoice: Invoice, max_fee_msat: int, retry_seconds: int) -> None:
        """Offer the HTLC of a pending payment."""
        del max_fee_msat  # over one channel there is none
        if not any(slot.machine.channel is not None for slot in self._floor.roster.of(payment.destination)):
            raise EngineError(Code.PAY_ROUTE_NOT_FOUND, "there is no channel with the node that is to be paid")
        if not any(self._is_defended(slot) for slot in self._floor.roster.of(payment.destination)):
            raise EngineError(Code.PAY_ROUTE_NOT_FOUND, self._undefended())
        self._forget_ended()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + retry_seconds
        wish = Wish(payment, invoice, deadline, loop.create_future())
        self._deadlines[payment.payment_hash] = deadline
        self._wishes.add(wish)
        wish.timer = loop.call_at(deadline, self._expire, wish)
        for slot in self._floor.roster.of(payment.destination):
            self._floor.schedule(slot)
        assert wish.offered is not None
        await wish.offered

    def _forget_ended(self) -> None:
        pending = {payment.payment_hash for payment in self._floor.services.payments.pending}
        self._deadlines = {name: deadline for name, deadline in self._deadlines.items() if name in pending}

    def _is_defended(self, slot: Slot) -> bool:
        """Whether the node may offer one more HTLC in the channel, as far as its coins go."""
        channel = slot.machine.channel
        return channel is not None and self._floor.fee_reserve.lets_offer(channel)

    def _undefended(self) -> str:
        return f"the HTLC could not be defended: {self._floor.fee_reserve.lack(1)}"

    def offer_waiting(self, slot: Slot) -> None:
        """Offer what waits for this peer, as far as the channel can carry it."""
        machine = slot.machine
        channel = machine.channel
        if channel is None or channel.link is not Link.UP or not machine.life.is_open:
            return
        alive = any(other.machine.life.end is End.NONE for other in self._floor.roster.of(slot.peer))
        if alive and machine.life.end is not End.NONE:
            return  # another channel can carry it
        for wish in self._wishes.of(slot.peer):
            if not self._is_wanted(wish) or self._is_offered(slot, wish):
                self._wishes.remove(wish)
                _answer(wish)
            elif self._is_hopeless(wish):
                self._give_up(wish, EngineError(Code.PAY_ROUTE_NOT_FOUND, wish.refusal))

    def _is_wanted(self, wish: Wish) -> bool:
        """Whether the payment has not ended: an HTLC that was offered for it before may have been claimed late."""
        pending = self._floor.services.payments.pending
        return any(entry.created_index == wish.payment.created_index and entry.doubt is None for entry in pending)

    def _is_offered(self, slot: Slot, wish: Wish) -> bool:
        """Offer the HTLC of a payment in this channel; else the wish says why not, and whether that is for good."""
        # Asked for each payment: those that were offered meanwhile need coins too.
        is_defended = self._is_defended(slot)
        if is_defended and offer(slot.machine, wish, self._floor.chain.height):
            return True
        if not is_defended:
            wish.refusal = self._undefended()
        channel_id = slot.machine.record.channel_id
        if not is_defended or is_hopeless(slot.machine):
            wish.hopeless.add(channel_id)
        else:
            wish.hopeless.discard(channel_id)
        return False

    def _is_hopeless(self, wish: Wish) -> bool:
        """Whether each channel with the peer has refused the payment for good; one that is not open yet has not."""
        machines = [slot.machine for slot in self._floor.roster.of(wish.payment.destination)]
        open_to_it = [machine for machine in machines if machine.channel is not None and machine.life.end is End.NONE]
        return all(machine.record.channel_id in wish.hopeless for machine in open_to_it)

    def _expire(self, wish: Wish) -> None:
        self._give_up(wish, too_late(wish))

    def _give_up(self, wish: Wish, error: EngineError) -> None:
        if not self._wishes.remove(wish):
            return
        if not self._is_wanted(wish):
            _answer(wish)
            return
        if wish.offered is not None:
            if not wish.offered.done():
                wish.offered.set_exception(error)
            return
        work = UnitOfWork()
        self._floor.services.payments.fail(work, wish.payment.payment_hash, error.message)
        self._floor.services.commits.submit(work)

    def wish_again(self, payment_hash: bytes) -> None:
        """Offer a payment once more whose HTLC was forgotten with the connection."""
        payment = next(
            (entry for entry in self._floor.services.payments.pending if entry.payment_hash == payment_hash), None
        )
        if payment is None or payment.doubt is not None or payment_hash in self._wishes:
            return
        loop = asyncio.get_running_loop()
        deadline = self._deadlines.get(payment_hash, loop.time() + RETRY_SECONDS)
        wish = Wish(payment, decode(payment.bolt11), deadline, None)
        self._wishes.add(wish)
        wish.timer = loop.call_at(deadline, self._expire, wish)

    def decide(self, slot: Slot, work: UnitOfWork) -> None:
        """Decide about the HTLCs that have become irrevocable; what is claimed pays its invoice in the same unit.

        Only while the peer can be told: what is decided later is decided by the height of that time.
        """
        channel = slot.machine.channel
        if channel is None or slot.machine.life.end is not End.NONE:
            return
        if not slot.online or channel.link is not Link.UP:
            return
        services = self._floor.services
        most_dust = channel.params.policy.max_dust_htlc_exposure_msat
        node = node_facts(
            self._floor.chain.height, services.clock(), services.options.cltv_final, most_dust,
            is_defended=self._floor.fee_reserve.lets_pass(),
        )  # fmt: skip
        for htlc, entry in slot.machine.undecided():
            payment_hash = hash_named(htlc.payment_hash)
            found = answer(htlc, entry, services.invoices.unpaid(payment_hash), node)
            if isinstance(found, Claim):
                services.invoices.settle(work, payment_hash, int(htlc.amount_msat))
            slot.machine.decide(htlc.id, found)

    def fail_unoffered(self) -> None:
        """Fail the payments that no channel has an HTLC for: nobody was ever offered any (or not for long).

        Unless a channel with the payee may have lost data: then there may have been one.
        """
        work = UnitOfWork()
        payments = self._floor.services.payments
        for payment in payments.pending:
            name = name_of_hash(payment.payment_hash)
            is_offered = any(self._floor.on_chain.awaits(slot.machine, name) for slot in self._floor.roster.all())
            if payment.doubt is not None or is_offered:
                continue
            if any(has_lost(slot.machine) for slot in self._floor.roster.of(payment.destination)):
                payments.leave_in_doubt(work, payment.payment_hash)
            else:
                payments.fail(work, payment.payment_hash, "the node stopped before it was offered")
        if work.changes:
            self._floor.services.commits.submit(work)

    # --- what came of it ---

    def is_pending(self, payment_hash: bytes) -> bool:
        """Whether a payment of this hash has begun and not ended."""
        return any(payment.payment_hash == payment_hash for payment in self._floor.services.payments.pending)

    def paid(self, work: UnitOfWork, preimage: bytes, amount_msat: int) -> None:
        """The peer has shown the preimage: the payment is made."""
        payment_hash = sha256(preimage)
        if self.is_pending(payment_hash):
            self._floor.services.payments.complete(work, preimage, amount_msat)

    def given_back(self, work: UnitOfWork, payment_hash: bytes, failure: str) -> None:
        """The HTLC is gone for good, and its money is ours."""
        if self.is_pending(payment_hash):
            self._floor.services.payments.fail(work, payment_hash, failure)


def _answer(wish: Wish) -> None:
    """Whoever waits for the HTLC to be offered can go on to wait for the payment's end."""
    if wish.offered is not None and not wish.offered.done():
        wish.offered.set_result(None)
