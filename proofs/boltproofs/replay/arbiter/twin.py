"""A chain world and its concrete twin, kept in step: every move is made twice and both ledgers are compared.

Messages become signatures and secrets (:mod:`boltproofs.replay.messages`). They change nothing on chain, and the twin
checks that the model agrees. What a move puts into the block that is
being built waits here for the end of that block. Blocks of a branch that honest parties do not see yet are collected,
and handed to consensus when there are enough of them to replace the old ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from boltchain.embedded import EmbeddedChain
from boltchain.interface import Chain, TransactionRejected
from boltproofs.replay.arbiter.comparison import Books, compare
from boltproofs.replay.arbiter.locks import attempts, try_all
from boltproofs.replay.arbiter.making import Made, Maker, own_anchor
from boltproofs.replay.arbiter.purse import Fare, Purse, withdrawn
from boltproofs.replay.descendants import Descendants
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.keyring import DEFAULT_SEED, keyring, payment_preimage
from boltproofs.replay.messages import Messages
from boltproofs.replay.terms import Funding
from boltspec.chain.conditions import Kind, Use, condition
from boltspec.chain.leaving import own_commitment
from boltspec.chain.ledger import Confirmed, Ledger, confirm, find, mine
from boltspec.chain.mempool import Pooled
from boltspec.chain.moves import due
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import Form, Outpoint, Transaction, spending
from boltspec.chain.world import ChainWorld, begun, initial
from boltspec.messages import CommitmentSigned
from boltspec.move import Move
from boltspec.units import Blocks, Height
from boltwire.scripts import funding_script, p2wsh
from boltwire.transaction import Outpoint as RealOutpoint
from boltwire.transaction import Transaction as RealTransaction
from boltwire.transaction import txid_to_hex

MISSING = "missingorspent"
"""How consensus calls an input that another transaction has spent."""


def waiting(world: ChainWorld, model: Transaction) -> Pooled:
    """The entry of the mempool that a transaction is in."""
    return next(entry for entry in world.pool if entry.transaction == model)


class NotOnThisChain(ValueError):
    """The trace asks for what only the embedded chain can do."""


class Paid(NamedTuple):
    """What has been paid for at the end of a block; a reorganisation takes it back."""

    coins: Mapping[Outpoint, tuple[RealOutpoint, int]]
    bumped: frozenset[Outpoint]


class ChainTwin:
    """A channel of the chain world and a real one on ``chain``, funded by the chain's faucet."""

    def __init__(
        self, scenario: ChainScenario, chain: Chain, *, probing: bool = False, seed: bytes = DEFAULT_SEED
    ) -> None:
        """Open the real channel. ``probing`` asks consensus about every way to spend every output, too."""
        self.world = initial(scenario)
        self.probes = 0
        """How many attempts to spend have been made by probing."""
        self.covered: Counter[str] = Counter()
        """How many inputs were confirmed by each way to spend, and attempts made of each kind."""
        self._scenario, self._chain, self._probing = scenario, chain, probing
        rings = (keyring(seed, 0), keyring(seed, 1))
        self._purse = Purse(chain, seed, scenario.market)
        script = p2wsh(funding_script(*(ring.announced.funding_pubkey.encoded for ring in rings)))
        outpoint = chain.fund(script, int(scenario.params.funding_satoshis))
        funding = Funding(RealOutpoint(outpoint.txid, outpoint.vout), chain.height() - int(scenario.start))
        self._messages = Messages(scenario.params, rings, funding)
        self._maker = Maker(scenario.params, rings, funding, self._messages.secret)
        payees = {ring.wallet_script: seat for seat, ring in enumerate(rings)}
        descendants, change = Descendants(chain, outpoint), self._purse.scripts
        self._books = Books(chain, funding, scenario.params, self._maker, descendants, payees, change, set())
        self._pending: list[bytes] = []
        self._compared = begun(scenario, (False, False)).ledger
        self._to_remote: list[Confirmed] = []
        self._undone = 0
        self._branch: list[list[bytes]] = []
        self._paid: list[Paid] = [self._paid_so_far()]
        talk = begun(scenario, (False, False)).talk
        assert talk is not None, "nothing is forgotten at first"
        self._messages.begin(talk, talk.history)
        compare(self._compared, self._books, ())

    def step(self, move: Move, after: ChainWorld) -> str:
        """Make a move that takes the model to ``after``; say what became of it in reality.

        Raises :class:`Disagreement` when reality does not follow.
        """
        before = self.world
        match move.action:
            case "publish" if move.detail != "closing transaction":
                note = self._publish(before, move)
            case "publish" | "spend":
                note = self._include(before, self._transaction(before, move))
            case "include":
                model = self._transaction(before, move)
                note = self._include(before, model, entry=waiting(before, model))
            case "submit":
                note = self._submit(before, after)
            case "mine":
                note = self._mine(before, after)
            case "undo":
                note = self._undo(int(move.detail.split()[0]))
            case "send" | "deliver" | "disconnect" | "crash" | "restore" | "ask":
                note = self._say(before, move, after)
            case _:
                note = ""
        self.world = after
        self._check()
        return note

    def _say(self, before: ChainWorld, move: Move, after: ChainWorld) -> str:
        """Make a move of the dance; a commitment just received is tried while the funding output is there."""
        assert before.talk is not None
        assert after.talk is not None
        is_open = before.ledger.closing is None and not self._undone
        return self._messages.step(
            before.talk, move, after.talk, self._consensus if self._probing and is_open else None
        )

    def _consensus(self, transaction: RealTransaction) -> str | None:
        self.probes += 1
        return self._refusal([transaction])

    def finish(self) -> None:
        """Close the block that is being built, if something waits for it, and compare once more."""
        if self._pending and not self._undone:
            self._mine_block()
            self.world = replace(self.world, ledger=mine(self.world.ledger))
            self._check()

    def wallets(self) -> tuple[int, int]:
        """What each party's keys own alone on the chain, in satoshis."""
        totals = [0, 0]
        for found in self._books.descendants.unspent(()).values():
            party = self._books.payees.get(found.script_pubkey)
            if party is not None:
                totals[party] += found.amount_sat
        return totals[0], totals[1]

    def _check(self) -> None:
        """Compare; a branch that is not the best one yet cannot be seen in the UTXO set."""
        if self._undone or self.world.ledger == self._compared:
            return
        compare(self.world.ledger, self._books, self._pending)
        self._compared = self.world.ledger

    # --- transactions ---

    def _transaction(self, world: ChainWorld, move: Move) -> Transaction:
        """The model's transaction that a move puts into the block."""
        party, words = move.party, move.detail.split()
        if move.action == "publish":
            assert world.agreed is not None
            return world.agreed
        if move.action == "spend":
            confirmed = world.ledger.unspent[int(words[0])]
            way = condition(confirmed.coin.kind, Use(words[2]))
            return spending(self._scenario.params, confirmed.outpoint, confirmed.coin, way, party)
        named = (party, Form[words[0].upper()], int(words[1]))
        pool = (pooled.transaction for pooled in world.pool)
        return next(one for one in pool if (one.signer, one.txid.form, one.txid.output) == named)

    def _publish(self, world: ChainWorld, move: Move) -> str:
        """Put a commitment into the block: one that its owner holds, or denies to hold."""
        *denied, _, number = move.detail.split()
        assert world.talk is not None
        held = (world.kept if denied else world.talk.history)[move.party][int(number)]
        model = own_commitment(self._scenario, move.party, held)
        assert model is not None, "only signed commitments are published"
        self.covered["confirmed denied commitment"] += bool(denied)
        return self._include(world, model, held)

    def _include(
        self,
        world: ChainWorld,
        model: Transaction,
        held: CommitmentSigned | None = None,
        entry: Pooled | None = None,
    ) -> str:
        """Put a transaction into the block, as it is in the mempool if it was there."""
        fare = None if entry is None or self._scenario.market is None else self._purse.fare(entry)
        made = self._made(world, model, held, fare)
        self._maker.keep(model.txid, made)
        if model.txid.form is Form.COMMITMENT:
            self._notice_to_remote(world, model)
        self._pending.append(made.transaction.serialize())
        self.covered.update(f"confirmed {spent.use}" for spent in model.inputs)
        if fare is not None:
            assert entry is not None
            self._pay(entry, made, fare)
        return f"transaction {txid_to_hex(made.transaction.txid())}"

    def _pay(self, entry: Pooled, made: Made, fare: Fare) -> None:
        """Follow the coin that pays: its change, and the child that bumps a commitment."""
        model = entry.transaction
        bumping = model.txid.form is Form.COMMITMENT and bool(entry.coins)
        paying = self._maker.child(model, fare) if bumping else made.transaction
        if bumping:
            self._pending.append(paying.serialize())
            self._books.bumped.add(Outpoint(model.txid, own_anchor(model)))
        if bumping or fare.pays_for(made.transaction):
            self._purse.spent(fare, paying)
            self.covered[f"paid for {model.txid.form.name.lower()}"] += 1

    def _submit(self, before: ChainWorld, after: ChainWorld) -> str:
        """Show consensus what is new in the mempool: it could be in the next block, and not beside what it replaced."""
        (new,) = (entry for entry in after.pool if entry not in before.pool)
        gone = [entry for entry in before.pool if entry not in after.pool]
        real = self._real(after, new)
        self._require(new, self._refusal(real))
        for entry in gone:
            refusal = self._refusal(self._real(before, entry), real)
            if refusal is None or MISSING not in refusal:
                raise Disagreement(f"{entry.transaction.txid} beside {new.transaction.txid}", MISSING, f"{refusal}")
        for entry in after.pool:
            if entry != new:
                self._require(entry, self._refusal(self._real(after, entry), real))
        self.covered[f"submitted, replacing {len(gone)}"] += 1
        return f"transaction {txid_to_hex(real[-1].txid())}"

    def _require(self, entry: Pooled, refusal: str | None) -> None:
        if refusal is not None:
            raise Disagreement(f"{entry.transaction.txid} in the mempool", "that it is valid", f"consensus: {refusal}")

    def _refusal(self, real: Sequence[RealTransaction], after: Sequence[RealTransaction] = ()) -> str | None:
        """What consensus says of transactions, one after the other, in a block behind others."""
        before = [*self._pending, *(one.serialize() for one in after)]
        for one in real:
            refusal = self._chain.check(one.serialize(), before)
            if refusal is not None:
                return refusal
            before.append(one.serialize())
        return None

    def _real(self, world: ChainWorld, entry: Pooled) -> list[RealTransaction]:
        """A transaction of the mempool, with the child that bumps it if it has one."""
        model, fare = entry.transaction, self._purse.fare(entry)
        if model.txid.form is Form.WALLET:
            return [withdrawn(fare)]
        made = self._made(world, model, None, fare)
        if model.txid.form is not Form.COMMITMENT or not entry.coins:
            return [made.transaction]
        self._maker.keep(model.txid, made)
        return [made.transaction, self._maker.child(model, fare)]

    def _made(self, world: ChainWorld, model: Transaction, held: CommitmentSigned | None, fare: Fare | None) -> Made:
        """The real transaction, made of what the model's names stand for."""
        match model.txid.form:
            case Form.COMMITMENT:
                assert world.talk is not None
                signed = (held or world.talk.history[model.txid.seat][model.txid.number]).signature.signed
                assert signed is not None, "it is somebody's commitment"
                return self._maker.commitment(model, signed)
            case Form.CLOSING:
                assert world.talk is not None
                return self._maker.closing(model, world.talk.nodes[0])
            case Form.SECOND_STAGE:
                coin = self._coins(world, model)[0]
                assert coin.coin.htlc is not None
                preimage = payment_preimage(coin.coin.htlc.payment_hash)
                success = model.inputs[0].use is Use.HTLC_SUCCESS
                return self._maker.second_stage(model, preimage if success else None, self._added(fare))
            case _:
                return self._maker.claim(model, [one.coin for one in self._coins(world, model)], fare=fare)

    def _added(self, fare: Fare | None) -> Fare | None:
        """What can be added to an HTLC transaction: nothing without anchors, where the peer has signed all of it."""
        return fare if self._scenario.params.option_anchors else None

    def _coins(self, world: ChainWorld, model: Transaction) -> list[Confirmed]:
        found = [find(world.ledger, spent.outpoint) for spent in model.inputs]
        missing = [spent.outpoint for spent, there in zip(model.inputs, found, strict=True) if there is None]
        if missing:
            raise Disagreement(f"{model.txid}", "that it is valid", f"nothing is at {missing}")
        return [there for there in found if there is not None]

    def _notice_to_remote(self, world: ChainWorld, model: Transaction) -> None:
        """Remember ``to_remote``, which the model counts as received when it is confirmed."""
        height = world.ledger.height + Blocks(1)
        made = [Confirmed(Outpoint(model.txid, at), coin, height) for at, coin in enumerate(model.outputs)]
        self._to_remote = [entry for entry in made if entry.coin.kind is Kind.TO_REMOTE]
        for entry in self._to_remote:
            self._books.payees[self._maker.script(entry.outpoint)] = 1 - model.txid.seat

    # --- blocks ---

    def _mine(self, before: ChainWorld, after: ChainWorld) -> str:
        world = before
        for model in due(before, self._scenario):
            self._include(world, model, entry=waiting(before, model))
            world = replace(world, ledger=confirm(world.ledger, model))
        self._paid += [self._paid_so_far()] * int(after.ledger.height - before.ledger.height)
        if self._undone:
            self._branch.append(self._pending)
            self._pending = []
            if after.hidden > Blocks(0):
                return "on a branch"
            self._switch()
        else:
            self._probe(world, before.ledger.height)
            self._mine_block()
        self._probe(after, before.ledger.height + Blocks(1))
        for height in range(int(before.ledger.height) + 2, int(after.ledger.height) + 1):
            self._mine_block()
            self._probe(after, Height(height))
        return f"block {self._chain.height()}"

    def _mine_block(self) -> None:
        try:
            self._chain.mine(transactions=self._pending)
        except TransactionRejected as refused:
            raise Disagreement("a block", "that its transactions confirm", f"consensus: {refused.reason}") from refused
        self._pending = []

    def _undo(self, depth: int) -> str:
        if not isinstance(self._chain, EmbeddedChain):
            raise NotOnThisChain("reorganisations with transactions are replayed on the embedded chain only")
        self._undone = depth
        self._paid = self._paid[: len(self._paid) - depth]
        self._purse.restore(self._paid[-1].coins)
        self._books.bumped.clear()
        self._books.bumped.update(self._paid[-1].bumped)
        return f"{depth} blocks are to be replaced"

    def _switch(self) -> None:
        assert isinstance(self._chain, EmbeddedChain)
        try:
            self._chain.replace_blocks(self._undone, self._branch)
        except TransactionRejected as refused:
            raise Disagreement("a branch", "that it is valid", f"consensus: {refused.reason}") from refused
        self.covered["confirmed on a new branch"] += sum(map(len, self._branch))
        self._undone, self._branch = 0, []

    def _probe(self, world: ChainWorld, height: Height) -> None:
        """Ask consensus about the block on top of ``height``, behind what waits for it."""
        if self._probing and world.ledger.closing is not None:
            closing = world.ledger.closing
            extra = [entry for entry in self._to_remote if entry.outpoint.txid == closing.txid]
            there = replace(world, ledger=self._without_bumped(world.ledger))
            tried = attempts(there, self._scenario, [entry for entry in extra if entry.height == closing.height])
            made = try_all(tried, height + Blocks(1), self._chain, self._maker, self._pending)
            self.probes += made.total()
            self.covered.update(made)

    def _paid_so_far(self) -> Paid:
        return Paid(self._purse.state(), frozenset(self._books.bumped))

    def _without_bumped(self, ledger: Ledger) -> Ledger:
        left = tuple(entry for entry in ledger.unspent if entry.outpoint not in self._books.bumped)
        return replace(ledger, unspent=left)
