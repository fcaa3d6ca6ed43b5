"""Two nodes with a real channel on an embedded chain: the dance by the specification's steps, the defence by the node.

Loaded by conftest.py, and by programs that tests run.

What one of them does against the rules is put into blocks directly: miners are on the side of thieves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from boltchain.block import BlockRef, parse_block
from boltchain.embedded import EmbeddedChain
from boltchain.interface import TransactionRejected
from boltchain.transaction import OutPoint, Txid
from boltchain.transaction import parse_transaction as parse_chain_transaction
from boltchain.wallet.store import MemoryStore
from boltchain.wallet.wallet import Wallet
from boltnode.channels.keys import ChannelKeys
from boltnode.channels.record import Held
from boltnode.onchain.defence import Step, after_block, after_disconnection, step
from boltnode.onchain.facts import Fact, MustFail, Resolved
from boltnode.onchain.plans import is_settled, plans
from boltnode.onchain.publishing import Package, Publisher, Unpaid
from boltnode.onchain.record import Defended, Notes
from boltspec.chain.deadlines import Timing
from boltspec.channel import Channel, opened
from boltspec.commit import (
    next_commitment_signed,
    next_revoke_and_ack,
    owes_revocation,
    receive_commitment_signed,
    receive_revoke_and_ack,
    send_commitment_signed,
    send_revoke_and_ack,
)
from boltspec.commitment import Commitment, View, commitment
from boltspec.htlc import LOCAL, REMOTE
from boltspec.messages import UpdateAddHtlc, UpdateFailHtlc, UpdateFulfillHtlc
from boltspec.params import Limits, Params
from boltspec.units import Blocks, FeeratePerKw, Height, Msat, Sat
from boltspec.update import (
    receive_update_add_htlc,
    receive_update_fail_htlc,
    receive_update_fulfill_htlc,
    send_update_add_htlc,
    send_update_fail_htlc,
    send_update_fulfill_htlc,
)
from boltspec.verdict import Accepted
from boltwire.channel_terms import ChannelTerms, name_of_hash
from boltwire.claims import Claimant
from boltwire.commitment import BuiltCommitment
from boltwire.commitment_signatures import CommitmentSignatures, complete_commitment, sign_commitment
from boltwire.hashes import sha256
from boltwire.htlc_tx import build_htlc_transaction, combine
from boltwire.per_commitment_secrets import SecretStore, secret_index
from boltwire.scripts import funding_script, p2wsh
from boltwire.transaction import Outpoint, Transaction, parse_transaction

FUNDING_SAT = 1_000_000
PUSHED_MSAT = 400_000_000
FEERATE = 2_500
"""Of commitments and, for the nodes, of everything else."""
DELAYS = (6, 7)
"""What each node demands of the other, in blocks."""
TIMING = Timing(reorg_depth=Blocks(2), grace=Blocks(1), confirmation=Blocks(3))
COIN_SAT = 100_000
COINS = 6


def accepted(verdict: object) -> Channel:
    assert isinstance(verdict, Accepted), verdict
    state = verdict.state
    assert isinstance(state, Channel)
    return state


class Node:
    """One of the two, with all that it would keep in its file."""

    def __init__(
        self, seat: int, params: Params, tip: BlockRef, network: str = "regtest", pushed_msat: int = PUSHED_MSAT
    ) -> None:
        self.seat = seat
        self.keys = ChannelKeys.of(bytes([seat + 1]) * 32, b"key id of a test")
        self.channel = opened(params, Msat(pushed_msat))
        self.held: list[Held] = []
        """All of its commitments; a node keeps the newest, a thief the others."""
        self.signed: dict[int, Commitment] = {}
        self.points: dict[int, Any] = {}
        self.secrets = SecretStore()
        self.preimages: dict[int, bytes] = {}
        self.incoming_expiry: dict[int, Height] = {}
        self.store = MemoryStore()
        self.seed = bytes([seat + 11]) * 32
        self.network = network
        self.wallet = Wallet(self.seed, network, self.store, birthday=tip)
        self.sweep_script = self.wallet.new_script()
        self.notes = Notes()
        self.failed = False
        self.unsure = False
        self.closing: bytes | None = None
        self.feerate = FEERATE
        self.facts: list[Fact] = []
        self.sent: dict[bytes, bytes] = {}
        """What it has broadcast, by id."""
        self.refused: list[str] = []
        self.unpaid: list[Unpaid] = []
        self.idle = False
        """It does nothing of its own accord."""
        self.terms: ChannelTerms

    def built(self, held: Held) -> BuiltCommitment:
        return self.terms.build(LOCAL, held.commitment, self.keys.point_of(held.commitment.number))

    def published(self, number: int = -1) -> Transaction:
        """A commitment of its own, ready for a block."""
        held = self.held[number]
        return complete_commitment(self.built(held), held.signatures.signature, self.keys.funding_key)

    def second_stage(self, number: int, htlc_id: int, *, offered: bool, preimage: bytes | None = None) -> Transaction:
        """The HTLC transaction of an HTLC of one of its commitments, without a fee."""
        held = self.held[number]
        built = self.built(held)
        index = [(htlc.offered_by_owner, htlc.id) for htlc in held.commitment.htlcs].index((offered, htlc_id))
        vout = built.vout_of_htlc(index)
        assert vout is not None
        signature = held.signatures.htlc_signature[built.htlc_vouts().index(vout)]
        key = Claimant(self.keys.basepoint_secrets, self.keys.funding_key).htlc_key(built)
        return build_htlc_transaction(built, vout).complete(signature, key, preimage)

    def combined(self, number: int, htlc_ids: tuple[int, ...], preimage: bytes) -> Transaction:
        """HTLC-success transactions of received HTLCs in one, with anchors."""
        alone = [self.second_stage(number, each, offered=False, preimage=preimage) for each in htlc_ids]
        held = self.held[number]
        built = self.built(held)
        vouts = [each.inputs[0].outpoint.vout for each in alone]
        parts = [build_htlc_transaction(built, vout) for vout in vouts]
        made = combine(parts)
        key = Claimant(self.keys.basepoint_secrets, self.keys.funding_key).htlc_key(built)
        for index, (part, vout) in enumerate(zip(parts, vouts, strict=True)):
            signature = held.signatures.htlc_signature[built.htlc_vouts().index(vout)]
            made = made.with_witness(index, part.witness(made, index, signature, key, preimage))
        return made

    def record(self, funding_height: int, peer: Node) -> Defended:
        return Defended(
            label=f"channel {self.seat}",
            channel=self.channel,
            failed=self.failed,
            terms=self.terms,
            claimant=Claimant(self.keys.basepoint_secrets, self.keys.funding_key),
            point=self.keys.point_of,
            held=self.held[-1],
            remote_points=self.points,
            secrets=self.secrets,
            signed_for_peer=self.signed.get,
            preimages=self.preimages,
            incoming_expiry=self.incoming_expiry,
            closing=self.closing,
            own_scripts=frozenset({self.sweep_script}),
            peer_scripts=frozenset({peer.sweep_script}),
            sweep_script=self.sweep_script,
            funding_height=funding_height,
            timing=TIMING,
            unsure=self.unsure,
        )


class Duel:
    """The two nodes, their channel and their chain."""

    def __init__(
        self,
        *,
        anchors: bool,
        chain: Any = None,
        feerate: int = FEERATE,
        pushed_msat: int = PUSHED_MSAT,
        coin_sat: int = COIN_SAT,
    ) -> None:
        """``chain`` is any chain of :mod:`boltchain`, a new embedded one unless given; ``feerate`` the commitments'."""
        self.chain = chain or EmbeddedChain()
        self.anchors = anchors
        self.old = 0
        """Number of a commitment of B's that is revoked, where the story has one."""
        self._parents: dict[bytes, bytes] = {}
        limits = [Limits(Sat(354), Msat(900_000_000), Sat(10_000), Msat(1), Blocks(delay), 30) for delay in DELAYS]
        params = Params(Sat(FUNDING_SAT), LOCAL, FeeratePerKw(feerate), anchors, limits[0], limits[1])
        tip = BlockRef(self.chain.height(), self.chain.tip())
        self.nodes = tuple(
            Node(seat, mine, tip, pushed_msat=pushed_msat) for seat, mine in enumerate((params, params.mirrored()))
        )
        self._fund(coin_sat)
        self.first_height = self.chain.height()

    def _fund(self, coin_sat: int) -> None:
        a, b = self.nodes
        script = p2wsh(funding_script(a.keys.funding_key.public_key.encoded, b.keys.funding_key.public_key.encoded))
        for node in self.nodes:
            for _ in range(COINS):
                self.chain.fund(node.wallet.new_script(), coin_sat)
        outpoint = self.chain.fund(script, FUNDING_SAT)
        self.funding_height = self.chain.height()
        self.funding = Outpoint(outpoint.txid, outpoint.vout)
        for node, peer in ((a, b), (b, a)):
            node.terms = ChannelTerms(node.channel.params, node.keys.announced, peer.keys.announced, self.funding)
            node.points = {0: peer.keys.point_of(0), 1: peer.keys.point_of(1)}
            self._follow(node)
        for signer, owner in ((a, b), (b, a)):
            signed = commitment(signer.channel, View.REMOTE_LATEST)
            self._take_signature(signer, owner, signed)
        self.wallets_before = tuple(node.wallet.balance().spendable_sat for node in self.nodes)
        assert self.wallets_before == (COINS * coin_sat,) * 2

    # --- the dance ---

    def _take_signature(self, signer: Node, owner: Node, signed: Commitment) -> None:
        built = signer.terms.build(REMOTE, signed, owner.keys.point_of(signed.number))
        signer.signed[signed.number] = signed
        made: CommitmentSignatures = sign_commitment(
            built, signer.keys.funding_key, signer.keys.basepoint_secrets.htlc_basepoint_secret
        )
        owner.held.append(Held(signed, made))

    def add(self, seat: int, amount_msat: int, preimage: bytes, blocks: int) -> int:
        """Offer an HTLC that expires in so many blocks; its id. It is pending until :meth:`commit`."""
        offerer, recipient = self.nodes[seat], self.nodes[1 - seat]
        message = UpdateAddHtlc(
            offerer.channel.next_local_htlc_id,
            Msat(amount_msat),
            name_of_hash(sha256(preimage)),
            Height(self.chain.height() + blocks),
        )
        offerer.channel = accepted(send_update_add_htlc(offerer.channel, message))
        recipient.channel = accepted(receive_update_add_htlc(recipient.channel, message))
        return message.id

    def offer(self, seat: int, amount_msat: int, preimage: bytes, blocks: int) -> int:
        """Offer an HTLC and commit to it, irrevocably on both sides."""
        htlc_id = self.add(seat, amount_msat, preimage, blocks)
        self.commit(seat)
        self.commit(1 - seat)
        return htlc_id

    def commit(self, seat: int, *, revoke: bool = True) -> None:
        """Sign the peer's next commitment; it revokes the one before unless it does not."""
        signer, owner = self.nodes[seat], self.nodes[1 - seat]
        message = next_commitment_signed(signer.channel)
        assert message.signature.signed is not None
        signer.channel = accepted(send_commitment_signed(signer.channel, message))
        owner.channel = accepted(receive_commitment_signed(owner.channel, message))
        self._take_signature(signer, owner, message.signature.signed)
        if revoke:
            self.revoke(1 - seat)

    def revoke(self, seat: int) -> None:
        owner, peer = self.nodes[seat], self.nodes[1 - seat]
        assert owes_revocation(owner.channel)
        message = next_revoke_and_ack(owner.channel)
        owner.channel = accepted(send_revoke_and_ack(owner.channel, message))
        peer.channel = accepted(receive_revoke_and_ack(peer.channel, message))
        number = message.per_commitment_secret
        peer.secrets.insert(secret_index(number), owner.keys.secret_of(number).secret)
        peer.points = {at: owner.keys.point_of(at) for at in (number + 1, number + 2)}

    def fulfil(self, seat: int, htlc_id: int) -> None:
        """The node in a seat shows the preimage of an HTLC that it received."""
        self._remove(seat, UpdateFulfillHtlc(htlc_id, self._label(seat, htlc_id)))

    def give_back(self, seat: int, htlc_id: int) -> None:
        self._remove(seat, UpdateFailHtlc(htlc_id))

    def prepare_cheat(self) -> tuple[int, int]:
        """Commitment ``old`` of B's has an HTLC each way; then both are settled, and it is revoked. B goes silent."""
        offered = self.add(0, 60_000_000, preimage(1), 30)
        received = self.add(1, 40_000_000, preimage(2), 12)
        self._settle(0)
        self.old = self.nodes[1].held[-1].commitment.number
        self.fulfil(1, offered)
        self.give_back(0, received)
        self._settle(1)
        assert not self.nodes[0].channel.htlcs.items
        assert self.old < self.nodes[0].channel.remote_revocations
        self.nodes[1].idle = True
        return offered, received

    def _settle(self, first: int) -> None:
        """Sign in turn until nothing is left to sign."""
        for seat in (first, 1 - first) * 2:
            channel = self.nodes[seat].channel
            if isinstance(send_commitment_signed(channel, next_commitment_signed(channel)), Accepted):
                self.commit(seat)

    def _label(self, seat: int, htlc_id: int) -> int:
        htlc = self.nodes[seat].channel.htlcs.find(REMOTE, htlc_id)
        assert htlc is not None
        return htlc.payment_hash

    def _remove(self, seat: int, message: Any) -> None:
        recipient, offerer = self.nodes[seat], self.nodes[1 - seat]
        fulfils = isinstance(message, UpdateFulfillHtlc)
        send, receive = (
            (send_update_fulfill_htlc, receive_update_fulfill_htlc)
            if fulfils
            else (send_update_fail_htlc, receive_update_fail_htlc)
        )
        recipient.channel = accepted(send(recipient.channel, message))
        offerer.channel = accepted(receive(offerer.channel, message))

    # --- the chain ---

    @property
    def height(self) -> int:
        return self.chain.height()

    def mine(self, count: int = 1) -> None:
        """Blocks of what waits in the mempool; after each, both nodes look."""
        for _ in range(count):
            self.chain.mine()
            self.look()

    def confirm(self, *transactions: Transaction) -> None:
        """A block of just these; both nodes look."""
        self.chain.mine(transactions=[transaction.serialize() for transaction in transactions])
        self.look()

    def look(self) -> None:
        for node in self.nodes:
            self._follow(node)
        for node in self.nodes:
            if not node.idle:
                self.react(node)

    def reorganise(self, depth: int) -> None:
        """The last blocks are replaced by empty ones, and what they held waits again. Both nodes look."""
        self.chain.reorganise(depth)
        self.look()

    def _follow(self, node: Node) -> None:
        """Tell the node's wallet and notes what has become of the chain."""
        position = node.wallet.position
        assert position is not None
        while position.height > self.height or self._hash(position.height) != position.hash:
            parent = BlockRef(position.height - 1, self._parent(position))
            node.notes = after_disconnection(node.notes, position.height)
            node.wallet.disconnect(parent, position)
            position = parent
        while position.height < self.height:
            block = parse_block(self._raw(position.height + 1))
            position = BlockRef(position.height + 1, block.hash)
            if position.height > self.funding_height:
                record = node.record(self.funding_height, self.nodes[1 - node.seat])
                node.notes = after_block(record, node.notes, block.transactions, position.height)
            node.wallet.connect(position, block)
            self._parents[block.hash] = block.previous

    def _raw(self, height: int) -> bytes:
        if isinstance(self.chain, EmbeddedChain):
            return self.chain._ledger.block(height).raw
        return bytes.fromhex(self.chain.rpc.call("getblock", self._hash(height)[::-1].hex(), 0))

    def _hash(self, height: int) -> bytes:
        if isinstance(self.chain, EmbeddedChain):
            return self.chain._ledger.block(height).hash
        return bytes.fromhex(self.chain.rpc.call("getblockhash", height))[::-1]

    def _parent(self, position: BlockRef) -> bytes:
        return self._parents[position.hash]

    def react(self, node: Node) -> Step:
        """One look of a node at the chain, as its engine would have it."""
        while True:
            record = node.record(self.funding_height, self.nodes[1 - node.seat])
            taken = step(record, node.notes, self.height)
            node.notes = taken.notes
            node.facts = list(taken.facts)
            if MustFail() in taken.facts and not node.failed:
                node.failed = True
                continue
            break
        publisher, wanted = Publisher(node.wallet, lambda _: node.feerate), plans(record, taken)
        if is_settled(record, taken, self.height):
            publisher.give_up_losers(record.label, [plan.key for plan in wanted])
        packages, node.unpaid = publisher.publish(wanted, self.height)
        for package in packages:
            self.broadcast(node, package)
        return taken

    def broadcast(self, node: Node, package: Package) -> None:
        for raw in package.transactions:
            node.sent[parse_transaction(raw).txid()] = raw
            try:
                self.chain.submit(raw)
            except TransactionRejected as refusal:
                node.refused.append(f"{package.key}: {refusal.reason}")

    def mine_until(self, is_done: Callable[[], bool], limit: int = 60) -> None:
        for _ in range(limit):
            if is_done():
                return
            self.mine()
        raise AssertionError(f"not done after {limit} blocks: {[node.facts for node in self.nodes]}")

    # --- the judge ---

    def spender_of(self, outpoint: Outpoint) -> Transaction:
        txid = self.chain.spender(OutPoint(Txid(outpoint.txid), outpoint.vout))
        assert txid is not None, f"nothing has spent {outpoint}"
        return self.confirmed(txid)

    def confirmed(self, txid: bytes) -> Transaction:
        height = self.chain.transaction_height(Txid(txid))
        assert height is not None
        return next(
            parse_transaction(raw) for raw in self.chain.block(height) if parse_chain_transaction(raw).txid == txid
        )

    def closing(self) -> Transaction:
        """What spent the funding output."""
        return self.spender_of(self.funding)

    def outputs_of(self, seat: int, number: int = -1) -> dict[str, int]:
        """The outputs of a node's commitment by role, each of which occurs once."""
        node = self.nodes[seat]
        return {entry.role.value: entry.output.amount_sat for entry in node.built(node.held[number]).outputs}

    def audit(self) -> Audit:
        return Audit(self)

    def end(self) -> Audit:
        """Until nobody who acts has anything left to watch; then the books."""
        self.mine_until(lambda: all(Resolved() in node.facts for node in self.nodes if not node.idle), limit=200)
        return self.audit()


