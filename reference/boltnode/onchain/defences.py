"""The defence of all channels of a node: notes in its file, transactions to its chain.

The engine drives it: :meth:`Defences.recall` before a block is taken, :meth:`Defences.connect` and
:meth:`Defences.disconnect` within the unit of work that moves the node's position in the chain, :meth:`Defences.look`
within the unit that stores what follows for channels and payments, and :meth:`Defences.publish` once that is durable.
All of them may be called again at any time.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace

from boltchain.block import Block
from boltchain.client.connection import ChainUnavailable
from boltchain.client.node import ChainClient
from boltchain.interface import TransactionRejected
from boltchain.rpc import RpcError
from boltchain.transaction import parse_transaction as parse_chain_transaction
from boltchain.wallet.wallet import Wallet
from boltnode.channels.wallet_store import NodeWalletStore
from boltnode.onchain.defence import Step, after_block, after_disconnection, step
from boltnode.onchain.facts import Fact
from boltnode.onchain.fees import Estimate
from boltnode.onchain.plans import Plan, is_settled, plans
from boltnode.onchain.publishing import Package, Publisher
from boltnode.onchain.record import Defended, Notes
from boltnode.state_codec import decode_state, encode_state
from boltnode.storage import commitment_rows, onchain_rows
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.latch import SigningLatch
from boltnode.storage.unit_of_work import UnitOfWork
from boltspec.commitment import Commitment
from boltwire.channel_terms import ChannelTerms
from boltwire.funding import read_commitment_number
from boltwire.transaction import parse_transaction

_log = logging.getLogger(__name__)


class Defences:
    """Of one node."""

    def __init__(
        self,
        commits: GroupCommit,
        latch: SigningLatch,
        wallet: tuple[Wallet, NodeWalletStore],
        client: ChainClient,
        estimate: Estimate,
    ) -> None:
        """Over running parts; :meth:`load` comes first."""
        self._commits, self._latch = commits, latch
        self._wallet, self._store_of_wallet = wallet
        self._client, self._estimate = client, estimate
        self._notes: dict[bytes, Notes] = {}
        self._signed: dict[bytes, dict[int, Commitment]] = {}

    async def load(self, terms: Callable[[bytes], ChannelTerms | None]) -> None:
        """Take the notes into memory; ``terms`` gives those of a channel by its id."""
        rows = await self._commits.read(onchain_rows.load)
        self._notes = {channel_id: decode_state(row) for channel_id, row in rows.items()}
        for channel_id, notes in self._notes.items():
            found = terms(channel_id)
            if found is not None:
                await self.recall(channel_id, found, [spend.raw for spend in notes.spends])

    def notes(self, channel_id: bytes) -> Notes:
        """What is noted of a channel."""
        return self._notes.get(channel_id, Notes())

    def signed_for_peer(self, channel_id: bytes) -> Callable[[int], Commitment | None]:
        """For :attr:`Defended.signed_for_peer`: the commitments that were met on the chain are at hand."""
        return self._signed.setdefault(channel_id, {}).get

    async def recall(self, channel_id: bytes, terms: ChannelTerms, transactions: Sequence[bytes]) -> None:
        """Read what was signed for the peer under the numbers of its commitments among the transactions."""
        funding, known = terms.funding_output.outpoint, self._signed.setdefault(channel_id, {})
        for raw in transactions:
            transaction = parse_transaction(raw)
            number = read_commitment_number(transaction, terms.obscuring_factor)
            if number is None or number in known or transaction.inputs[0].outpoint != funding:
                continue
            row = await self._commits.read(_signed_under(channel_id, number))
            if row is not None:
                known[number] = decode_state(row)

    # --- the chain ---

    def connect(self, work: UnitOfWork, channel_id: bytes, record: Defended, block: Block, height: int) -> None:
        """Note what a block holds of a channel, once it was recalled; it is stored with ``work``."""
        before = self.notes(channel_id)
        self._store(work, channel_id, before, after_block(record, before, block.transactions, height))

    def disconnect(self, work: UnitOfWork, height: int) -> None:
        """The block of that height is gone."""
        for channel_id, notes in list(self._notes.items()):
            self._store(work, channel_id, notes, after_disconnection(notes, height))

    def _store(self, work: UnitOfWork, channel_id: bytes, before: Notes, after: Notes) -> None:
        if after != before:
            onchain_rows.save(work, channel_id, encode_state(after))
            self._notes[channel_id] = after

    def forget(self, work: UnitOfWork, channel_id: bytes) -> None:
        """Nothing of the channel is left to watch."""
        self._notes.pop(channel_id, None)
        self._signed.pop(channel_id, None)
        onchain_rows.forget(work, channel_id)

    # --- what follows ---

    def look(self, work: UnitOfWork, channel_id: bytes, record: Defended, height: int) -> tuple[Fact, ...]:
        """What follows for the channel and its payments. To be called again when the record has changed by it."""
        before = self.notes(channel_id)
        taken = step(record, before, height)
        self._store(work, channel_id, before, taken.notes)
        return taken.facts

    def first_failure(self, work: UnitOfWork, channel_id: bytes, htlc_id: int) -> bool:
        """Whether the failure of an HTLC of ours is passed on for the first time; ``work`` stores that it was."""
        before = self.notes(channel_id)
        self._store(work, channel_id, before, replace(before, failed=before.failed | {htlc_id}))
        return htlc_id not in before.failed

    async def publish(self, channel_id: bytes, record: Defended, height: int) -> list[bytes]:
        """Broadcast what the specification wants now; what the chain has taken.

        What :meth:`look` has noted must be durable. :class:`boltnode.storage.latch.SigningStopped` if nothing may be
        signed any more.
        """
        taken = step(record, self.notes(channel_id), height)
        wanted = plans(record, taken)
        if not wanted and not is_settled(record, taken, height):
            return []
        self._latch.require_open()
        packages = await self._made_durable(record, taken, wanted, height)
        sent: list[bytes] = []
        for package in packages:
            sent += await send(self._client, package)
        return sent

    async def _made_durable(self, record: Defended, taken: Step, wanted: Sequence[Plan], height: int) -> list[Package]:
        publisher = Publisher(self._wallet, self._estimate)
        work = UnitOfWork()
        with self._store_of_wallet.within(work):
            if is_settled(record, taken, height):
                publisher.give_up_losers(record.label, [plan.key for plan in wanted])
            packages, unpaid = publisher.publish(wanted, height)
        for entry in unpaid:
            _log.warning("a claim cannot be paid for", extra={"claim": entry.key, "reason": entry.reason})
        await self._commits.submit(work)
        return packages


def _signed_under(channel_id: bytes, number: int) -> Callable[[sqlite3.Connection], bytes | None]:
    return lambda connection: commitment_rows.load(connection, channel_id, number)


async def send(client: ChainClient, package: Package) -> list[bytes]:
    """Offer a package; the transactions that the chain has taken. One that is refused is offered again after a block.

    Each is offered alone first; a parent that pays too little by itself goes with its child.
    """
    taken, refusals = [], []
    for raw in package.transactions:
        try:
            await client.send(raw)
            taken.append(raw)
        except TransactionRejected as refusal:
            refusals.append(refusal.reason)
        except (ChainUnavailable, RpcError) as failure:
            _log.warning("the chain is not there", extra={"claim": package.key, "reason": str(failure)})
            return taken
    if len(package.transactions) > 1 and package.transactions[0] not in taken:
        return await _send_together(client, package, refusals)
    for reason in refusals:
        _log.info("a transaction is refused", extra={"claim": package.key, "reason": reason})
    return taken


async def _send_together(client: ChainClient, package: Package, refusals: Sequence[str]) -> list[bytes]:
    try:
        result = await client.submit_package(*package.transactions)
    except (TransactionRejected, ChainUnavailable, RpcError) as failure:
        reasons = [*refusals, str(failure)]
        _log.info("a package is refused", extra={"claim": package.key, "reason": "; ".join(reasons)})
        return []
    if not result.accepted:
        _log.info("a package is refused", extra={"claim": package.key, "reason": result.message})
    refused = {entry.txid for entry in result.transactions if entry.reason is not None}
    return [raw for raw in package.transactions if parse_chain_transaction(raw).txid not in refused]
