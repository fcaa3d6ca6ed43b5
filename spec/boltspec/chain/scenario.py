"""Scenarios of the chain world: one channel that is concrete, and neighbours that are mocked.

A payment goes over the channel as one HTLC. Its offerer may forward it from an incoming HTLC, its recipient may forward
it to an outgoing one; of the channels on either side only these two facts are kept, with their expiry heights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from boltspec.chain.deadlines import Timing
from boltspec.chain.mempool import Market
from boltspec.params import Params
from boltspec.scenario import FeeWish, Scenario, Wish
from boltspec.units import Blocks, Height, Msat, Sat


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment over the channel; its index among the scenario's payments names its hash."""

    offerer: int
    """Seat of the party that offers the HTLC."""
    amount_msat: Msat
    cltv_expiry: Height
    incoming_expiry: Height | None = None
    """The offerer forwards it, from an HTLC with this expiry."""
    outgoing_expiry: Height | None = None
    """The recipient is to forward it, in an HTLC with this expiry."""
    incoming_away: bool = False
    """The peer on the incoming channel is away when the offerer learns the preimage: it is told later."""
    own_invoice: bool = False
    """The recipient knows the preimage from an invoice of its own, although it is to forward the HTLC."""


@dataclass(frozen=True, slots=True)
class ChainScenario:
    """A world to search."""

    name: str
    title: str
    params: Params
    """Constants of the channel, seen from A."""
    payments: tuple[Payment, ...]
    timing: Timing
    inclusion: Blocks
    """Within how many blocks a transaction of an honest party is confirmed, from when it can be: looking at the chain
    and getting into a block."""
    horizon: Height
    """Highest height at which messages are still sent."""
    corrupt: tuple[bool, bool] = (False, False)
    """Who is corrupt, unless every set of corrupt parties is searched."""
    every_corrupt_set: bool = False
    """Which parties are corrupt is the first move."""
    start: Height = Height(1)  # noqa: RUF009  # a plain integer
    push_msat: Msat = Msat(0)  # noqa: RUF009
    feerates: tuple[FeeWish, ...] = ()
    """Changes of the feerate that may be made, each once."""
    reorganisations: int = 0
    """How many reorganisations there may be, each as deep as ``timing.reorg_depth`` at most."""
    careless: bool = False
    """Honest parties are tempted to publish old commitments: only their rules hold them back."""
    batched: bool = False
    """Honest parties punish all outputs in one transaction, and take back what has expired in one."""
    abuses: int = 0
    """How many messages that the rules forbid a corrupt party may send."""
    disconnections: int = 0
    """How often the connection may be lost."""
    crashes: int = 0
    """How often an honest party may crash, and start again from what it had made durable."""
    restores: int = 0
    """How often an honest party may lose all data since the channel was opened."""
    evictions: int = 0
    """How often an honest party's transaction may be driven out of the mempool."""
    silent: bool = False
    """The search begins when all payments are irrevocably committed; from then on nothing is said any more."""
    market: Market | None = None
    """Fees, wallets and the mempool, where they are modelled (:mod:`boltspec.chain.bidding`)."""
    leap: bool = True
    """Blocks in which nothing can happen are passed over in one move (:mod:`boltspec.chain.times`)."""
    pinned: bool = False
    """What spends several outputs can be kept from being confirmed for as long as its peer likes."""
    uneconomical_satoshis: Sat = Sat(0)  # noqa: RUF009
    """What an output must hold to be worth a claim of its own (:mod:`boltspec.chain.worth`); 0: each is."""
    mutual: bool = False
    """The parties may agree on a closing transaction while no HTLC is pending."""

    def talk(self, corrupt: tuple[bool, bool]) -> Scenario:
        """Return the scenario of the update dance that comes before the chain."""
        return Scenario(
            name=self.name,
            title=self.title,
            params=self.params,
            push_msat=self.push_msat,
            wishes=(*self.feerates, *self._offers()),
            corrupt=corrupt,
            abuses=self.abuses,
            disconnections=self.disconnections,
            crashes=self.crashes,
            restores=self.restores,
            publishable=True,
        )

    def _offers(self) -> Iterator[Wish]:
        for index, payment in enumerate(self.payments):
            yield Wish(payment.offerer, payment.amount_msat, index, payment.cltv_expiry)