class Audit:
    """Where every satoshi of the channel and of both wallets is, as the chain's unspent outputs say."""

    def __init__(self, duel: Duel) -> None:
        amounts: dict[Outpoint, int] = {}
        scripts: dict[Outpoint, bytes] = {}
        for height in range(duel.chain.height() + 1):
            for raw in duel.chain.block(height):
                transaction = parse_transaction(raw)
                txid = transaction.txid()
                for vout, output in enumerate(transaction.outputs):
                    amounts[Outpoint(txid, vout)] = output.amount_sat
                    scripts[Outpoint(txid, vout)] = output.script_pubkey
        self.fees = [0, 0]
        """What each node's transactions have paid to miners; those of the commitment itself are nobody's."""
        self.other_fees = 0
        for height in range(duel.first_height + 1, duel.chain.height() + 1):
            for raw in duel.chain.block(height)[1:]:
                transaction = parse_transaction(raw)
                fee = sum(amounts[spent.outpoint] for spent in transaction.inputs)
                fee -= sum(output.amount_sat for output in transaction.outputs)
                self._charge(duel, transaction, fee)
        unspent = {
            outpoint: amount
            for outpoint, amount in amounts.items()
            if duel.chain.utxo(OutPoint(Txid(outpoint.txid), outpoint.vout)) is not None
        }
        self.wallets = [
            sum(amount for outpoint, amount in unspent.items() if node.wallet.owns(scripts[outpoint]))
            for node in duel.nodes
        ]
        self.gained = [self.wallets[seat] - duel.wallets_before[seat] for seat in (0, 1)]
        descends = _descendants(duel, unspent)
        self.left = {
            outpoint: amount
            for outpoint, amount in descends.items()
            if not any(node.wallet.owns(scripts[outpoint]) for node in duel.nodes)
        }
        """Unspent outputs of the channel that are in no wallet."""
        total = sum(self.gained) + sum(self.fees) + self.other_fees + sum(self.left.values())
        assert total == FUNDING_SAT, f"{FUNDING_SAT - total} sat are unaccounted for"

    def _charge(self, duel: Duel, transaction: Transaction, fee: int) -> None:
        if transaction.inputs[0].outpoint == duel.funding:
            self.other_fees += fee
            return
        makers = [node.seat for node in duel.nodes if transaction.txid() in node.sent]
        if makers:
            self.fees[makers[0]] += fee
        else:
            self.other_fees += fee

    def won(self, seat: int) -> int:
        """What a node has of the channel, what it paid for getting it included."""
        return self.gained[seat] + self.fees[seat]


def _descendants(duel: Duel, unspent: dict[Outpoint, int]) -> dict[Outpoint, int]:
    """The unspent outputs that descend from the funding output."""
    found: dict[Outpoint, int] = {}
    open_ = [duel.funding]
    while open_:
        outpoint = open_.pop()
        if outpoint in unspent:
            found[outpoint] = unspent[outpoint]
            continue
        txid = duel.chain.spender(OutPoint(Txid(outpoint.txid), outpoint.vout))
        if txid is not None:
            made = duel.confirmed(txid)
            open_ += [Outpoint(txid, vout) for vout in range(len(made.outputs))]
    return found


def preimage(number: int) -> bytes:
    return sha256(b"preimage %d" % number)
