"""The chain in the words of the model: from confirmed transactions to a ledger, and which real outputs it speaks of."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from boltnode.onchain.naming import PEER, SELF, Names
from boltnode.onchain.record import ConfirmedSpend, Defended, Notes
from boltspec.chain import ledger as chain
from boltspec.chain.conditions import Condition, Keys, Kind, Use, condition
from boltspec.chain.ledger import Ledger
from boltspec.chain.transactions import (
    ANY_TIME,
    FUNDING_OUTPOINT,
    NOBODY,
    Coin,
    Form,
    Input,
    Outpoint,
    Txid,
    commitment_transaction,
    spending,
)
from boltspec.chain.transactions import Transaction as ModelTransaction
from boltspec.commitment import Commitment
from boltspec.htlc import LOCAL, REMOTE
from boltspec.units import Blocks, Height, Sat
from boltwire.channel_terms import NoSuchCommitment, name_of_hash
from boltwire.claims import Target, pair, shown_preimage, use_of
from boltwire.commitment import BuiltCommitment
from boltwire.funding import read_commitment_number
from boltwire.hashes import sha256
from boltwire.per_commitment_secrets import SecretError, secret_index
from boltwire.secp256k1 import PrivateKey, PublicKey
from boltwire.spend import Spend
from boltwire.sweep import find_to_remote
from boltwire.transaction import Outpoint as RealOutpoint
from boltwire.transaction import Transaction, parse_transaction

PREIMAGE_BYTES: Final = 32
"""What hashes to a payment hash and has another length is no preimage."""


class Spender(StrEnum):
    """What spent the funding output."""

    NOTHING = "nothing"
    MUTUAL = "mutual close"
    LOCAL = "local commitment"
    REMOTE = "remote commitment"
    REVOKED = "revoked commitment"
    LATER = "remote commitment that we do not know: we have lost data"
    UNKNOWN = "unknown transaction"


class Opened(NamedTuple):
    """A commitment that was found on the chain."""

    owner: int
    built: BuiltCommitment
    model: Commitment
    """In the model's names."""
    secret: PrivateKey | None
    """Its per-commitment secret, if it is revoked."""


class OwnOutput(NamedTuple):
    """An output that pays a key of ours alone, which is not the wallet's: ``to_remote``."""

    spend: Spend
    """How we take it."""
    height: int
    """Of the block that confirmed it."""
    is_spent: bool = False


@dataclass(slots=True)
class Story:
    """What the chain says of a channel, up to a height."""

    funding: RealOutpoint
    names: Names
    ledger: Ledger
    spender: Spender = Spender.NOTHING
    closing_txid: bytes | None = None
    """Id of the transaction that spent the funding output."""
    closing_height: int = 0
    """Height of its block."""
    opened: Opened | None = None
    """The commitment that did, if it is one that we know."""
    targets: dict[Outpoint, Target] = field(default_factory=dict)
    """The real outputs behind the ledger's; those that are spent, too."""
    own: list[OwnOutput] = field(default_factory=list)
    unread: set[RealOutpoint] = field(default_factory=set)
    """The unspent outputs of a commitment that we do not know, if an HTLC of ours may be among them."""
    preimages: dict[int, bytes] = field(default_factory=dict)
    """What the peer has shown, by index of the HTLC."""
    taken: set[int] = field(default_factory=set)
    """HTLCs of the peer that we have taken with their preimage, by index."""
    last_height: int = 0
    """Of the last transaction."""

    def watched(self) -> frozenset[RealOutpoint]:
        """The outputs whose spends matter from here on."""
        if self.closing_txid is None:
            return frozenset({self.funding})
        unspent = {entry.outpoint for entry in self.ledger.unspent}
        found = {target.outpoint for outpoint, target in self.targets.items() if outpoint in unspent}
        return frozenset(found | self.unread | {entry.spend.outpoint for entry in self.own if not entry.is_spent})


