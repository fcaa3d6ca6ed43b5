"""A real channel whose transactions are made with whatever fee is wanted, each valid but for its locks.

Both commitments number 0 can be published, and everything that spends them: sweeps, claims of HTLCs, penalties (as if
each were revoked), HTLC transactions, children of anchors and of the wallets' change. Fees come out of what is claimed;
HTLC transactions and children of anchors take a wallet's coin for theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from boltchain.interface import Chain
from boltproofs.replay.arbiter.making import Maker, every_secret
from boltproofs.replay.keyring import DEFAULT_SEED, keyring, payment_preimage
from boltproofs.replay.relay.pool import Made, Offer, Pool
from boltproofs.replay.terms import Funding
from boltspec.chain.conditions import CONDITIONS, Condition, Keys, Use
from boltspec.chain.transactions import Coin, Outpoint, Transaction, commitment_transaction, spending
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.params import Params
from boltspec.scenario import NAMES, small_limits, small_params
from boltspec.units import Blocks, FeeratePerKw, Height, Msat
from boltwire.scripts import funding_script, p2wpkh_script_code, p2wsh
from boltwire.spend import Spend, sign_spends
from boltwire.transaction import Outpoint as RealOutpoint
from boltwire.transaction import Transaction as RealTransaction
from boltwire.transaction import TxInput, TxOutput
from boltwire.witnesses import p2wpkh_tail

COINS = 3
"""Confirmed coins of each wallet."""
COIN_SAT = 200_000
EACH_MSAT = Msat(60_000_000)
"""What each HTLC is worth."""
BALLAST = TxOutput(330, p2wsh(b"\x51"))
"""An output that makes a transaction heavier, and is just not dust."""


class Plan(NamedTuple):
    """A transaction but for its fee."""

    name: str
    make: Callable[[int], Offer | None]
    """With a fee in satoshis; ``None`` if there is not so much to pay it with."""


class Way(NamedTuple):
    """One way to spend an output of a commitment."""

    outpoint: Outpoint
    coin: Coin
    condition: Condition

    @property
    def party(self) -> int:
        """Who spends it like that."""
        return 1 - self.coin.seat if self.condition.keys is Keys.OTHER else self.coin.seat


class RelayChannel:
    """A channel on a chain, and the transactions that are possible in a mempool."""

    def __init__(self, chain: Chain, *, option_anchors: bool, feerate_per_kw: int) -> None:
        """Fund the channel and both wallets."""
        limits = replace(small_limits(), to_self_delay=Blocks(3))
        params = small_params(limits, option_anchors)
        self.params: Params = replace(params, feerate_per_kw=FeeratePerKw(feerate_per_kw))
        self.rings = (keyring(DEFAULT_SEED, 0), keyring(DEFAULT_SEED, 1))
        script = p2wsh(funding_script(*(ring.announced.funding_pubkey.encoded for ring in self.rings)))
        outputs = [TxOutput(int(self.params.funding_satoshis), script)]
        outputs += [TxOutput(COIN_SAT, ring.wallet_script) for ring in self.rings for _ in range(COINS)]
        made: dict[RealOutpoint, Made] = {}
        for output in outputs:
            paid = chain.fund(output.script_pubkey, output.amount_sat)
            made[RealOutpoint(paid.txid, paid.vout)] = Made(output, chain.height())
        self.pool = Pool(chain.height())
        self.pool.confirmed = made
        funding = Funding(next(iter(made)), chain.height())
        self._maker = Maker(self.params, self.rings, funding, every_secret(self.rings))
        self._models: list[Transaction] = []
        self.commitments = tuple(self._commitment(seat) for seat in (0, 1))

    def _commitment(self, seat: int) -> Offer:
        """A party's commitment with an HTLC each way."""
        htlcs = tuple(CommittedHtlc(offered, 0, EACH_MSAT, int(offered), Height(6)) for offered in (True, False))
        rest = self.params.capacity_msat - EACH_MSAT * 2
        to_owner = Msat(rest // 2)
        commitment = Commitment(0, self.params.feerate_per_kw, to_owner, rest - to_owner, htlcs)
        model = commitment_transaction(self.params, seat, commitment, True)
        made = self._maker.commitment(model, commitment)
        self._maker.keep(model.txid, made)
        self._models.append(model)
        return Offer(f"{NAMES[seat]}'s commitment", made.transaction, int(model.fee_sat))

    # --- what can be spent ---

    def outputs(self) -> dict[RealOutpoint, TxOutput]:
        """Return all outputs that are confirmed or wait, whether one that waits spends them or not."""
        found = {outpoint: made.output for outpoint, made in self.pool.confirmed.items()}
        for offer in self.pool.waiting.values():
            found |= offer.outputs()
        return found

    def coins(self, party: int) -> list[Spend]:
        """Return the spends of a wallet's coins, change that waits among them."""
        ring = self.rings[party]
        pubkey = ring.wallet_key.public_key.encoded
        code, tail = p2wpkh_script_code(pubkey), p2wpkh_tail(pubkey)
        return [
            Spend(outpoint, output.amount_sat, code, ring.wallet_key, tail)
            for outpoint, output in self.outputs().items()
            if output.script_pubkey == ring.wallet_script
        ]

    def ways(self) -> Iterator[Way]:
        """Yield every way to spend every output of a commitment that is confirmed or waits."""
        there = self.outputs()
        for model in self._models:
            for at, coin in enumerate(model.outputs):
                outpoint = Outpoint(model.txid, at)
                if self._maker.outpoint(outpoint) in there:
                    ways = (way for way in CONDITIONS[coin.kind] if way.use is not Use.CLEAN_UP)
                    yield from (Way(outpoint, coin, way) for way in ways)

    def bump_of(self, commitment: Offer, party: int) -> Way:
        """Return a party's way to spend its anchor of a commitment that need not be there yet."""
        model = self._models[self.commitments.index(commitment)]
        for at, coin in enumerate(model.outputs):
            for way in CONDITIONS[coin.kind]:
                found = Way(Outpoint(model.txid, at), coin, way)
                if way.use is Use.FEE_BUMP and found.party == party:
                    return found
        raise ValueError("there is no such anchor")

    # --- plans ---

    def claim(self, way: Way, coin: Spend | None = None, ballast: int = 0) -> Plan:
        """Return the plan to take one output to a wallet, if asked for with a coin of that wallet."""
        model = spending(self.params, way.outpoint, way.coin, way.condition, way.party)
        spends = self._maker.spends(model, [way.coin])
        spends += [] if coin is None else [coin]
        return self._to_wallet(f"{NAMES[way.party]} {way.condition.use}", way.party, spends, ballast)

    def second_stage(self, way: Way, coin: Spend | None, ballast: int = 0) -> Plan:
        """Return the plan for an HTLC transaction, with a coin that pays for it or as it was signed."""
        name = f"{NAMES[way.party]} {way.condition.use}"
        model = spending(self.params, way.outpoint, way.coin, way.condition, way.party)
        htlc = way.coin.htlc
        assert htlc is not None
        preimage = payment_preimage(htlc.payment_hash) if way.condition.use is Use.HTLC_SUCCESS else None
        if coin is None:
            made = self._maker.second_stage(model, preimage).transaction
            return Plan(name, lambda _fee: Offer(name, made, int(model.fee_sat)))

        def make(fee: int) -> Offer | None:
            rest = _rest([coin], fee, ballast)
            if rest is None:
                return None
            wallet = [TxOutput(rest, self.rings[way.party].wallet_script), *[BALLAST] * ballast]
            return Offer(name, self._maker.paid_second_stage(model, preimage, coin, wallet), fee)

        return Plan(name, make)

    def payment(self, party: int, coin: Spend, ballast: int = 0) -> Plan:
        """Return the plan to spend a wallet's coin alone."""
        return self._to_wallet(f"{NAMES[party]} pays itself", party, [coin], ballast)

    def _to_wallet(self, name: str, party: int, spends: Sequence[Spend], ballast: int) -> Plan:
        inputs = tuple(TxInput(spend.outpoint, spend.sequence) for spend in spends)
        locktime = max(spend.locktime for spend in spends)

        def make(fee: int) -> Offer | None:
            rest = _rest(spends, fee, ballast)
            if rest is None:
                return None
            outputs = (TxOutput(rest, self.rings[party].wallet_script), *[BALLAST] * ballast)
            return Offer(name, sign_spends(RealTransaction(inputs, outputs, locktime), spends), fee)

        return Plan(name, make)


def _rest(spends: Sequence[Spend], fee: int, ballast: int) -> int | None:
    """Return what is left for the wallet; ``None`` if that is nothing."""
    rest = sum(spend.amount_sat for spend in spends) - fee - ballast * BALLAST.amount_sat
    return rest if rest > 0 else None
