"""A world of the model and its concrete twin, kept in step: every move is made twice and both are compared.

:class:`Lockstep` is stepped from outside, by a trace or by a test. Messages become signatures and secrets, publications
and spends become transactions, and after every move the model's ledger must be the chain's UTXO set.
"""

from __future__ import annotations

from collections import Counter, deque

from boltchain.interface import Chain
from boltproofs.replay.coins import Descendants
from boltproofs.replay.comparison import compare, probe
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.keyring import DEFAULT_SEED, keyring
from boltproofs.replay.onchain import OnChain
from boltproofs.replay.party import POINTS_AT_FIRST, Party, Revelation
from boltproofs.replay.terms import Funding
from boltspec.channel import Channel
from boltspec.commitment import Commitment, View, commitment, untrimmed_count
from boltspec.enforcement import knows_secret, path_of
from boltspec.htlc import LOCAL
from boltspec.ledger import mine
from boltspec.messages import CommitmentSigned, Message, RevokeAndAck, Signature
from boltspec.move import Move
from boltspec.outputs import Kind, Use
from boltspec.scenario import NAMES, Scenario
from boltspec.world import World, initial
from boltwire.channel_terms import NoSuchCommitment
from boltwire.commitment_signatures import CommitmentSignatures, SignatureCheck
from boltwire.scripts import funding_script, p2wsh
from boltwire.transaction import Outpoint, txid_to_hex

Payload = CommitmentSignatures | Revelation | None
"""The bytes that go with a message; ``None`` where the model's message says it all."""