def read(record: Defended, notes: Notes, height: int) -> Story:
    """Tell the story of the channel from its confirmed spends."""
    # Before the block of the funding transaction, which may hold a spend of it as well.
    ledger = chain.opened(record.channel.params, Height(record.funding_height - 1))
    story = Story(record.terms.funding_output.outpoint, Names(record.channel), ledger)
    reader = _Reader(record, story)
    for spend in notes.spends:
        reader.take(spend)
    if story.ledger.height < Height(height):
        story.ledger = chain.mine(story.ledger, Height(height))
    return story


class _Reader:
    """Takes one transaction after the other into a story."""

    def __init__(self, record: Defended, story: Story) -> None:
        self._record, self._story = record, story
        self._params = record.channel.params
        self._outpoints: dict[RealOutpoint, Outpoint] = {}

    def take(self, spend: ConfirmedSpend) -> None:
        story = self._story
        story.last_height = spend.height
        transaction = parse_transaction(spend.raw)
        before = Height(spend.height) + Blocks(-1)
        if story.ledger.height < before:
            story.ledger = chain.mine(story.ledger, before)
        if any(entry.outpoint == story.funding for entry in transaction.inputs):
            self._close(transaction, spend.height)
            return
        for index, entry in enumerate(transaction.inputs):
            outpoint = self._outpoints.get(entry.outpoint)
            if outpoint is not None and chain.find(story.ledger, outpoint) is not None:
                self._spend(transaction, index)
            if entry.outpoint in story.unread:
                story.unread.remove(entry.outpoint)
                self._learn_by_hash(entry.witness)
        spent = {entry.outpoint for entry in transaction.inputs}
        story.own = [entry._replace(is_spent=True) if entry.spend.outpoint in spent else entry for entry in story.own]

    # --- the funding output ---

    def _close(self, transaction: Transaction, height: int) -> None:
        story, record = self._story, self._record
        story.closing_txid, story.closing_height = transaction.txid(), height
        number = read_commitment_number(transaction, record.terms.obscuring_factor)
        if number is None:
            self._close_together(transaction)
            return
        found = find_commitment(record, number, transaction)
        if found is None:
            self._close_unknown(transaction, height)
            return
        owner, built, commitment, secret = found
        model = story.names.commitment(owner, commitment)
        story.opened = Opened(owner, built, model, secret)
        if owner == SELF:
            story.spender = Spender.LOCAL
        else:
            story.spender = Spender.REMOTE if secret is None else Spender.REVOKED
        made = commitment_transaction(self._params, owner, model, htlcs_signed=True)
        vouts = pair(made.outputs, model, built)
        assert vouts is not None, "the model has the outputs of the real commitment"
        for at, (coin, vout) in enumerate(zip(made.outputs, vouts, strict=True)):
            target = Target(built, coin.kind, vout, built.outpoint(vout))
            self._outpoints[target.outpoint] = Outpoint(made.txid, at)
            story.targets[Outpoint(made.txid, at)] = target
        if owner == PEER:
            self._notice_to_remote(transaction, height)
        story.ledger = chain.confirm(story.ledger, made)

    def _notice_to_remote(self, transaction: Transaction, height: int) -> bool:
        """Note our ``to_remote`` in a commitment of the peer's, if there is one."""
        key = self._record.claimant.basepoint_secrets.payment_basepoint_secret
        spend = find_to_remote(transaction, key, self._record.terms.commitment_format)
        if spend is not None:
            self._story.own.append(OwnOutput(spend, height))
        return spend is not None

    def _close_together(self, transaction: Transaction) -> None:
        """A transaction that is no commitment: ours and the peer's scripts show that it is a closing transaction."""
        record, story = self._record, self._story
        scripts = {output.script_pubkey for output in transaction.outputs}
        if not scripts <= record.own_scripts | record.peer_scripts:
            story.spender = Spender.UNKNOWN
            return
        story.spender = Spender.MUTUAL
        story.ledger = chain.confirm(story.ledger, closing_model(record, transaction))

    def _close_unknown(self, transaction: Transaction, height: int) -> None:
        """A commitment that we have not signed as far as we know; its ``to_remote`` is ours whatever its number is."""
        ours, story = self._notice_to_remote(transaction, height), self._story
        story.spender = Spender.LATER if ours else Spender.UNKNOWN
        if any(named.offerer == SELF for named in story.names.entries):
            story.unread.update(RealOutpoint(transaction.txid(), vout) for vout in range(len(transaction.outputs)))

    # --- what descends from it ---

    def _spend(self, transaction: Transaction, index: int) -> None:
        story, entry = self._story, transaction.inputs[index]
        outpoint = self._outpoints[entry.outpoint]
        confirmed = chain.find(story.ledger, outpoint)
        assert confirmed is not None, "nothing is spent twice"
        target, coin = story.targets[outpoint], confirmed.coin
        way = condition(coin.kind, use_of(coin.kind, entry.witness))
        signer = _signer(coin, way)
        made = spending(self._params, outpoint, coin, way, signer)
        if way.leads_to is not Kind.WALLET:
            # The HTLC transaction's output has the number of its input, whatever else is in the transaction.
            real = RealOutpoint(transaction.txid(), index)
            moved = Outpoint(made.txid, 0)
            self._outpoints[real] = moved
            story.targets[moved] = Target(target.built, way.leads_to, target.vout, real)
        self._learn(coin, way, entry.witness, signer)
        story.ledger = chain.confirm(story.ledger, made)

    def _learn(self, coin: Coin, way: Condition, witness: tuple[bytes, ...], signer: int) -> None:
        preimage = shown_preimage(way.use, witness)
        if preimage is None or coin.htlc is None:
            return
        if signer == SELF:
            self._story.taken.add(coin.htlc.payment_hash)
        else:
            self._story.preimages[coin.htlc.payment_hash] = preimage

    def _learn_by_hash(self, witness: tuple[bytes, ...]) -> None:
        """Read the preimage of an HTLC of ours off the spend of an output that we do not know."""
        story = self._story
        offered = {named.label: index for index, named in enumerate(story.names.entries) if named.offerer == SELF}
        for entry in witness:
            index = offered.get(name_of_hash(sha256(entry)))
            if index is not None and len(entry) == PREIMAGE_BYTES:
                story.preimages[index] = entry


