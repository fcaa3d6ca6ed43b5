"""The engine: channels between connections, storage and chain.

Everything that happens to a channel ends in a *turn*: the machine answers what it owes, its record goes into a unit of
work together with what the books have to know, and the messages leave when the unit is durable. While a channel's unit
is on its way to the disk, further messages are taken and the next turn waits; so one write carries as many steps as
came in meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from boltchain.client.connection import Endpoint
from boltchain.client.follower import BlockConnected, BlockDisconnected, BlockEvent
from boltchain.transaction import Output, Txid
from boltchain.wallet.keys import KeyKind
from boltchain.wallet.selection import InsufficientFunds
from boltchain.wallet.wallet import Prepared
from boltnode.channels import happenings, policy
from boltnode.channels.chain_watch import ChainWatch
from boltnode.channels.final_hop import judge
from boltnode.channels.funding_watch import look_at_block, looked_back
from boltnode.channels.happenings import Turn
from boltnode.channels.keys import KEY_ID_SIZE, ChannelKeys
from boltnode.channels.listing import channel_facts, coin_facts
from boltnode.channels.machine import ChannelMachine
from boltnode.channels.offers import Wish, Wishes, has_htlc, is_hopeless, offer, too_late
from boltnode.channels.on_chain import OnChain
from boltnode.channels.opening_facts import name_of, negotiated_names
from boltnode.channels.psbt import finished_psbt
from boltnode.channels.record import ChannelRecord, Claim
from boltnode.channels.scripts import script_fact
from boltnode.channels.slot import NO_ROW, Slot
from boltnode.engine import (
    ChannelFacts,
    CloseChannel,
    ClosedChannel,
    CoinFacts,
    EngineError,
    FundChannel,
    FundedChannel,
    Withdraw,
    Withdrawal,
)
from boltnode.payments import PaymentRecord
from boltnode.peers.connection import PeerConnection
from boltnode.rpc.errors import Code
from boltnode.services import Services
from boltnode.state_codec import decode_state, encode_state
from boltnode.storage import channel_rows, commitment_rows
from boltnode.storage.channel_rows import ChannelRow
from boltnode.storage.unit_of_work import UnitOfWork
from boltspec.channel import Link
from boltspec.closing.state import ClosingPolicy
from boltspec.commitment import View, feerate
from boltspec.establishment.state import Awaited, Establishment, Node, agreed_channel_type
from boltspec.htlc import LOCAL
from boltspec.lifetime.state import End, Life
from boltspec.update import is_overexposed
from boltwire import messages as wire
from boltwire.bolt11 import Invoice, decode
from boltwire.channel_id import ALL_CHANNELS, fresh_temporary_channel_id
from boltwire.channel_terms import name_of_hash
from boltwire.codec import encode_message
from boltwire.features import FeatureBits
from boltwire.hashes import sha256
from boltwire.scripts import p2wsh
from boltwire.transaction import parse_transaction

OPENING_SECONDS: Final = 60
"""How long a peer may take to agree to a channel."""
RETRY_SECONDS: Final = 60
"""How long a payment waits for a connection that was lost under it."""

_log = logging.getLogger(__name__)


class ChannelEngine:
    """The node's :class:`boltnode.engine.Engine`."""

    def __init__(self, endpoint: Endpoint, *, feerate_per_kw: int | None = None, simple_close: bool = True) -> None:
        """``feerate_per_kw`` is used in place of estimates; without ``simple_close`` fees are negotiated."""
        self._chain = ChainWatch(endpoint, feerate_per_kw=feerate_per_kw)
        gone = () if simple_close else FeatureBits.of(optional=("option_simple_close",))
        self._features = FeatureBits(policy.FEATURES - frozenset(gone))
        self._slots: dict[tuple[bytes, bytes], Slot] = {}
        """By peer and channel id; the temporary id leads there as well."""
        self._wishes = Wishes()
        self._deadlines: dict[bytes, float] = {}

    @property
    def features(self) -> FeatureBits:
        """What the node offers."""
        return self._features

    # --- beginning and end ---

    async def start(self, services: Services) -> None:
        """Take up the channels that are stored."""
        self._services = services
        await self._chain.start(services)
        for row in await services.commits.read(channel_rows.load):
            record: ChannelRecord = decode_state(row.state)
            slot = self._enter(record, row.channel_id)
            slot.revision = row.revision
            slot.machine.disconnected()
        self._on_chain = OnChain(services, self._chain)
        await self._on_chain.load(slot.machine for slot in self._all())
        await self._chain.catch_up(self._ahead, self._told)
        self._fail_unoffered()
        await self._after_block()
        self._chain.follow(self._ahead, self._told, self._after_block)

    async def stop(self) -> None:
        """Finish what is under way; connections are closed already."""
        await self._chain.stop()
        await self._services.commits.settled()

    def _enter(self, record: ChannelRecord, temporary_id: bytes) -> Slot:
        keys = ChannelKeys.of(self._services.seed(), record.key_id)
        slot = Slot(ChannelMachine(record, keys, self._services.key.static_key), temporary_id)
        self._slots[record.peer, record.channel_id] = slot
        return slot

    def _fail_unoffered(self) -> None:
        """Fail the payments that no channel has an HTLC for: nobody was ever offered any (or not for long)."""
        work = UnitOfWork()
        for payment in self._services.payments.pending:
            name = name_of_hash(payment.payment_hash)
            if not any(has_htlc(slot.machine, name) for slot in self._all()):
                self._services.payments.fail(work, payment.payment_hash, "the node stopped before it was offered")
        if work.changes:
            self._services.commits.submit(work)

    def _all(self) -> Iterator[Slot]:
        """All channels, each once."""
        return iter(tuple(dict.fromkeys(self._slots.values())))

    def _of(self, peer: bytes) -> Iterator[Slot]:
        return (slot for slot in self._all() if slot.peer == peer)

    # --- the peers ---

    def connected(self, peer: PeerConnection) -> None:
        """Resume the channels with the peer."""
        names = negotiated_names(self._features, peer.features)
        for slot in self._of(peer.node_id):
            slot.online = True
            slot.machine.connected(names)
            self._schedule(slot)

    async def received(self, peer: PeerConnection, message: wire.Message) -> None:
        """Hand a message to its channel."""
        if isinstance(message, wire.OpenChannel):
            self._proposed(peer, message)
            return
        channel_id = _channel_id(message)
        if channel_id is None:
            return  # not about a channel
        if channel_id == ALL_CHANNELS and isinstance(message, wire.Error | wire.Warning):
            slots = list(self._of(peer.node_id))
        else:
            found = self._slots.get((peer.node_id, channel_id))
            slots = [] if found is None else [found]
        if not slots and not isinstance(message, wire.Error | wire.Warning):
            # B01-error-warning-s-02
            peer.send(encode_message(wire.Error(channel_id=channel_id, data=b"there is no such channel")))
        for slot in slots:
            self._services.latch.require_open()
            slot.machine.hear(message)
            self._schedule(slot)

    def disconnected(self, node_id: bytes) -> None:
        """Forget what was under way."""
        for slot in self._of(node_id):
            slot.online = False
            slot.epoch += 1
            slot.machine.disconnected()
            self._schedule(slot)

    def wants(self, node_id: bytes) -> bool:
        """A peer with a stored channel is always let in."""
        return any(slot.revision != NO_ROW for slot in self._of(node_id))

    # --- turns ---

    def _schedule(self, slot: Slot) -> None:
        """Let the channel have its turn, once all that is there to be read was read."""
        if not slot.scheduled:
            slot.scheduled = True
            asyncio.get_running_loop().call_soon(self._run, slot)

    def _run(self, slot: Slot) -> None:
        slot.scheduled = False
        if slot.storing:
            slot.dirty = True
            return
        if slot.ended or self._services.latch.reason is not None:
            return
        work = UnitOfWork()
        if self._turn(slot, work):
            self._submit(slot, work)

    def _submit(self, slot: Slot, work: UnitOfWork) -> None:
        slot.storing += 1
        self._services.commits.submit(work).add_done_callback(lambda done: self._stored(slot, done))

    def _stored(self, slot: Slot, done: asyncio.Future[None]) -> None:
        slot.storing -= 1
        if done.cancelled() or done.exception() is not None:
            return  # the latch is closed, or an effect failed: both are logged where they arise
        if slot.dirty and not slot.storing:
            slot.dirty = False
            self._schedule(slot)

    def _turn(self, slot: Slot, work: UnitOfWork) -> bool:
        """Let the machine say what it has to say, into a unit of work; False if there was nothing."""
        machine = slot.machine
        self._decide(slot, work)
        if slot.online:
            machine.speak()
            self._offer_waiting(slot)
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
        self._slots.setdefault((record.peer, record.channel_id), slot)
        over = slot.machine.is_over
        if slot.is_kept:
            slot.revision += 1
            row = ChannelRow(record.channel_id, record.peer, slot.revision, slot.ended or over, encode_state(record))
            channel_rows.save(work, row)
            for commitment in turn.out.signed:
                commitment_rows.save(work, record.channel_id, commitment.number, encode_state(commitment))
        if slot.funding_transaction is not None and slot.machine.life.establishment.published:
            self._send_funding(slot, work)
        if over or slot.ended:
            self._forget(slot, work)

    def _release(self, slot: Slot, turn: Turn, epoch: int) -> None:
        """Let everything leave that waited for the disk."""
        peer = self._services.switchboard.peer(slot.peer)
        if peer is not None and epoch == slot.epoch:
            peer.send(*(encode_message(message) for message in turn.out.messages))
            if turn.out.hang_up is not None:
                peer.close(turn.out.hang_up)
        if turn.out.transactions:
            self._chain.broadcast(*turn.out.transactions)
            self._tell_closed(slot, mutual=True, transactions=turn.out.transactions)

    def _forget(self, slot: Slot, work: UnitOfWork) -> None:
        """Nothing is left of a channel."""
        slot.ended = True
        record = slot.machine.record
        for channel_id in {record.channel_id, slot.temporary_id}:
            self._slots.pop((record.peer, channel_id), None)
        if slot.revision != NO_ROW:
            commitment_rows.forget(work, record.channel_id)
        self._on_chain.forget(work, slot.machine)
        self._give_back_quota(slot)
        if slot.funding_transaction is not None:
            self._chain.wallet.abandon(Txid(slot.funding_transaction))
            slot.funding_transaction = None
        reason = record.failure or "the connection was lost"
        if slot.opening is not None and not slot.opening.done():
            slot.opening.set_exception(EngineError(Code.UNSPECIFIED, f"the channel was not opened: {reason}"))

    def _give_back_quota(self, slot: Slot) -> None:
        if slot.has_quota:
            slot.has_quota = False
            self._services.pending_channels.give_back(slot.peer)

    def _take_note(self, slot: Slot, happening: happenings.Happening, work: UnitOfWork) -> None:
        payments = self._services.payments
        match happening:
            case happenings.TermsAgreed():
                self._make_funding(slot)
            case happenings.FundingSigned():
                slot.machine.publish()
                self._schedule(slot)
            case happenings.Paid(preimage, amount_msat):
                if any(payment.payment_hash == sha256(preimage) for payment in payments.pending):
                    payments.complete(work, preimage, amount_msat)
            case happenings.GivenBack(payment_hash, failure):
                if any(payment.payment_hash == payment_hash for payment in payments.pending):
                    payments.fail(work, payment_hash, failure)
            case happenings.Unsent(payment_hash):
                self._wish_again(payment_hash)
            case happenings.Failed(reason):
                _log.warning("a channel has failed", extra={"channel": slot.machine.record.channel_id.hex(),
                                                            "reason": reason})  # fmt: skip
                work.after(lambda: self._chain.spawn(self._publish(slot)))

    # --- opening ---

    def _node(self, peer: PeerConnection, capacity_sat: int) -> Node:
        taken = frozenset(name_of(channel_id) for node_id, channel_id in self._slots if node_id == peer.node_id)
        return policy.node_facts(self._services.network, self._features, peer.features, capacity_sat, taken)

    def _new_slot(self, peer: PeerConnection, node: Node, temporary_id: bytes, close_to: bytes | None) -> Slot:
        names = negotiated_names(self._features, peer.features)
        script = close_to or self._chain.wallet.new_script(KeyKind.P2TR if _takes_taproot(names) else KeyKind.P2WPKH)
        life = Life(
            Establishment(node),
            policy.closing_features(names),
            policy.closing_policy(script, self._chain.feerate("normal")),
            local_upfront=None if close_to is None else script_fact(close_to),
        )
        record = ChannelRecord(
            peer=peer.node_id,
            key_id=secrets.token_bytes(KEY_ID_SIZE),
            channel_id=temporary_id,
            life=life,
            opened_at=self._services.clock(),
        )
        slot = self._enter(record, temporary_id)
        slot.online, slot.has_quota = True, True
        slot.machine.upfront = close_to or b""
        slot.machine.connected(names)
        return slot

    async def fund_channel(self, request: FundChannel) -> FundedChannel:
        """Open a channel with a connected peer."""
        services = self._services
        peer = services.switchboard.peer(request.node_id)
        if peer is None:
            raise EngineError(Code.FUNDING_PEER_NOT_CONNECTED, "Peer not connected")
        if self._chain.trouble is not None:
            raise EngineError(Code.FUNDING_STILL_SYNCING_BITCOIN, self._chain.trouble)
        self._refuse_chosen_coins(request.utxos, request.minconf)
        names = negotiated_names(self._features, peer.features)
        if request.close_to is not None and "option_upfront_shutdown_script" not in names:
            raise EngineError(Code.UNSPECIFIED, "close_to: the peer does not offer option_upfront_shutdown_script")
        feerate_per_kw = self._chain.feerate(request.feerate)
        amount = request.amount_sat or self._all_funds(feerate_per_kw)
        if amount > policy.largest_channel_sat():
            raise EngineError(Code.FUND_MAX_EXCEEDED, f"Amount exceeded {policy.largest_channel_sat()}sat")
        if amount > self._chain.wallet.balance().spendable_sat:
            raise EngineError(Code.FUND_CANNOT_AFFORD, "Could not afford the amount: the wallet has less")
        if not services.pending_channels.take(request.node_id):
            raise EngineError(Code.UNSPECIFIED, "too many channels wait for their confirmation")
        temporary = fresh_temporary_channel_id({channel_id for _, channel_id in self._slots})
        slot = self._new_slot(peer, self._node(peer, amount), temporary, request.close_to)
        slot.request, slot.feerate_per_kw = replace(request, amount_sat=amount), feerate_per_kw
        slot.opening = asyncio.get_running_loop().create_future()
        proposal = policy.proposal(
            slot.machine.life.establishment.node, temporary, amount, request.push_msat, self._chain.feerate("normal"),
            announce=request.announce, upfront=request.close_to or b"",
        )  # fmt: skip
        refusal = slot.machine.propose(proposal)
        if refusal is not None:
            self._abort(slot, f"{refusal.rule}: {refusal.numbers}")
        self._schedule(slot)
        return await self._opened(slot)

    async def _opened(self, slot: Slot) -> FundedChannel:
        assert slot.opening is not None
        try:
            async with asyncio.timeout(OPENING_SECONDS):
                return await asyncio.shield(slot.opening)
        except TimeoutError:
            self._abort(slot, f"the peer did not agree within {OPENING_SECONDS} s")
            return await slot.opening

    def _abort(self, slot: Slot, reason: str) -> None:
        """Give up a channel that is not open yet."""
        slot.machine.fail(reason)
        self._schedule(slot)

    def _all_funds(self, feerate_per_kw: int) -> int:
        """What a channel can have at most when everything goes into it."""
        wallet = self._chain.wallet
        try:
            draft = wallet.prepare_all(p2wsh(b""), feerate_per_kw)
        except InsufficientFunds as error:
            raise EngineError(Code.FUND_CANNOT_AFFORD, str(error)) from error
        amount = draft.transaction.outputs[0].amount_sat
        wallet.abandon(draft.txid)
        return min(amount, policy.largest_channel_sat())

    def _refuse_chosen_coins(self, utxos: Sequence[object], minconf: int) -> None:
        if utxos:
            raise EngineError(Code.UNSPECIFIED, "utxos: the wallet chooses the coins itself")
        if minconf > 1:
            raise EngineError(Code.UNSPECIFIED, "minconf: the wallet looks for one confirmation, or none")

    def _proposed(self, peer: PeerConnection, message: wire.OpenChannel) -> None:
        """Take the peer's proposal, and accept it if the specification does."""
        known = self._slots.get((peer.node_id, message.temporary_channel_id))
        if known is not None or not self._services.pending_channels.take(peer.node_id):
            words = b"the id is taken" if known is not None else b"too many channels wait for their confirmation"
            peer.send(encode_message(wire.Error(channel_id=message.temporary_channel_id, data=words)))
            return
        node = self._node(peer, message.funding_satoshis)
        slot = self._new_slot(peer, node, message.temporary_channel_id, None)
        slot.machine.hear(message)
        state = slot.machine.life.establishment
        if state.awaited is Awaited.ACCEPT_CHANNEL and state.open_channel is not None:
            refusal = slot.machine.accept(policy.acceptance(node, state.open_channel))
            if refusal is not None:
                self._abort(slot, f"{refusal.rule}: {refusal.numbers}")
        self._schedule(slot)

    def _make_funding(self, slot: Slot) -> None:
        """Prepare the funding transaction: signed and stored, but known to nobody."""
        machine, request = slot.machine, slot.request
        assert request is not None
        assert request.amount_sat is not None
        try:
            prepared = self._prepare_funding(machine, request.amount_sat, slot.feerate_per_kw, request.minconf)
        except (InsufficientFunds, ValueError) as error:
            self._abort(slot, f"the wallet cannot pay: {error}")
            return
        slot.funding_transaction = bytes(prepared.txid)
        outputs = [(output.amount_sat, output.script_pubkey) for output in prepared.transaction.outputs]
        refusal = machine.fund(prepared.txid, 0, outputs)
        if refusal is not None:
            self._abort(slot, f"{refusal.rule}: {refusal.numbers}")
        self._schedule(slot)

    def _prepare_funding(self, machine: ChannelMachine, amount_sat: int, feerate_per_kw: int, minconf: int) -> Prepared:
        return self._chain.wallet.prepare(
            [Output(amount_sat, machine.funding_script)],
            feerate_per_kw,
            label="funding",
            unconfirmed=minconf == 0,
            replaceable=False,
        )

    def _send_funding(self, slot: Slot, work: UnitOfWork) -> None:
        """Let the funding transaction leave with the record that knows of it."""
        assert slot.funding_transaction is not None
        txid, slot.funding_transaction = Txid(slot.funding_transaction), None
        with self._chain.store.within(work):
            raw = self._chain.wallet.send(txid)
        work.after(lambda: self._funding_is_out(slot, raw))

    def _funding_is_out(self, slot: Slot, raw: bytes) -> None:
        self._chain.broadcast(raw)
        record = slot.machine.record
        state, funding = record.life.establishment, record.funding
        if slot.opening is None or slot.opening.done() or funding is None or slot.request is None:
            return
        accepting = state.accept_channel
        found = FundedChannel(
            tx=raw,
            txid=funding.txid[::-1],
            outnum=funding.vout,
            channel_id=record.channel_id,
            channel_type=FeatureBits(agreed_channel_type(state)),
            close_to=slot.request.close_to,
            mindepth=0 if accepting is None else int(accepting.minimum_depth),
        )
        slot.opening.set_result(found)

    # --- paying ---

    async def pay(self, payment: PaymentRecord, invoice: Invoice, max_fee_msat: int, retry_seconds: int) -> None:
        """Offer the HTLC of a pending payment."""
        del max_fee_msat  # over one channel there is none
        if not any(slot.machine.channel is not None for slot in self._of(payment.destination)):
            raise EngineError(Code.PAY_ROUTE_NOT_FOUND, "there is no channel with the node that is to be paid")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + retry_seconds
        wish = Wish(payment, invoice, deadline, loop.create_future())
        self._deadlines[payment.payment_hash] = deadline
        self._wishes.add(wish)
        loop.call_at(deadline, self._expire, wish)
        for slot in self._of(payment.destination):
            self._schedule(slot)
        assert wish.offered is not None
        await wish.offered

    def _offer_waiting(self, slot: Slot) -> None:
        """Offer what waits for this peer, as far as the channel can carry it."""
        machine = slot.machine
        channel = machine.channel
        if channel is None or channel.link is not Link.UP or not machine.life.is_open:
            return
        for wish in self._wishes.of(slot.peer):
            if offer(machine, wish, self._chain.height):
                self._wishes.remove(wish)
                if wish.offered is not None and not wish.offered.done():
                    wish.offered.set_result(None)
            elif is_hopeless(machine):
                self._give_up(wish, EngineError(Code.PAY_ROUTE_NOT_FOUND, wish.refusal))

    def _expire(self, wish: Wish) -> None:
        self._give_up(wish, too_late(wish))

    def _give_up(self, wish: Wish, error: EngineError) -> None:
        if not self._wishes.remove(wish):
            return
        if wish.offered is not None:
            if not wish.offered.done():
                wish.offered.set_exception(error)
            return
        work = UnitOfWork()
        self._services.payments.fail(work, wish.payment.payment_hash, error.message)
        self._services.commits.submit(work)

    def _wish_again(self, payment_hash: bytes) -> None:
        """Offer a payment once more whose HTLC was forgotten with the connection."""
        payment = next((entry for entry in self._services.payments.pending if entry.payment_hash == payment_hash), None)
        if payment is None or payment_hash in self._wishes:
            return
        loop = asyncio.get_running_loop()
        deadline = self._deadlines.get(payment_hash, loop.time() + RETRY_SECONDS)
        wish = Wish(payment, decode(payment.bolt11), deadline, None)
        self._wishes.add(wish)
        loop.call_at(deadline, self._expire, wish)

    def _decide(self, slot: Slot, work: UnitOfWork) -> None:
        """Decide about the HTLCs that have become irrevocable; what is claimed pays its invoice in the same unit."""
        channel = slot.machine.channel
        if channel is None or slot.machine.life.end is not End.NONE:
            return
        services = self._services
        for htlc, entry in slot.machine.undecided():
            payment_hash = htlc.payment_hash.to_bytes(32, "big")
            invoice = services.invoices.payable(payment_hash)
            answer = judge(
                htlc, entry, invoice, self._chain.height, services.options.cltv_final,
                overexposed=is_overexposed(channel, htlc),
            )  # fmt: skip
            if isinstance(answer, Claim):
                services.invoices.settle(work, payment_hash, int(htlc.amount_msat))
            slot.machine.decide(htlc.id, answer)

    def _adjust_fee(self, slot: Slot) -> None:
        """Keep the feerate of the commitments near the estimate, as the opener."""
        machine = slot.machine
        channel, closing = machine.channel, machine.life.closing
        if channel is None or closing is None or channel.params.opener is not LOCAL or not machine.life.is_open:
            return
        if closing.sent_shutdown or closing.received_shutdown or channel.link is not Link.UP:
            return
        wanted = self._chain.feerate("normal")
        if policy.is_off(int(feerate(channel, View.REMOTE_NEXT)), wanted):  # type: ignore[call-overload]
            machine.change_fee(wanted)

    # --- closing ---

    async def close_channel(self, request: CloseChannel) -> ClosedChannel:
        """Close a channel, together if the peer is there in time."""
        slot = next((slot for slot in self._all() if slot.machine.record.channel_id == request.channel_id), None)
        if slot is None or slot.machine.channel is None:
            raise EngineError(Code.UNSPECIFIED, "there is no such channel, or it is not open yet")
        if slot.machine.life.end is not End.NONE:
            raise EngineError(Code.UNSPECIFIED, "the channel is being closed on the chain")
        future: asyncio.Future[ClosedChannel] = asyncio.get_running_loop().create_future()
        slot.closing.append(future)
        slot.machine.close(self._closing_policy(slot, request.destination))
        self._schedule(slot)
        published = slot.machine.record.closing_transactions
        if published:
            self._tell_closed(slot, mutual=True, transactions=list(published))
        timeout = request.unilateral_timeout_seconds or None
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(future)
        except TimeoutError:
            slot.machine.fail(f"not closed together within {timeout} s")
            self._schedule(slot)
            return await future

    def _closing_policy(self, slot: Slot, destination: bytes | None) -> ClosingPolicy:
        closing = slot.machine.life.closing
        assert closing is not None
        script = destination or bytes.fromhex(closing.policy.script.name)
        return policy.closing_policy(script, self._chain.feerate("normal"))

    def _tell_closed(self, slot: Slot, *, mutual: bool, transactions: list[bytes]) -> None:
        txids = tuple(parse_transaction(raw).txid()[::-1] for raw in transactions)
        waiting, slot.closing = slot.closing, []
        for future in waiting:
            if not future.done():
                future.set_result(ClosedChannel(mutual=mutual, txs=tuple(transactions[:1]), txids=txids[:1]))

    async def _publish(self, slot: Slot) -> None:
        """Broadcast what is wanted on chain for a channel that has failed or is closed."""
        sent = await self._on_chain.publish(slot.machine, self._chain.height)
        funding = slot.machine.record.funding
        leaving = [raw for raw in sent if parse_transaction(raw).inputs[0].outpoint == funding]
        if leaving:
            mutual = leaving[0] in slot.machine.record.closing_transactions
            self._tell_closed(slot, mutual=mutual, transactions=leaving)

    # --- the chain ---

    async def _ahead(self, event: BlockEvent) -> None:
        """Read what a block makes necessary."""
        await self._on_chain.recall((slot.machine for slot in self._all()), event)

    def _told(self, work: UnitOfWork, event: BlockEvent) -> None:
        """Note what a block means for the channels, in the unit of work that stores the position."""
        if isinstance(event, BlockDisconnected):
            self._on_chain.disconnect(work, event.disconnected.height)
        for slot in self._all():
            if isinstance(event, BlockConnected):
                look_at_block(slot.machine, event)
                self._on_chain.connect(work, slot.machine, event)
            else:
                looked_back(slot.machine, event)
            if slot.machine.record.funding_height is not None:
                self._give_back_quota(slot)
            if slot.machine.has_news and self._turn(slot, work):
                slot.storing += 1
                work.after(lambda slot=slot: self._after_unit(slot))  # type: ignore[misc]

    def _after_unit(self, slot: Slot) -> None:
        slot.storing -= 1
        if slot.dirty and not slot.storing:
            slot.dirty = False
            self._schedule(slot)

    async def _after_block(self) -> None:
        self._rebroadcast()
        for slot in self._all():
            await self._defend(slot)
            self._schedule(slot)

    async def _defend(self, slot: Slot) -> None:
        """Do what follows from the chain for a channel: first durably in the books, then on the chain."""
        if slot.ended or self._services.latch.reason is not None:
            return
        work = UnitOfWork()
        if self._on_chain.look(work, slot.machine, self._chain.height):
            slot.ended = True
            slot.machine.note()
        if self._turn(slot, work):
            slot.storing += 1
            work.after(lambda: self._after_unit(slot))
        if work.changes:
            await self._services.commits.submit(work)
        if not slot.ended:
            await self._publish(slot)

    def _rebroadcast(self) -> None:
        """Send again what no block holds."""
        waiting = list(self._chain.wallet.to_send())
        for slot in self._all():
            if slot.machine.record.spent_height is None:
                waiting += slot.machine.record.closing_transactions
        if waiting:
            self._chain.broadcast(*waiting)

    # --- what users ask ---

    def block_height(self) -> int:
        """Height of the best block."""
        return self._chain.height

    def warning(self) -> str | None:
        """What is wrong with the chain."""
        return self._chain.trouble

    def channels(self) -> Sequence[ChannelFacts]:
        """All channels."""
        found = (channel_facts(slot.machine, self._chain.height) for slot in self._all())
        return [facts for facts in found if facts is not None]

    async def coins(self, *, spent: bool) -> Sequence[CoinFacts]:
        """The wallet's outputs."""
        wallet, network = self._chain.wallet, self._services.network.name
        return [
            coin_facts(coin, wallet.keys.script(coin.path), self._chain.height, network)
            for coin in wallet.coins
            if spent or coin.spent_by is None
        ]

    async def new_address(self, kind: str) -> str:
        """A fresh address."""
        address = self._chain.wallet.new_address(KeyKind.P2TR if kind == "p2tr" else KeyKind.P2WPKH)
        await self._services.commits.settled()
        return address

    async def withdraw(self, request: Withdraw) -> Withdrawal:
        """Pay on the chain."""
        self._refuse_chosen_coins(request.utxos, request.minconf)
        wallet, feerate_per_kw = self._chain.wallet, self._chain.feerate(request.feerate)
        try:
            if request.amount_sat is None:
                prepared = wallet.prepare_all(request.script, feerate_per_kw, label="withdraw")
            else:
                outputs = [Output(request.amount_sat, request.script)]
                prepared = wallet.prepare(outputs, feerate_per_kw, label="withdraw", unconfirmed=request.minconf == 0)
        except InsufficientFunds as error:
            raise EngineError(Code.FUND_CANNOT_AFFORD, str(error)) from error
        except ValueError as error:
            raise EngineError(Code.FUND_OUTPUT_IS_DUST, str(error)) from error
        raw = wallet.send(prepared.txid)
        await self._services.commits.settled()
        self._chain.broadcast(raw)
        return Withdrawal(tx=raw, txid=prepared.txid[::-1], psbt=finished_psbt(raw))


def _channel_id(message: wire.Message) -> bytes | None:
    found: bytes | None = getattr(message, "channel_id", None) or getattr(message, "temporary_channel_id", None)
    return found


def _takes_taproot(names: tuple[str, ...]) -> bool:
    return "option_shutdown_anysegwit" in names