class Lockstep:
    """A channel of the model and a real one on ``chain``, funded by the chain's faucet."""

    def __init__(self, scenario: Scenario, chain: Chain, *, probing: bool = False, seed: bytes = DEFAULT_SEED) -> None:
        """Open the real channel. ``probing`` tries every path of every output after every step, too."""
        self.world = initial(scenario)
        self.probes = 0
        """How many attempts to spend have been made by probing."""
        self.covered: Counter[str] = Counter()
        """How many commitments were confirmed, and spends by each path."""
        self._probing = probing
        rings = (keyring(seed, 0), keyring(seed, 1))
        script = p2wsh(funding_script(*(ring.announced.funding_pubkey.encoded for ring in rings)))
        outpoint = chain.fund(script, int(scenario.params.funding_satoshis))
        funding = Funding(Outpoint(outpoint.txid, outpoint.vout), chain.height())
        params = (scenario.params, scenario.params.mirrored())
        self.parties = (
            Party(rings[0], rings[1].announced, params[0], funding),
            Party(rings[1], rings[0].announced, params[1], funding),
        )
        self.reality = OnChain(chain, self.parties, funding)
        self._descendants = Descendants(chain, outpoint)
        self._wires: tuple[deque[Payload], deque[Payload]] = (deque(), deque())
        for party in (0, 1):
            self.parties[party].receive_points(
                tuple(rings[1 - party].point_of(number) for number in range(POINTS_AT_FIRST))
            )
        for party in (0, 1):
            self._sign_first(party)
        compare(self.world.ledger, self.reality, self._descendants)

    def _sign_first(self, party: int) -> None:
        """Give a party the signature of its commitment 0 (``funding_created``, ``funding_signed``)."""
        first = commitment(self.world.nodes[party], View.LOCAL_LATEST)
        fact = Signature(first)
        signatures = self.parties[1 - party].sign(CommitmentSigned(fact, 0, fact))
        if (found := self.parties[party].check(first, signatures)) is not SignatureCheck.VALID:
            raise Disagreement(f"commitment 0 of {NAMES[party]}", "that it is signed", found.value)
        self.parties[party].hold(first, signatures)

    def step(self, move: Move, after: World) -> str:
        """Make a move that takes the model to ``after``; say what became of it in reality.

        Raises :class:`Disagreement` when reality does not follow; ``ValueError`` for an action that is none.
        """
        before = self.world
        match move.action:
            case "send":
                note = self._send(move.party, before.nodes[move.party], after.wires[move.party][-1])
            case "deliver":
                note = self._deliver(move.party, before, after)
            case "publish":
                note = self._publish(move, before, after)
            case "spend":
                note = self._spend(move, before)
            case "mine":
                self.reality.mine()
                note = f"block {self.reality.chain.height()}"
            case _:
                raise ValueError(f"no such action: {move}")
        if not after.connected:
            for wire in self._wires:
                wire.clear()
        self.world = after
        self._check()
        return note

    def finish(self) -> None:
        """Close the block that is being built, if something waits for it, and compare once more."""
        if self.reality.pending:
            self.reality.mine()
            self.world = self.world._replace(ledger=mine(self.world.ledger))
            self._check()

    def wallets(self) -> tuple[int, int]:
        """What each party's keys own alone on the chain, in satoshis: swept outputs and ``to_remote``."""
        return self.reality.wallet(0), self.reality.wallet(1)

    def _check(self) -> None:
        compare(self.world.ledger, self.reality, self._descendants)
        if self._probing:
            self.probes += probe(self.world, self.reality)

    # --- messages ---

    def _send(self, party: int, before: Channel, message: Message) -> str:
        payload: Payload = None
        match message:
            case CommitmentSigned():
                payload = self.parties[party].sign(message)
            case RevokeAndAck():
                following = before.local_revocations + POINTS_AT_FIRST
                payload = self.parties[party].reveal(message.per_commitment_secret, following)
        self._wires[party].append(payload)
        return ""

    def _deliver(self, party: int, before: World, after: World) -> str:
        message, payload = before.wires[1 - party][0], self._wires[1 - party].popleft()
        channel, accepted = before.nodes[party], after.nodes[party] != before.nodes[party]
        match message, payload:
            case CommitmentSigned(), CommitmentSignatures():
                in_turn = channel.local_commitment_number == channel.local_revocations
                if in_turn or accepted:  # else it is refused without a look at the signatures
                    self._verify(party, channel, message, payload)
                if accepted:
                    self.parties[party].hold(message.signature.signed, payload)
                    self._probe_held(party)
            case RevokeAndAck(), Revelation():
                in_turn = channel.remote_revocations < channel.remote_commitment_number
                if in_turn or accepted:
                    self._verify_secret(party, channel, message, payload)
                if accepted:
                    self.parties[party].keep(payload, channel.remote_revocations)
                    self._compare_secrets(party, after.nodes[party])
        return "" if accepted else "rejected"

    def _verify(self, party: int, channel: Channel, message: CommitmentSigned, payload: CommitmentSignatures) -> None:
        """Check real signatures against the receiver's own transaction: they must be as good as the model says."""
        new = commitment(channel, View.LOCAL_NEXT)
        modelled = _modelled_check(channel, message, new)
        what = f"the signatures of commitment {new.number} that {NAMES[party]} received"
        try:
            found = self.parties[party].check(new, payload)
        except NoSuchCommitment as impossible:
            raise Disagreement(what, modelled.value, f"there is no such transaction: {impossible}") from impossible
        if found is not modelled:
            raise Disagreement(what, modelled.value, found.value)

    def _probe_held(self, party: int) -> None:
        """Ask consensus about a commitment just received: it could be published at once."""
        held = self.parties[party].held[-1]
        if self._probing and held is not None:
            self.probes += 1
            number = len(self.parties[party].held) - 1
            refusal = self.reality.refusal(self.parties[party].complete(number))
            if refusal is not None:
                what = f"commitment {number} of {NAMES[party]}"
                raise Disagreement(what, "that it is signed", f"consensus: {refusal}")

    def _verify_secret(self, party: int, channel: Channel, message: RevokeAndAck, payload: Revelation) -> None:
        number = channel.remote_revocations
        modelled = message.per_commitment_secret == number
        found = self.parties[party].belongs(payload, number)
        if found is not modelled:
            raise Disagreement(
                f"the secret of commitment {number} that {NAMES[party]} received",
                "right" if modelled else "wrong",
                "right" if found else "wrong",
            )

    def _compare_secrets(self, party: int, channel: Channel) -> None:
        for number in range(channel.remote_revocations):
            modelled, found = knows_secret(channel, number), self.parties[party].knows_secret(number)
            if modelled is not found:
                what = f"whether {NAMES[party]} can derive the secret of commitment {number}"
                raise Disagreement(what, "yes" if modelled else "no", "yes" if found else "no")

    # --- the chain ---

    def _publish(self, move: Move, before: World, after: World) -> str:
        index = int(move.detail.split()[1])
        signed = before.history[move.party][index].signature.signed
        assert signed is not None, "only signed commitments are published"
        self.covered["confirmed commitment"] += 1
        transaction = self.reality.publish(move.party, index, signed, after.ledger)
        return f"block {self.reality.chain.height()}: transaction {txid_to_hex(transaction.txid())}"

    def _spend(self, move: Move, before: World) -> str:
        index, kind, use = move.detail.split()
        entry = before.ledger.unspent[int(index)]
        path = path_of(Kind(kind), Use(use))
        self.covered[f"confirmed {path.use}"] += 1
        transaction = self.reality.spend(move.party, int(index), entry, path)
        return f"transaction {txid_to_hex(transaction.txid())}"


def _modelled_check(channel: Channel, message: CommitmentSigned, new: Commitment) -> SignatureCheck:
    """What the model's facts say about the signatures of a message, in the order of BOLT 2's rules.

    B02-commitment-signed-r-01, B02-commitment-signed-r-02, B02-commitment-signed-r-03.
    """
    if not message.signature.covers(new):
        return SignatureCheck.BAD_SIGNATURE
    if message.num_htlcs != untrimmed_count(channel, View.LOCAL_NEXT, LOCAL):
        return SignatureCheck.WRONG_NUMBER
    return SignatureCheck.VALID if message.htlc_signatures.covers(new) else SignatureCheck.BAD_HTLC_SIGNATURE
