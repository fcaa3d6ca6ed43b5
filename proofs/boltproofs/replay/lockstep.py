"""A world of the update dance and its concrete twin, kept in step: every move is made twice and both are compared.

Messages become signatures and secrets (:mod:`boltproofs.replay.messages`). Nothing is published here: after every move
the funding output must be there, and with probing consensus is asked about each commitment as it is received, which
could be published at once. What follows on chain is replayed by :mod:`boltproofs.replay.arbiter`.
"""

from __future__ import annotations

from collections import Counter

from boltchain.interface import Chain
from boltproofs.replay.descendants import Descendants
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.keyring import DEFAULT_SEED, keyring
from boltproofs.replay.messages import Messages
from boltproofs.replay.terms import Funding
from boltspec.commit import first_signature
from boltspec.move import Move
from boltspec.scenario import Scenario
from boltspec.world import World, initial
from boltwire.scripts import funding_script, p2wsh
from boltwire.transaction import Outpoint, Transaction


class Lockstep:
    """A channel of the model and a real one on ``chain``, funded by the chain's faucet."""

    def __init__(self, scenario: Scenario, chain: Chain, *, probing: bool = False, seed: bytes = DEFAULT_SEED) -> None:
        """Open the real channel. ``probing`` asks consensus about each commitment that is received."""
        self.world = initial(scenario)
        self.probes = 0
        """How many commitments consensus was asked about."""
        self.covered: Counter[str] = Counter()
        """How many messages of each kind were taken or rejected."""
        self._chain, self._probing = chain, probing
        rings = (keyring(seed, 0), keyring(seed, 1))
        script = p2wsh(funding_script(*(ring.announced.funding_pubkey.encoded for ring in rings)))
        self._funding = chain.fund(script, int(scenario.params.funding_satoshis))
        self._descendants = Descendants(chain, self._funding)
        funding = Funding(Outpoint(self._funding.txid, self._funding.vout), chain.height())
        self.messages = Messages(scenario.params, rings, funding)
        first = [(first_signature(node),) for node in self.world.nodes]
        self.messages.begin(self.world, (first[0], first[1]))
        self._check()

    def step(self, move: Move, after: World) -> str:
        """Make a move that takes the model to ``after``; say what became of it in reality.

        Raises :class:`Disagreement` when reality does not follow; ``ValueError`` for an action that is none.
        """
        note = self.messages.step(self.world, move, after, self._consensus if self._probing else None)
        if move.action == "deliver":
            self.covered[f"{note or 'taken'} {move.detail}"] += 1
        self.world = after
        self._check()
        return note

    def _consensus(self, transaction: Transaction) -> str | None:
        self.probes += 1
        return self._chain.check(transaction.serialize())

    def finish(self) -> None:
        """Nothing is left to be done."""

    def wallets(self) -> tuple[int, int]:
        """What each party's keys own alone on the chain: nothing, as the channel is open."""
        return 0, 0

    def _check(self) -> None:
        unspent = self._descendants.unspent(())
        if unspent.keys() != {self._funding}:
            raise Disagreement("the funding output", "that it is unspent", f"unspent are {[*map(str, unspent)]}")
