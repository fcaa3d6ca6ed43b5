"""Real transactions for the model's names: what BOLT 3 and BOLT 5 make of a commitment, a closing, an HTLC, a claim.

What a transaction spends, and by which way, comes from the model. Amounts, scripts, locks, fees and signatures do not:
they are computed here from the balances and HTLCs of the commitment, by :mod:`boltwire`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from boltproofs.replay.arbiter.purse import Fare, paid, virtual_size
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.keyring import Keyring, payment_preimage
from boltproofs.replay.terms import Funding, terms_of
from boltspec.chain.conditions import Kind, Use
from boltspec.chain.transactions import Coin, Form, Input, Outpoint, Transaction, Txid, side
from boltspec.channel import Channel
from boltspec.commitment import Commitment
from boltspec.htlc import LOCAL
from boltspec.params import Params
from boltspec.scenario import NAMES
from boltspec.units import Blocks
from boltwire.channel_terms import NoSuchCommitment
from boltwire.claims import Target, claim, pair
from boltwire.closing import ClosingBalance, legacy_closing_transaction
from boltwire.commitment import BuiltCommitment
from boltwire.commitment_signatures import CommitmentSignatures, complete_commitment, sign_commitment
from boltwire.fees import commitment_fee
from boltwire.funding_spend import funding_spend_witness, sign_funding_spend
from boltwire.htlc_tx import HtlcTransaction, build_htlc_transaction, combine
from boltwire.keys import derive_revocation_private_key
from boltwire.secp256k1 import PrivateKey
from boltwire.spend import Spend, sign_spends
from boltwire.sweep import abandoned_anchor_input
from boltwire.transaction import Outpoint as RealOutpoint
from boltwire.transaction import Transaction as RealTransaction
from boltwire.transaction import TxInput, TxOutput

SecretOf = Callable[[int, int], PrivateKey | None]


def every_secret(rings: tuple[Keyring, Keyring]) -> SecretOf:
    """Return what is known of secrets where all commitments have been revoked."""
    return lambda party, number: rings[1 - party].secret_of(number)


@dataclass(frozen=True, slots=True)
class Made:
    """A real transaction that stands for one of the model's."""

    transaction: RealTransaction
    vouts: tuple[int, ...]
    """Which real output stands for each of the model's."""

    def outpoint(self, vout: int) -> RealOutpoint:
        """The real output that stands for the model's output of that index."""
        return RealOutpoint(self.transaction.txid(), self.vouts[vout])


@dataclass(frozen=True, slots=True)
class Signed:
    """A commitment of one party with the other's signatures."""

    commitment: Commitment
    built: BuiltCommitment
    signatures: CommitmentSignatures


