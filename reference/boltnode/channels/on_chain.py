"""The engine's channels on chain: their records as the defence wants them, and what its facts mean for the node."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from boltchain.client.follower import BlockConnected, BlockEvent
from boltnode.channels.chain_watch import ChainWatch
from boltnode.channels.machine import ChannelMachine
from boltnode.channels.record import ChannelRecord, Claim
from boltnode.channels.scripts import script_bytes
from boltnode.onchain.defences import Defences
from boltnode.onchain.facts import (
    Closed,
    Fact,
    HtlcClaimed,
    HtlcFailed,
    MustFail,
    OutcomeUnknown,
    PreimageLearned,
    Resolved,
)
from boltnode.onchain.reading import Spender
from boltnode.onchain.record import Defended
from boltnode.payments import PaymentBook
from boltnode.services import Services
from boltnode.storage.unit_of_work import UnitOfWork
from boltspec.chain.leaving import may_leave
from boltspec.closing.state import Closing
from boltspec.htlc import LOCAL, Htlc
from boltspec.lifetime.state import End
from boltwire.channel_terms import hash_named
from boltwire.claims import Claimant
from boltwire.hashes import sha256
from boltwire.per_commitment_secrets import SecretStore
from boltwire.secp256k1 import PublicKey

REFUNDED = "the payment was not claimed before it expired, and came back on the chain"
DEADLINE = "a deadline on the chain is past"

_log = logging.getLogger(__name__)


class OnChain:
    """The defence of the channels of an engine."""

    def __init__(self, services: Services, chain: ChainWatch) -> None:
        """Over the running chain."""
        self._payments: PaymentBook = services.payments
        wallet = chain.wallet, chain.store
        self._defences = Defences(services.commits, services.latch, wallet, chain.client, chain.feerate_within)
        self._told: dict[bytes, Spender] = {}

    async def load(self, machines: Iterable[ChannelMachine]) -> None:
        """Take up what was noted of the channels."""
        found = {machine.record.channel_id: machine.terms for machine in machines}
        await self._defences.load(found.get)

    def defended(self, machine: ChannelMachine) -> Defended | None:
        """A channel as the defence sees it; None until its funding output is confirmed."""
        record, channel, terms, closing = machine.record, machine.channel, machine.terms, machine.life.closing
        if channel is None or terms is None or closing is None or record.held is None or record.funding_height is None:
            return None
        return Defended(
            label=record.channel_id.hex(),
            channel=channel,
            failed=machine.life.end is not End.NONE,
            terms=terms,
            claimant=Claimant(machine.keys.basepoint_secrets, machine.keys.funding_key),
            point=machine.keys.point_of,
            held=record.held,
            remote_points={number: PublicKey(point) for number, point in record.remote_points},
            secrets=SecretStore(record.secrets),
            signed_for_peer=self._defences.signed_for_peer(record.channel_id),
            preimages={entry.id: entry.answer.preimage for entry in record.received if isinstance(entry.answer, Claim)},
            closing=record.closing_transactions[-1] if record.closing_transactions else None,
            own_scripts=_own_scripts(closing),
            peer_scripts=_peer_scripts(closing),
            sweep_script=bytes.fromhex(closing.policy.script.name),
            funding_height=record.funding_height,
            unsure=record.restored,
        )

    def is_left_to_the_peer(self, machine: ChannelMachine) -> bool:
        """Whether only the peer can close the channel: what we could publish may be revoked."""
        record = self.defended(machine)
        if record is None:
            return False
        number = record.channel.local_commitment_number
        return record.closing is None and not may_leave(record.channel, number, unsure=record.unsure)

    def awaits(self, machine: ChannelMachine, name: int) -> bool:
        """Whether a channel has an HTLC of ours with this payment hash, given as its name, that has not failed."""
        failed = self._defences.notes(machine.record.channel_id).failed
        return machine.channel is not None and machine.channel.htlcs.any(
            lambda htlc: htlc.offerer is LOCAL and htlc.payment_hash == name and htlc.id not in failed
        )

    # --- the chain ---

    async def recall(self, machines: Iterable[ChannelMachine], event: BlockEvent) -> None:
        """Read what a block makes necessary, before it is taken."""
        if not isinstance(event, BlockConnected):
            return
        transactions = [entry.raw for entry in event.block.transactions[1:]]
        for machine in machines:
            if machine.terms is not None and transactions:
                await self._defences.recall(machine.record.channel_id, machine.terms, transactions)

    def connect(self, work: UnitOfWork, machine: ChannelMachine, event: BlockConnected) -> None:
        """Note what a block holds of a channel."""
        record = self.defended(machine)
        if record is not None:
            self._defences.connect(work, machine.record.channel_id, record, event.block, event.position.height)

    def disconnect(self, work: UnitOfWork, height: int) -> None:
        """The block of that height is gone."""
        self._defences.disconnect(work, height)

    # --- what follows ---

    def look(self, work: UnitOfWork, machine: ChannelMachine, height: int) -> bool:
        """Let the channel and its payments know what follows from the chain; whether nothing is left to watch."""
        record = self.defended(machine)
        if record is None:
            return False
        facts = self._defences.look(work, machine.record.channel_id, record, height)
        if MustFail() in facts and machine.life.end is End.NONE:
            machine.fail(DEADLINE)
            return self.look(work, machine, height)
        for fact in facts:
            self._take(work, machine, fact)
        return Resolved() in facts

    def _take(self, work: UnitOfWork, machine: ChannelMachine, fact: Fact) -> None:
        match fact:
            case Closed(by, txid, height):
                self._tell(machine.record, by, txid, height)
            case PreimageLearned(htlc_id, preimage):
                htlc = _offered(machine, htlc_id)
                if self._is_pending(sha256(preimage)):
                    self._payments.complete(work, preimage, int(htlc.amount_msat))
            case HtlcFailed(htlc_id):
                payment_hash = hash_named(_offered(machine, htlc_id).payment_hash)
                is_first = self._defences.first_failure(work, machine.record.channel_id, htlc_id)
                if is_first and self._is_pending(payment_hash):
                    self._payments.fail(work, payment_hash, REFUNDED)
            case OutcomeUnknown(htlc_id):
                self._leave_in_doubt(work, machine, htlc_id)
            case HtlcClaimed() | MustFail() | Resolved():
                pass  # the invoice is paid since the claim was decided; the other two are the caller's

    def _leave_in_doubt(self, work: UnitOfWork, machine: ChannelMachine, htlc_id: int) -> None:
        payment_hash = hash_named(_offered(machine, htlc_id).payment_hash)
        has_failed = htlc_id in self._defences.notes(machine.record.channel_id).failed
        if self._is_pending(payment_hash) and not has_failed:
            self._payments.leave_in_doubt(work, payment_hash)
            _log.warning("the outcome of a payment is unknown", extra={"payment_hash": payment_hash.hex()})

    def _is_pending(self, payment_hash: bytes) -> bool:
        return any(payment.payment_hash == payment_hash for payment in self._payments.pending)

    def _tell(self, record: ChannelRecord, by: Spender, txid: bytes, height: int) -> None:
        """Say once how the channel has ended on chain."""
        if self._told.get(record.channel_id) is by:
            return
        self._told[record.channel_id] = by
        level = logging.INFO if by in (Spender.MUTUAL, Spender.LOCAL, Spender.REMOTE) else logging.WARNING
        facts = {"channel": record.channel_id.hex(), "by": str(by), "txid": txid[::-1].hex(), "height": height}
        _log.log(level, "the funding output is spent", extra=facts)

    async def publish(self, machine: ChannelMachine, height: int) -> list[bytes]:
        """Broadcast what is wanted now; what the chain has taken."""
        record = self.defended(machine)
        if record is None:
            return []
        return await self._defences.publish(machine.record.channel_id, record, height)

    def forget(self, work: UnitOfWork, machine: ChannelMachine) -> None:
        """Nothing is left of a channel."""
        self._defences.forget(work, machine.record.channel_id)


def _offered(machine: ChannelMachine, htlc_id: int) -> Htlc:
    htlc = None if machine.channel is None else machine.channel.htlcs.find(LOCAL, htlc_id)
    assert htlc is not None, "facts speak of HTLCs that the channel has"
    return htlc


def _own_scripts(closing: Closing) -> frozenset[bytes]:
    scripts = (closing.local_script, closing.local_upfront, closing.policy.script)
    return frozenset(script_bytes(script) for script in scripts if script is not None)


def _peer_scripts(closing: Closing) -> frozenset[bytes]:
    """Where closing transactions pay the peer: it may have named other scripts when earlier ones were signed."""
    scripts = {closing.remote_script, closing.remote_upfront}
    scripts |= {payout.script for transaction in closing.published for payout in transaction.payouts}
    if closing.proposed is not None:
        scripts.add(closing.proposed.details.closee_scriptpubkey)
    return frozenset(script_bytes(script) for script in scripts if script is not None) - _own_scripts(closing)
