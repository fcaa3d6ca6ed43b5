"""Trials: the same transactions offered to a node's mempool and to the model's, in random order; every answer compared.

What is offered is drawn: commitments, claims, penalties, HTLC transactions, children of anchors, spends of wallets.
Each has a fee near a bound (of relay, of replacement, of dust) or far from it; some are heavy. There are parents and
children as packages, and long lines of children. In between blocks are mined, so that locks open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from boltchain.bitcoind import BitcoindChain
from boltchain.transaction import display
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.relay.channel import Plan, RelayChannel, Way
from boltproofs.replay.relay.pool import DUST, MISSING, PAYS_TOO_LITTLE, REPLACES_FOR_TOO_LITTLE, Offer
from boltspec.chain.conditions import Keys, Use
from boltspec.chain.policy import DUST_FEERATE, least_replacement_fee

STEPS = 40
"""What happens in a trial."""
FEERATES = (200, 253, 1_000, 2_500)
"""Of commitments, in satoshis per 1000 weight units; the first is less than is relayed."""
LONG = 26
"""So many children in a row are one too many."""
NO_LIMIT = 0


@dataclass
class Tally:
    """What has been compared."""

    trials: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    """How often each answer was given, by both."""

    def add(self, other: Tally) -> None:
        """Take in another one."""
        self.trials += other.trials
        self.answers.update(other.answers)


class Trial:
    """One channel on a node whose mempool is empty."""

    def __init__(self, chain: BitcoindChain, random: Random) -> None:
        """Open the channel."""
        self._chain, self._random = chain, random
        self._anchors = random.random() < 0.75
        self.channel = RelayChannel(chain, option_anchors=self._anchors, feerate_per_kw=random.choice(FEERATES))
        self.pool = self.channel.pool
        self.tally = Tally(trials=1)
        self.said: list[str] = []
        """What has happened, line by line."""

    def run(self) -> Tally:
        """Let so much happen, and empty the mempool. Raises :class:`Disagreement`."""
        for _ in range(STEPS):
            self._step()
        while self.pool.waiting:
            self.mine()
        return self.tally

    def _step(self) -> None:
        kind = self._random.choices(("offer", "package", "line", "mine"), (20, 4, 2, 2))[0]
        match kind:
            case "offer":
                self.offer(self._priced(self._plan()))
            case "package":
                self._package()
            case "line":
                self._line()
            case _:
                self.mine()

    # --- what is drawn ---

    def _plan(self) -> Plan:
        """Draw a transaction; the more there is to spend the more likely it is a spend of the channel's outputs."""
        channel, random = self.channel, self._random
        ways = list(channel.ways())
        ballast = random.choice((0, 0, 0, 30))
        if not ways or random.random() < 0.15:
            commitment = random.choice(channel.commitments)
            if random.random() < 0.7:
                return Plan(commitment.name, lambda _fee: commitment)
        if not ways or random.random() < 0.2:
            party = random.randrange(2)
            return channel.payment(party, random.choice(channel.coins(party)), ballast)
        return self._spending(random.choice(ways), ballast)

    def _spending(self, way: Way, ballast: int) -> Plan:
        coin = self._random.choice(self.channel.coins(way.party))
        if way.condition.use is Use.FEE_BUMP:
            return self.channel.claim(way, coin, ballast)
        if way.condition.keys is not Keys.BOTH:
            return self.channel.claim(way)
        pays = self._anchors and self._random.random() < 0.8
        return self.channel.second_stage(way, coin if pays else None, ballast)

    def _priced(self, plan: Plan) -> Offer:
        """Draw a fee for a plan: around what is needed to be relayed, to replace, to leave no dust; or any."""
        for _ in range(8):
            draft = plan.make(1) or plan.make(0)
            if draft is None:
                break
            offer = plan.make(max(0, self._random.choice(list(self._fees(draft)))))
            if offer is not None:
                return offer
        return self.channel.commitments[0]

    def _fees(self, draft: Offer) -> Iterator[int]:
        rivals = self.pool.rivals(draft)
        replaced = [self.pool.waiting[txid] for txid in self.pool.descendants(rivals)]
        bounds = [draft.size, least_replacement_fee(draft.size, [other.priced for other in replaced])]
        bounds += [-(-other.fee_sat * draft.size // other.size) for other in replaced[:2]]
        wallet = draft.transaction.outputs[0]
        bounds.append(wallet.amount_sat - DUST_FEERATE * (len(wallet.serialize()) + 67))
        for bound in bounds:
            yield from (bound - 1, bound, bound + 1, bound + self._random.randrange(draft.size))
        yield self._random.randrange(30 * draft.size)

    # --- what is done ---

    def offer(self, offer: Offer) -> None:
        """Offer a transaction to both."""
        known = offer.txid in self.pool.waiting or offer.txid in {made.txid for made in self.pool.confirmed}
        if known or self._is_spent_for_good(offer):
            return
        modelled = self.pool.refusal(offer)
        if self.pool.has_dust(offer) and modelled != DUST:
            return  # two things are wrong: which is told first depends on the node
        answer = self._chain.rpc.call("testmempoolaccept", [offer.transaction.serialize().hex()], NO_LIMIT)[0]
        self._compare(f"{offer.name}, {offer.fee_sat} sat for {offer.size} vbytes", modelled, _reason(answer))
        if modelled is None:
            self.tally.answers["alone: taken in place of others"] += bool(self.pool.rivals(offer))
            self.tally.answers["alone: taken as one child more"] += self.pool.is_carved_out(offer)
            self._chain.submit(offer.transaction.serialize())
            self.pool.take(offer)
        self._compare_pools()

    def _is_spent_for_good(self, offer: Offer) -> bool:
        """Say whether it conflicts with what is confirmed: then it is of no interest any more."""
        return self.pool.refusal(offer) == MISSING and self._random.random() < 0.9

    def _package(self) -> None:
        """Offer a commitment and a child that spends its anchor, together."""
        channel, random = self.channel, self._random
        refusals = {self.pool.refusal(one): one for one in channel.commitments}
        parent = refusals.get(REPLACES_FOR_TOO_LITTLE) or refusals.get(PAYS_TOO_LITTLE)
        if not self._anchors or parent is None:
            return
        way = channel.bump_of(parent, random.randrange(2))
        coins = channel.coins(way.party)
        confirmed = [coin for coin in coins if coin.outpoint in self.pool.confirmed]
        coin = random.choice(confirmed if confirmed and random.random() < 0.8 else coins)
        child = self._child(parent, channel.claim(way, coin, random.choice((0, 0, 30))))
        if child is not None:
            self.offer_package(parent, child)

    def _child(self, parent: Offer, plan: Plan) -> Offer | None:
        draft = plan.make(1)
        if draft is None:
            return None
        size = parent.size + draft.size
        rivals = self.pool.descendants(self.pool.rivals(parent))
        replaced = [self.pool.waiting[txid].priced for txid in rivals]
        bound = self._random.choice((size, least_replacement_fee(size, replaced))) - parent.fee_sat
        return plan.make(max(0, bound + self._random.choice((-1, 0, 1, size, 10 * size))))

    def offer_package(self, parent: Offer, child: Offer) -> None:
        """Offer a parent that pays too little and a child, together, to both."""
        modelled = self.pool.package_refusal(parent, child)
        raw = [offer.transaction.serialize().hex() for offer in (parent, child)]
        answer = self._chain.rpc.call("submitpackage", raw, NO_LIMIT)
        real = _package_reason(answer)
        what = f"package of {parent.name} ({parent.fee_sat} sat for {parent.size} vbytes) and {child.name}"
        self._compare(f"{what} ({child.fee_sat} sat for {child.size} vbytes)", modelled, real, "package")
        if modelled is None:
            self.tally.answers["package: taken in place of others"] += bool(self.pool.rivals(parent))
            self.pool.take(parent, child)
        self._compare_pools()

    def _line(self) -> None:
        """Offer children of a wallet's coin in a row, up to one too many and one beside it."""
        party = self._random.randrange(2)
        coin = self._random.choice(self.channel.coins(party))
        for _ in range(self._random.choice((3, LONG))):
            offer = self.channel.payment(party, coin).make(self._random.choice((120, 300)))
            if offer is None or offer.txid in self.pool.waiting:
                return
            self.offer(offer)
            if offer.txid not in self.pool.waiting:
                return
            coin = next(one for one in self.channel.coins(party) if one.outpoint.txid == offer.txid)

    def mine(self) -> None:
        """Close a block of all that waits."""
        waiting = list(self.pool.waiting.values())
        ordered = sorted(waiting, key=lambda offer: len(self.pool.ancestors(offer)))
        self._chain.mine(transactions=[offer.transaction.serialize() for offer in ordered])
        self.pool.confirm(ordered)
        self.said.append(f"block {self.pool.height} of {len(ordered)} transactions")
        self._compare_pools()

    # --- comparing ---

    def _compare(self, what: str, modelled: str | None, real: str | None, kind: str = "alone") -> None:
        self.said.append(f"{what}: {real or 'taken'}")
        agreed = real is None if modelled is None else real is not None and modelled in real
        if not agreed:
            raise Disagreement(what, modelled or "that it is taken", real or "it is taken")
        self.tally.answers[f"{kind}: {modelled or 'taken'}"] += 1

    def _compare_pools(self) -> None:
        modelled = sorted(txid[::-1].hex() for txid in self.pool.waiting)
        real = sorted(map(display, self._chain.mempool()))
        if modelled != real:
            raise Disagreement("what waits", ", ".join(modelled), ", ".join(real))


def _reason(answer: dict[str, Any]) -> str | None:
    return None if answer["allowed"] else str(answer["reject-reason"])


def _package_reason(answer: dict[str, Any]) -> str | None:
    """Why a package was not taken: the reason about it, else the first about one of its transactions."""
    if answer["package_msg"] == "success":
        return None
    reasons = [one["error"] for one in answer["tx-results"].values() if "error" in one]
    return "; ".join([answer["package_msg"], *reasons])


def run_trials(chain: BitcoindChain, seed: int, trials: int) -> Tally:
    """Run so many trials; :class:`Disagreement` at the first that ends in one, with what came before."""
    tally = Tally()
    for number in range(trials):
        trial = Trial(chain, Random(f"relay/{seed}/{number}"))  # noqa: S311
        try:
            tally.add(trial.run())
        except Disagreement as found:
            told = "\n".join([f"trial {number} of seed {seed}", *trial.said, found.what])
            raise Disagreement(told, found.model, found.reality) from found
    return tally