class Maker:
    """Makes the real transactions of one channel; remembers those that others are to spend."""

    def __init__(self, params: Params, rings: tuple[Keyring, Keyring], funding: Funding, secret_of: SecretOf) -> None:
        """``secret_of`` says what the party in a seat has of its peer's per-commitment secrets, by number."""
        self.rings = rings
        self._secret_of = secret_of
        self._params = params
        announced = (rings[0].announced, rings[1].announced)
        self.terms = (
            terms_of(params, announced[0], announced[1], funding),
            terms_of(params.mirrored(), announced[1], announced[0], funding),
        )
        self._signed: dict[tuple[int, int], Signed] = {}
        self._made: dict[Txid, Made] = {}

    def outpoint(self, outpoint: Outpoint) -> RealOutpoint:
        """The real output that one of the model stands for."""
        if outpoint.txid.form is Form.FUNDING:
            return self.terms[0].funding_output.outpoint
        return self._made[outpoint.txid].outpoint(outpoint.vout)

    def script(self, outpoint: Outpoint) -> bytes:
        """The script of the real output, as bytes."""
        made = self._made[outpoint.txid]
        return made.transaction.outputs[made.vouts[outpoint.vout]].script_pubkey

    def keep(self, name: Txid, made: Made) -> None:
        """Remember a transaction that others are to spend."""
        self._made[name] = made

    # --- what spends the funding output ---

    def commitment(self, model: Transaction, signed: Commitment) -> Made:
        """A party's commitment with both signatures; :class:`Disagreement` unless it has the model's outputs."""
        seat = model.txid.seat
        built = self._built(seat, signed)
        peer = self.rings[1 - seat]
        signatures = sign_commitment(built, peer.funding_key, peer.basepoint_secrets.htlc_basepoint_secret)
        self._signed[seat, signed.number] = Signed(signed, built, signatures)
        transaction = complete_commitment(built, signatures.signature, self.rings[seat].funding_key)
        return Made(transaction, _paired(model.outputs, signed, built))

    def _built(self, seat: int, signed: Commitment) -> BuiltCommitment:
        """The commitment as both parties compute it, each from its own keys."""
        point = self.rings[seat].point_of(signed.number)
        try:
            own, seen = (terms.build(side(seat ^ at), signed, point) for at, terms in enumerate(self.terms))
        except NoSuchCommitment as impossible:
            what = f"commitment {signed.number}"
            raise Disagreement(what, "that it is signed", f"there is no such transaction: {impossible}") from impossible
        if own.txid != seen.txid:
            raise Disagreement(f"commitment {signed.number}", "one transaction", "each party builds another one")
        return own

    def closing(self, model: Transaction, channel: Channel) -> Made:
        """The closing transaction with both signatures, from the balances of seat 0's channel."""
        params, funding = channel.params, self.terms[0].funding_output
        scripts = [ring.wallet_script for ring in self.rings]
        transaction = legacy_closing_transaction(
            funding,
            ClosingBalance(int(channel.local_msat), scripts[0]),
            ClosingBalance(int(channel.remote_msat), scripts[1]),
            fee_satoshis=commitment_fee(
                self.terms[0].commitment_format,
                int(params.feerate_per_kw),  # type: ignore[call-overload]
                untrimmed_htlcs=0,
            ),
            signer_is_funder=params.opener is LOCAL,
            signer_dust_limit_satoshis=int(params.local.dust_limit_satoshis),
        )
        signatures = [sign_funding_spend(transaction, funding, ring.funding_key) for ring in self.rings]
        real = [(output.script_pubkey, output.amount_sat) for output in transaction.outputs]
        wanted = [(scripts[coin.seat], int(coin.amount_sat)) for coin in model.outputs]
        if sorted(real) != sorted(wanted):
            raise Disagreement("outputs of the closing transaction", _amounts(wanted), _amounts(real))
        witness = funding_spend_witness(funding, signatures[0], signatures[1])
        return Made(transaction.with_witness(0, witness), tuple(real.index(entry) for entry in wanted))

    # --- what spends a commitment ---

    def second_stage(self, model: Transaction, preimage: bytes | None, fare: Fare | None = None) -> Made:
        """The owner's HTLC-timeout or HTLC-success transaction, which the peer has signed in advance.

        With a fare the owner pays for it by a coin, and takes its change.
        """
        if fare is not None:
            return Made(paid(lambda change: self.paid_second_stage(model, preimage, fare.spend, change), fare), (0,))
        unsigned, signature, key = self._presigned(model)
        return Made(unsigned.complete(signature, key, preimage), (0,))

    def paid_second_stage(
        self, model: Transaction, preimage: bytes | None, coin: Spend, outputs: Sequence[TxOutput]
    ) -> RealTransaction:
        """The same with an input of the owner's and further outputs: the peer has signed neither (B05-htlc-tx-b-01)."""
        unsigned, signature, key = self._presigned(model)
        joint = combine([unsigned], [TxInput(coin.outpoint, coin.sequence)], outputs)
        joint = joint.with_witness(0, unsigned.witness(joint, 0, signature, key, preimage))
        return sign_spends(joint, [coin])

    def _presigned(self, model: Transaction) -> tuple[HtlcTransaction, bytes, PrivateKey]:
        """An HTLC transaction, the peer's signature of it, and the owner's key."""
        seat, number = model.txid.seat, model.txid.number
        spent, signed = self.outpoint(model.inputs[0].outpoint), self._signed[seat, number]
        signature = signed.signatures.htlc_signature[signed.built.htlc_vouts().index(spent.vout)]
        key = self.rings[seat].claimant.htlc_key(signed.built)
        return build_htlc_transaction(signed.built, spent.vout), signature, key

    def child(self, model: Transaction, fare: Fare) -> RealTransaction:
        """What bumps a commitment (B05-failing-channel-n-07): it spends the owner's anchor and a coin, pays for both.

        The commitment must have been kept.
        """
        anchor = own_anchor(model)
        coin, parent = model.outputs[anchor], self._made[model.txid].transaction
        bump = Input(Outpoint(model.txid, anchor), Use.FEE_BUMP, Blocks(0))
        spends = [self._possible(model.signer, bump, coin, forged=False), fare.spend]

        def make(change: tuple[TxOutput, ...]) -> RealTransaction:
            inputs = tuple(TxInput(spend.outpoint, spend.sequence) for spend in spends)
            return sign_spends(RealTransaction(inputs, change, 0), spends)

        return paid(make, fare, virtual_size(parent), int(coin.amount_sat))

    def claim(
        self, model: Transaction, coins: Sequence[Coin], *, forged: bool = False, fare: Fare | None = None
    ) -> Made:
        """A sweep or a penalty: all that it takes goes to the signer's wallet, an output for each.

        ``forged``: with a guessed secret and a guessed preimage where one is needed. A fare pays a fee.
        """
        script = self.rings[model.signer].wallet_script
        spends = self.spends(model, coins, forged=forged)
        paying = [] if fare is None else [fare.spend]

        def make(change: tuple[TxOutput, ...]) -> RealTransaction:
            transaction = RealTransaction(
                tuple(TxInput(spend.outpoint, spend.sequence) for spend in (*spends, *paying)),
                (*(TxOutput(spend.amount_sat, script) for spend in spends), *change),
                max(spend.locktime for spend in spends),
            )
            return sign_spends(transaction, [*spends, *paying])

        return Made(make(()) if fare is None else paid(make, fare), tuple(range(len(spends))))

    def spends(self, model: Transaction, coins: Sequence[Coin], *, forged: bool = False) -> list[Spend]:
        """What a claim takes, one by one. :class:`Disagreement` if something cannot be taken like that."""
        pairs = zip(model.inputs, coins, strict=True)
        return [self._possible(model.signer, spent, coin, forged) for spent, coin in pairs]

    def abandoned_anchor(self, outpoint: Outpoint, coin: Coin, signer: int) -> RealTransaction:
        """Anybody's spend of an anchor."""
        built = self._signed[coin.seat, coin.number].built
        spent = abandoned_anchor_input(built, self.outpoint(outpoint).vout)
        return RealTransaction((spent,), (TxOutput(int(coin.amount_sat), self.rings[signer].wallet_script),), 0)

    def _possible(self, party: int, spent: Input, coin: Coin, forged: bool) -> Spend:
        """One input of a claim; :class:`Disagreement` if there is none like it, as when the party has other keys."""
        try:
            return self._spend(party, spent.outpoint, spent.use, coin, forged)
        except ValueError as impossible:
            what = f"{NAMES[party]} spending {coin.kind.name.lower()} by {spent.use}"
            raise Disagreement(what, "that it can", f"there is no such transaction: {impossible}") from impossible

    def _spend(self, party: int, outpoint: Outpoint, use: Use, coin: Coin, forged: bool) -> Spend:
        """A claim of the party; a forged one has a wrong preimage, or whatever secret the party was given."""
        built, ring = self._signed[coin.seat, coin.number].built, self.rings[party]
        commitment = Txid(Form.COMMITMENT, coin.seat, coin.number)
        index = outpoint.vout if outpoint.txid == commitment else outpoint.txid.output
        vout = self.outpoint(Outpoint(commitment, index)).vout
        target = Target(built, coin.kind, vout, self.outpoint(outpoint))
        if use is Use.REVOCATION:
            if not forged:
                return claim(target, use, ring.claimant, secret=self._secret_of(party, coin.number))
            spend = claim(target, use, ring.claimant, secret=self.rings[coin.seat].secret_of(coin.number))
            guess = self._secret_of(party, coin.number) or ring.secret_of(-1 - coin.number)
            base = ring.basepoint_secrets.revocation_basepoint_secret
            return _with_key(spend, derive_revocation_private_key(base, guess))
        preimage = None if coin.htlc is None else payment_preimage(coin.htlc.payment_hash)
        found = claim(target, use, ring.claimant, preimage=preimage)
        return _with_wrong_preimage(found) if forged else found