def _signer(coin: Coin, way: Condition) -> int:
    match way.keys:
        case Keys.OTHER | Keys.ANYONE:
            return 1 - coin.seat
        case _:
            return coin.seat


def closing_model(record: Defended, transaction: Transaction) -> ModelTransaction:
    """The model of a real closing transaction."""
    coins = tuple(
        Coin(Kind.WALLET, Sat(output.amount_sat), SELF if output.script_pubkey in record.own_scripts else PEER)
        for output in transaction.outputs
    )
    paid = sum((coin.amount_sat for coin in coins), Sat(0))
    return ModelTransaction(
        txid=Txid(Form.CLOSING),
        inputs=(Input(FUNDING_OUTPOINT, Use.CLOSING, Blocks(0)),),
        outputs=coins,
        locktime=ANY_TIME,
        fee_sat=record.channel.params.funding_satoshis - paid,
        signer=NOBODY,
    )


def find_commitment(
    record: Defended, number: int, transaction: Transaction
) -> tuple[int, BuiltCommitment, Commitment, PrivateKey | None] | None:
    """Whose commitment a transaction is: owner's seat, how it is built, what it commits to, its secret if revoked.

    None if it is none that we know.
    """
    txid = transaction.txid()
    if number == record.held.commitment.number:
        built = record.terms.build(LOCAL, record.held.commitment, record.point(number))
        if built.txid == txid:
            return SELF, built, record.held.commitment, None
    commitment, (point, secret) = record.signed_for_peer(number), _point_of_peer(record, number)
    if commitment is None or point is None:
        return None
    try:
        built = record.terms.build(REMOTE, commitment, point)
    except NoSuchCommitment:
        return None
    return (PEER, built, commitment, secret) if built.txid == txid else None


def _point_of_peer(record: Defended, number: int) -> tuple[PublicKey | None, PrivateKey | None]:
    """The peer's per-commitment point, and the secret behind it if it was revealed."""
    try:
        secret = PrivateKey(record.secrets.lookup(secret_index(number)))
    except (SecretError, ValueError):
        return record.remote_points.get(number), None
    return secret.public_key, secret
