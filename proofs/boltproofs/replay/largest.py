"""The largest transactions of a channel made real: 483 HTLCs each way, and one penalty that takes everything.

What the model says of their weights (:mod:`boltspec.weights`, :mod:`boltspec.fees`) is proved to be below what nodes
relay. Here the same transactions are built and signed, judged by consensus, and weighed: they must weigh what the model
says, to the unit, once the bytes are counted that the model allows for and these signatures and scripts do not need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from boltchain.interface import Chain
from boltproofs.replay.arbiter.making import Maker, every_secret
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.keyring import DEFAULT_SEED, keyring, payment_preimage
from boltproofs.replay.terms import Funding
from boltspec.chain.conditions import Kind, Use, condition
from boltspec.chain.transactions import Coin, Outpoint, Transaction, commitment_transaction, joined, spending
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.fees import HTLC_SUCCESS_WEIGHT, HTLC_TIMEOUT_WEIGHT
from boltspec.htlc import LOCAL
from boltspec.params import MAINNET_LIMITS, MAX_ACCEPTED_HTLCS, Params
from boltspec.units import FeeratePerKw, Height, Msat, Sat
from boltspec.weights import (
    ANCHORS_SCRIPT_SIZE,
    OFFERED_SCRIPT_SIZE,
    RECEIVED_SCRIPT_SIZE,
    SIGNATURE_SIZE,
    TO_LOCAL_SCRIPT_SIZE,
    commitment_weight,
    penalty_weight,
)
from boltwire.scripts import funding_script, p2wsh
from boltwire.spend import sign_spends
from boltwire.transaction import Outpoint as RealOutpoint
from boltwire.transaction import Transaction as RealTransaction
from boltwire.transaction import TxInput, TxOutput

OWNER, PUNISHER = 0, 1
"""Seats: whose commitment it is, and who takes it all."""
EXPIRY = Height(20)
EACH_MSAT = Msat(20_000_000)
"""What each HTLC is worth: far from dust."""
WALLET = p2wsh(b"\x51")
"""Where the penalty goes: a P2WSH output, as the model counts it."""
BOLT_SIGNATURE_SIZE = 73
"""Bytes of a signature in the weights of commitments and HTLC transactions: the BOLT's figure."""
ONE_BYTE_COUNT = 252
"""Up to here a number of inputs or outputs takes one byte; the model counts three."""
NO_SUCH_BYTE = 1
"""By how much BOLT 3 counts an HTLC-success transaction too heavy, whatever its bytes are."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A kind of transaction: what it weighs by the model, and what it weighs."""

    name: str
    transactions: tuple[RealTransaction, ...]
    spent: tuple[tuple[TxOutput, ...], ...]
    """By transaction, the outputs that its inputs spend."""
    modelled: int
    """Weight by the model: the most that there can be."""
    unused: tuple[int, ...]
    """By transaction, how many weight units of that these signatures and scripts do not need."""

    @property
    def weight(self) -> int:
        """Weight of the heaviest one."""
        return max(transaction.weight() for transaction in self.transactions)

    def compare(self) -> None:
        """Raise :class:`Disagreement` unless each weighs what the model says less what it does not need."""
        for transaction, unused in zip(self.transactions, self.unused, strict=True):
            if transaction.weight() + unused != self.modelled:
                real = f"{transaction.weight()}, and {unused} not needed"
                raise Disagreement(f"weight of {self.name}", str(self.modelled), real)


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest transactions of a channel, each valid when it is its turn."""

    commitment: Weighed
    penalty: Weighed
    """Takes both balances and all HTLC outputs."""
    second_stages: tuple[Weighed, Weighed]
    """HTLC-success and HTLC-timeout transactions."""

    @property
    def kinds(self) -> tuple[Weighed, ...]:
        """All of them."""
        return self.commitment, self.penalty, *self.second_stages


def params_with(option_anchors: bool) -> Params:
    """Return the constants of a channel with room for so many HTLCs, at the lowest feerate that is relayed."""
    limits = replace(MAINNET_LIMITS, max_htlc_value_in_flight_msat=Msat(50_000_000_000))
    return Params(
        funding_satoshis=Sat(50_000_000),
        opener=LOCAL,
        feerate_per_kw=FeeratePerKw(253),
        option_anchors=option_anchors,
        local=limits,
        remote=limits,
    )


def full_commitment(params: Params, each: int) -> Commitment:
    """Return a commitment with so many HTLCs of each party."""
    htlcs = tuple(CommittedHtlc(index < each, index % each, EACH_MSAT, index, EXPIRY) for index in range(2 * each))
    rest = params.capacity_msat - EACH_MSAT * (2 * each)
    to_owner = Msat(rest // 2)
    return Commitment(0, params.feerate_per_kw, to_owner, rest - to_owner, htlcs)


class Trial:
    """A channel on a chain, with one commitment that holds ``each`` HTLCs of each party."""

    def __init__(self, chain: Chain, *, option_anchors: bool, each: int = MAX_ACCEPTED_HTLCS) -> None:
        """Fund the channel. ValueError unless ``each`` is above 126, so that numbers of inputs take three bytes."""
        if 2 * each <= ONE_BYTE_COUNT:
            raise ValueError(f"{each} HTLCs each way are too few for the model's figures")
        self.chain, self._each = chain, each
        self._params = params_with(option_anchors)
        rings = (keyring(DEFAULT_SEED, OWNER), keyring(DEFAULT_SEED, PUNISHER))
        script = p2wsh(funding_script(*(ring.announced.funding_pubkey.encoded for ring in rings)))
        self._funding_output = TxOutput(int(self._params.funding_satoshis), script)
        outpoint = chain.fund(script, self._funding_output.amount_sat)
        self._funding = Funding(RealOutpoint(outpoint.txid, outpoint.vout), chain.height())
        self._maker = Maker(self._params, rings, self._funding, every_secret(rings))
        self._commitment = full_commitment(self._params, each)
        self._model = commitment_transaction(self._params, OWNER, self._commitment, True)

    def run(self, judge: Callable[[Weighed], None] = lambda _kind: None) -> Largest:
        """Build, weigh and confirm them in their turn; ``judge`` is shown each kind when it would be valid.

        Raises :class:`Disagreement` if consensus refuses one of them, or if one weighs something else.
        """
        commitment = self._checked(self._weighed_commitment(), judge)
        self._confirm(commitment)
        penalty = self._checked(self._weighed_penalty(), judge)
        success = self._checked(self._weighed_second_stages(Kind.RECEIVED_HTLC, Use.HTLC_SUCCESS), judge)
        self._confirm(success)
        self.chain.mine(max(0, self._funding.real_height(EXPIRY) - self.chain.height()))
        timeout = self._checked(self._weighed_second_stages(Kind.OFFERED_HTLC, Use.HTLC_TIMEOUT), judge)
        self._confirm(timeout)
        return Largest(commitment, penalty, (success, timeout))

    def _checked(self, kind: Weighed, judge: Callable[[Weighed], None]) -> Weighed:
        kind.compare()
        for transaction in kind.transactions:
            if (refusal := self.chain.check(transaction.serialize())) is not None:
                raise Disagreement(kind.name, "that it is valid", f"consensus: {refusal}")
        judge(kind)
        return kind

    def _confirm(self, kind: Weighed) -> None:
        self.chain.mine(transactions=[transaction.serialize() for transaction in kind.transactions])

    def _weighed_commitment(self) -> Weighed:
        made = self._maker.commitment(self._model, self._commitment)
        self._maker.keep(self._model.txid, made)
        weight = commitment_weight(self._params.option_anchors, 2 * self._each)
        return _weighed("commitment", [(made.transaction, [self._funding_output])], weight, ())

    def _weighed_penalty(self) -> Weighed:
        """The revocation of everything that the owner could take, and the punisher's own balance."""
        uses = {Kind.TO_REMOTE: Use.DIRECT}
        taken = [
            (Outpoint(self._model.txid, at), coin)
            for at, coin in enumerate(self._model.outputs)
            if coin.kind not in (Kind.TO_LOCAL_ANCHOR, Kind.TO_REMOTE_ANCHOR)
        ]
        model = joined(
            tuple(self._spending(at, coin, uses.get(coin.kind, Use.REVOCATION), PUNISHER) for at, coin in taken)
        )
        coins = [coin for _, coin in taken]
        spends = self._maker.spends(model, coins)
        total = sum(spend.amount_sat for spend in spends)
        modelled = penalty_weight(self._params.option_anchors, self._each, self._each)
        inputs = tuple(TxInput(spend.outpoint, spend.sequence) for spend in spends)
        fee = modelled * 253 // 1000
        real = sign_spends(RealTransaction(inputs, (TxOutput(total - fee, WALLET),)), spends)
        spent = [self._output(at) for at, _ in taken]
        longest = [self._script_size(coin.kind) for coin in coins]
        return _weighed("penalty that takes everything", [(real, spent)], modelled, longest, SIGNATURE_SIZE)

    def _weighed_second_stages(self, kind: Kind, use: Use) -> Weighed:
        pairs: list[tuple[RealTransaction, list[TxOutput]]] = []
        for at, coin in enumerate(self._model.outputs):
            if coin.kind is kind:
                assert coin.htlc is not None
                preimage = payment_preimage(coin.htlc.payment_hash) if use is Use.HTLC_SUCCESS else None
                model = self._spending(Outpoint(self._model.txid, at), coin, use, OWNER)
                made = self._maker.second_stage(model, preimage).transaction
                pairs.append((made, [self._output(Outpoint(self._model.txid, at))]))
        weight = HTLC_SUCCESS_WEIGHT - NO_SUCH_BYTE if use is Use.HTLC_SUCCESS else HTLC_TIMEOUT_WEIGHT
        extra = ANCHORS_SCRIPT_SIZE if self._params.option_anchors else 0
        return _weighed(use.value, pairs, weight + extra, [self._script_size(kind)])

    def _spending(self, outpoint: Outpoint, coin: Coin, use: Use, signer: int) -> Transaction:
        return spending(self._params, outpoint, coin, condition(coin.kind, use), signer)

    def _output(self, outpoint: Outpoint) -> TxOutput:
        return TxOutput(int(self._model.outputs[outpoint.vout].amount_sat), self._maker.script(outpoint))

    def _script_size(self, kind: Kind) -> int:
        """The longest script of that kind by the model; 0 where there is only one length."""
        anchors = ANCHORS_SCRIPT_SIZE if self._params.option_anchors else 0
        sizes = {
            Kind.TO_LOCAL: TO_LOCAL_SCRIPT_SIZE,
            Kind.OFFERED_HTLC: OFFERED_SCRIPT_SIZE + anchors,
            Kind.RECEIVED_HTLC: RECEIVED_SCRIPT_SIZE + anchors,
        }
        return sizes.get(kind, 0)


Pairs = Sequence[tuple[RealTransaction, Sequence[TxOutput]]]
"""Transactions, each with the outputs that it spends."""


def _weighed(
    name: str, pairs: Pairs, modelled: int, longest: Sequence[int], signature_size: int = BOLT_SIGNATURE_SIZE
) -> Weighed:
    made = tuple(transaction for transaction, _ in pairs)
    unused = tuple(_unused(transaction, longest, signature_size) for transaction in made)
    return Weighed(name, made, tuple(tuple(spent) for _, spent in pairs), modelled, unused)


def _unused(transaction: RealTransaction, longest: Sequence[int], signature_size: int) -> int:
    """Return how many bytes signatures and scripts are shorter than they could be; ``longest``: scripts, by input."""
    witnesses = [spent.witness for spent in transaction.inputs]
    signatures = sum(signature_size - len(item) for witness in witnesses for item in witness if _is_signature(item))
    scripts = sum(most - len(witness[-1]) for most, witness in zip(longest, witnesses, strict=False) if most)
    return signatures + scripts


def _is_signature(item: bytes) -> bool:
    return 68 <= len(item) <= BOLT_SIGNATURE_SIZE and item[0] == 0x30