def own_anchor(model: Transaction) -> int:
    """Return the index of the owner's anchor among a commitment's outputs; StopIteration if it has none."""
    return next(at for at, coin in enumerate(model.outputs) if coin.kind is Kind.TO_LOCAL_ANCHOR)


def _paired(coins: Sequence[Coin], signed: Commitment, built: BuiltCommitment) -> tuple[int, ...]:
    """Find the real output that stands for each of the model's; :class:`Disagreement` unless they are the same."""
    vouts = pair(coins, signed, built)
    if vouts is None:
        modelled = _amounts([(coin.kind.name, int(coin.amount_sat)) for coin in coins])
        reality = _amounts([(real.role.value, real.output.amount_sat) for real in built.outputs])
        raise Disagreement(f"outputs of commitment {signed.number}", modelled, reality)
    return vouts


def _amounts(entries: Sequence[tuple[str | bytes, int]]) -> str:
    return ", ".join(
        f"{name if isinstance(name, str) else name.hex()} {amount} sat" for name, amount in sorted(entries)
    )


def _with_key(spend: Spend, key: PrivateKey) -> Spend:
    """The spend signed by another key, which an HTLC output's penalty names in its witness."""
    tail = spend.witness_tail
    named = (key.public_key.encoded, *tail[1:]) if tail[0] == spend.key.public_key.encoded else tail
    return Spend(spend.outpoint, spend.amount_sat, spend.script_code, key, named, spend.sequence, spend.locktime)


def _with_wrong_preimage(spend: Spend) -> Spend:
    tail = (payment_preimage(-1), *spend.witness_tail[1:])
    return Spend(spend.outpoint, spend.amount_sat, spend.script_code, spend.key, tail, spend.sequence, spend.locktime)
