"""Opening channels: as the funder, whose wallet pays, and as the fundee, who only has to agree."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from typing import Final
from weakref import WeakKeyDictionary

from boltchain.transaction import Output, Txid
from boltchain.wallet.keys import KeyKind
from boltchain.wallet.selection import InsufficientFunds
from boltchain.wallet.wallet import Prepared
from boltnode.channels import policy
from boltnode.channels.coin_choice import CoinChoice, choose
from boltnode.channels.floor import Floor
from boltnode.channels.keys import KEY_ID_SIZE
from boltnode.channels.machine import ChannelMachine
from boltnode.channels.opening_facts import negotiated_names
from boltnode.channels.record import ChannelRecord
from boltnode.channels.scripts import script_fact
from boltnode.channels.slot import NO_ROW, Slot
from boltnode.engine import EngineError, FundChannel, FundedChannel
from boltnode.peers.connection import PeerConnection
from boltnode.rpc.errors import Code
from boltnode.storage.unit_of_work import UnitOfWork
from boltspec.establishment.channel_type import ANCHORS
from boltspec.establishment.state import Awaited, Establishment, Node, agreed_channel_type
from boltspec.lifetime.state import Life
from boltwire import messages as wire
from boltwire.channel_id import ALL_CHANNELS, fresh_temporary_channel_id
from boltwire.codec import encode_message
from boltwire.features import FeatureBits
from boltwire.scripts import p2wsh

OPENING_SECONDS: Final = 60
"""How long a peer may take to agree to a channel."""


class Opening:
    """Channels that are not open yet."""

    def __init__(self, floor: Floor) -> None:
        """On the engine's floor."""
        self._floor = floor
        self._spare_scripts: dict[KeyKind, list[bytes]] = {}
        self._refused: WeakKeyDictionary[PeerConnection, int] = WeakKeyDictionary()
        """How many proposals, by connection."""

    def _node(self, peer: PeerConnection, capacity_sat: int) -> Node:
        taken = frozenset(self._floor.roster.with_peer(peer.node_id))
        return policy.node_facts(self._floor.services.network, self._floor.features, peer.features, capacity_sat, taken)

    def _new_slot(self, peer: PeerConnection, node: Node, temporary_id: bytes, close_to: bytes | None) -> Slot:
        names = negotiated_names(self._floor.features, peer.features)
        kind = KeyKind.P2TR if _takes_taproot(names) else KeyKind.P2WPKH
        script = close_to or self._new_script(kind)
        life = Life(
            Establishment(node),
            policy.closing_features(names),
            policy.closing_policy(script, self._floor.chain.feerate("normal")),
            local_upfront=None if close_to is None else script_fact(close_to),
        )
        record = ChannelRecord(
            peer=peer.node_id,
            key_id=secrets.token_bytes(KEY_ID_SIZE),
            channel_id=temporary_id,
            life=life,
            opened_at=self._floor.services.clock(),
        )
        slot = self._floor.roster.enter(record, temporary_id)
        slot.online, slot.has_quota = True, True
        slot.spare_script = None if close_to else (kind, script)
        slot.machine.upfront = close_to or b""
        slot.machine.connected(names)
        return slot

    def _new_script(self, kind: KeyKind) -> bytes:
        """A script that nobody was ever shown: proposals that come to nothing leave no trace in the wallet."""
        spare = self._spare_scripts.get(kind)
        return spare.pop() if spare else self._floor.chain.wallet.new_script(kind)

    async def fund_channel(self, request: FundChannel) -> FundedChannel:
        """Open a channel with a connected peer."""
        peer = self._partner(request)
        feerate_per_kw = self._floor.chain.feerate(request.feerate)
        amount = self._affordable(request, feerate_per_kw, _transactions_to_come(self._node(peer, 0)))
        if not self._floor.services.pending_channels.take(request.node_id, beyond=True):
            raise EngineError(Code.UNSPECIFIED, self._too_many(request.node_id).decode())
        temporary = fresh_temporary_channel_id(self._floor.roster.ids)
        slot = self._new_slot(peer, self._node(peer, amount), temporary, request.close_to)
        slot.request, slot.feerate_per_kw = replace(request, amount_sat=amount), feerate_per_kw
        slot.machine.note(least_depth=request.mindepth or 0)
        slot.opening = asyncio.get_running_loop().create_future()
        node, commitments_per_kw = slot.machine.life.establishment.node, self._floor.chain.feerate("normal")
        proposal = policy.proposal(
            node, temporary, amount, request.push_msat, commitments_per_kw,
            announce=request.announce, upfront=request.close_to or b"",
        )  # fmt: skip
        refusal = slot.machine.propose(proposal)
        if refusal is not None:
            self._abort(slot, f"{refusal.rule}: {refusal.numbers}")
        self._floor.schedule(slot)
        return await self._opened(slot)

    def _partner(self, request: FundChannel) -> PeerConnection:
        """The peer that the channel is to be with, if all that is asked for is possible with it."""
        peer = self._floor.services.switchboard.peer(request.node_id)
        if peer is None:
            raise EngineError(Code.FUNDING_PEER_NOT_CONNECTED, "Peer not connected")
        if self._floor.chain.trouble is not None:
            raise EngineError(Code.FUNDING_STILL_SYNCING_BITCOIN, self._floor.chain.trouble)
        _require_depth(request.mindepth)
        names = negotiated_names(self._floor.features, peer.features)
        if request.close_to is not None and "option_upfront_shutdown_script" not in names:
            raise EngineError(Code.UNSPECIFIED, "close_to: the peer does not offer option_upfront_shutdown_script")
        return peer

    def _affordable(self, request: FundChannel, feerate_per_kw: int, coming: int) -> int:
        """How many satoshi the channel is to have, with what is kept to defend it left in the wallet."""
        self._floor.fee_reserve.hold(coming)
        choice = self._choice(request)
        if request.amount_sat is None:
            return self._all_funds(feerate_per_kw, coming, choice)
        amount = request.amount_sat
        if amount > policy.largest_channel_sat():
            raise EngineError(Code.FUND_MAX_EXCEEDED, f"Amount exceeded {policy.largest_channel_sat()}sat")
        wallet, script = self._floor.chain.wallet, p2wsh(b"")
        try:
            draft = wallet.prepare(
                [Output(amount, script)], feerate_per_kw, among=choice.among, must_spend=choice.must_spend
            )
        except InsufficientFunds as error:
            words = f"Could not afford the amount: {error}{self._floor.fee_reserve.words(coming)}"
            raise EngineError(Code.FUND_CANNOT_AFFORD, words) from error
        except ValueError as error:
            raise EngineError(Code.FUND_OUTPUT_IS_DUST, str(error)) from error
        wallet.abandon(draft.txid)
        return amount

    async def _opened(self, slot: Slot) -> FundedChannel:
        assert slot.opening is not None
        try:
            async with asyncio.timeout(OPENING_SECONDS):
                return await asyncio.shield(slot.opening)
        except TimeoutError:
            if slot.machine.life.establishment.published:
                words = "the funding transaction is offered again with every block: the chain does not answer"
                raise EngineError(Code.FUNDING_BROADCAST_FAIL, words) from None
            self._abort(slot, f"the peer did not agree within {OPENING_SECONDS} s")
            return await slot.opening

    def _abort(self, slot: Slot, reason: str) -> None:
        """Give up a channel that is not open yet."""
        slot.machine.fail(reason)
        self._floor.schedule(slot)

    def _choice(self, request: FundChannel) -> CoinChoice:
        return choose(self._floor.chain.wallet, self._floor.chain.height, request.minconf, request.utxos)

    def _all_funds(self, feerate_per_kw: int, coming: int, choice: CoinChoice) -> int:
        """What a channel can have at most when everything goes into it."""
        wallet = self._floor.chain.wallet
        try:
            draft = wallet.prepare_all(p2wsh(b""), feerate_per_kw, coins=choice.coins)
        except InsufficientFunds as error:
            raise EngineError(Code.FUND_CANNOT_AFFORD, f"{error}{self._floor.fee_reserve.words(coming)}") from error
        amount = draft.transaction.outputs[0].amount_sat
        wallet.abandon(draft.txid)
        return min(amount, policy.largest_channel_sat())

    def proposed(self, peer: PeerConnection, message: wire.OpenChannel) -> None:
        """Take the peer's proposal, and accept it if the specification does."""
        known = self._floor.roster.find(peer.node_id, message.temporary_channel_id)
        if known is not None and known.machine.record.channel_id == message.temporary_channel_id:
            # The error that says so names this channel: it fails with it (B01-error-warning-s-03).
            self._abort(known, "the peer proposes another channel of the same id")
            self._count_refused(peer)
            return
        beyond = any(slot.machine.record.funding_height is not None for slot in self._floor.roster.of(peer.node_id))
        if known is not None or not self._floor.services.pending_channels.take(peer.node_id, beyond=beyond):
            words = b"the id is taken" if known is not None else self._too_many(peer.node_id)
            self._refuse(peer, message, words)
            return
        node = self._node(peer, message.funding_satoshis)
        if not self._floor.fee_reserve.lets_pass(_transactions_to_come(node)):
            self._floor.services.pending_channels.give_back(peer.node_id)
            words = b"a channel that could not be defended is not taken: too few coins are at hand"
            self._refuse(peer, message, words)
            return
        slot = self._new_slot(peer, node, message.temporary_channel_id, None)
        slot.machine.hear(message)
        if not self._accepted(slot, node):
            self._count_refused(peer)
        self._floor.schedule(slot)

    def _accepted(self, slot: Slot, node: Node) -> bool:
        """Accept the proposal that was heard, unless it broke a rule or we must not."""
        state = slot.machine.life.establishment
        if state.awaited is not Awaited.ACCEPT_CHANNEL or state.open_channel is None:
            return False
        refusal = slot.machine.accept(policy.acceptance(node, state.open_channel))
        if refusal is not None:
            self._abort(slot, f"{refusal.rule}: {refusal.numbers}")
        return refusal is None

    def _refuse(self, peer: PeerConnection, message: wire.OpenChannel, words: bytes) -> None:
        """Do not even look at a proposal."""
        peer.send(encode_message(wire.Error(channel_id=message.temporary_channel_id, data=words)))
        self._count_refused(peer)

    def _count_refused(self, peer: PeerConnection) -> None:
        """Part with a peer that proposes one channel after the other in vain: each takes more time than a payment."""
        self._refused[peer] = refused = self._refused.get(peer, 0) + 1
        if refused >= self._floor.services.limits.max_refused_proposals:
            words = f"{refused} proposals of channels were refused, which is the most on one connection"
            peer.send(encode_message(wire.Warning(channel_id=ALL_CHANNELS, data=words.encode())))
            peer.close(words)

    def _too_many(self, peer: bytes) -> bytes:
        """Which limit keeps another channel with the peer out."""
        limits = self._floor.services.limits
        if sum(slot.has_quota for slot in self._floor.roster.of(peer)) >= limits.max_pending_channels_per_peer:
            words = f"{limits.max_pending_channels_per_peer} channels with this peer wait for their confirmation"
        else:
            words = f"{limits.max_pending_channels} channels wait for their confirmation"
        return f"too many channels: {words}, which is the most".encode()

    def make_funding(self, slot: Slot) -> None:
        """Prepare the funding transaction: signed and stored, but known to nobody."""
        machine, request = slot.machine, slot.request
        assert request is not None
        assert request.amount_sat is not None
        self._floor.fee_reserve.hold()
        try:
            prepared = self._prepare_funding(machine, request, request.amount_sat, slot.feerate_per_kw)
        except (InsufficientFunds, ValueError, EngineError) as error:
            self._abort(slot, f"the wallet cannot pay: {error}")
            return
        slot.funding_transaction = bytes(prepared.txid)
        outputs = [(output.amount_sat, output.script_pubkey) for output in prepared.transaction.outputs]
        refusal = machine.fund(prepared.txid, 0, outputs)
        if refusal is not None:
            self._abort(slot, f"{refusal.rule}: {refusal.numbers}")
        self._floor.schedule(slot)

    def _prepare_funding(
        self, machine: ChannelMachine, request: FundChannel, amount_sat: int, feerate_per_kw: int
    ) -> Prepared:
        choice = self._choice(request)
        return self._floor.chain.wallet.prepare(
            [Output(amount_sat, machine.funding_script)],
            feerate_per_kw,
            label="funding",
            among=choice.among,
            must_spend=choice.must_spend,
            replaceable=False,
        )

    def send_funding(self, slot: Slot, work: UnitOfWork) -> None:
        """Let the funding transaction leave with the record that knows of it."""
        assert slot.funding_transaction is not None
        txid, slot.funding_transaction = Txid(slot.funding_transaction), None
        with self._floor.chain.store.within(work):
            raw = self._floor.chain.wallet.send(txid)
        work.after(lambda: self._floor.chain.spawn(self._announce(slot, raw)))

    async def _announce(self, slot: Slot, raw: bytes) -> None:
        """Broadcast the funding transaction, and tell whoever wanted the channel; it is broadcast again if need be."""
        refusal = await self._floor.chain.send(raw)
        record = slot.machine.record
        state, funding = record.life.establishment, record.funding
        if slot.opening is None or slot.opening.done() or funding is None or slot.request is None:
            return
        if refusal is not None:
            words = f"the funding transaction was not taken, and is offered again with every block: {refusal}"
            slot.opening.set_exception(EngineError(Code.FUNDING_BROADCAST_FAIL, words))
            return
        accepting = state.accept_channel
        found = FundedChannel(
            tx=raw,
            txid=funding.txid[::-1],
            outnum=funding.vout,
            channel_id=record.channel_id,
            channel_type=FeatureBits(agreed_channel_type(state)),
            close_to=slot.request.close_to,
            mindepth=max(record.least_depth, 0 if accepting is None else int(accepting.minimum_depth)),
        )
        slot.opening.set_result(found)

    def given_up(self, slot: Slot) -> None:
        """Nothing has come of the channel: its coins are free, and whoever wanted it is told."""
        if slot.funding_transaction is not None:
            self._floor.chain.wallet.abandon(Txid(slot.funding_transaction))
            slot.funding_transaction = None
        if slot.spare_script is not None and slot.revision == NO_ROW:
            kind, script = slot.spare_script
            self._spare_scripts.setdefault(kind, []).append(script)
        reason = slot.machine.record.failure or "the connection was lost"
        if slot.opening is not None and not slot.opening.done():
            slot.opening.set_exception(EngineError(Code.UNSPECIFIED, f"the channel was not opened: {reason}"))


def _require_depth(mindepth: int | None) -> None:
    """EngineError for a depth that the node does not wait for."""
    if mindepth == 0:
        words = "mindepth: should be 1 or more: channels without confirmations (option_zeroconf) are not supported"
        raise EngineError(Code.INVALID_PARAMS, words)
    if mindepth is not None and mindepth > policy.most_depth():
        words = f"mindepth: should be at most {policy.most_depth()}, for which the peer can be kept waiting"
        raise EngineError(Code.INVALID_PARAMS, words)


def _transactions_to_come(node: Node) -> int:
    """How many transactions a new channel may make necessary that take a coin: its commitment, with anchors."""
    return 1 if policy.channel_type_for(node) == ANCHORS else 0


def _takes_taproot(names: tuple[str, ...]) -> bool:
    return "option_shutdown_anysegwit" in names
