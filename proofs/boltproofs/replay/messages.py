"""The messages of a channel made real: signatures that the receiver verifies, secrets that it stores.

Each message of the model has its bytes on a wire of its own beside the model's. What the model takes for a valid
signature must verify against the transaction that the receiver has built for itself; which secrets the model says a
party can derive, its store must yield. A lost connection takes the bytes off the wires as well, and a party that starts
again from an earlier state has the signatures and secrets of that state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.keyring import Keyring
from boltproofs.replay.party import POINTS_AT_FIRST, Party, Revelation
from boltproofs.replay.terms import Funding
from boltspec.chain.enforcement import knows_secret
from boltspec.channel import Channel
from boltspec.commitment import Commitment, View, commitment, untrimmed_count
from boltspec.htlc import LOCAL
from boltspec.messages import CommitmentSigned, Message, RevokeAndAck
from boltspec.move import Move
from boltspec.params import Params
from boltspec.scenario import NAMES
from boltspec.world import World
from boltwire.channel_terms import NoSuchCommitment
from boltwire.commitment_signatures import CommitmentSignatures, SignatureCheck
from boltwire.secp256k1 import PrivateKey
from boltwire.transaction import Transaction

Payload = CommitmentSignatures | Revelation | None
"""The bytes that go with a message; ``None`` where the model's message says it all."""
Consensus = Callable[[Transaction], str | None]
"""Why consensus would refuse a transaction now; ``None`` if it would not."""


class Messages:
    """Both parties of a channel, and what is on its way between them."""

    def __init__(self, params: Params, rings: tuple[Keyring, Keyring], funding: Funding) -> None:
        """``params`` are seen from seat 0."""
        self.parties = (
            Party(rings[0], rings[1].announced, params, funding),
            Party(rings[1], rings[0].announced, params.mirrored(), funding),
        )
        self._wires: tuple[deque[Payload], deque[Payload]] = (deque(), deque())

    def begin(self, world: World, signed: tuple[tuple[CommitmentSigned, ...], tuple[CommitmentSigned, ...]]) -> None:
        """Give both parties what they have in a world with empty wires: signatures, and secrets of revoked commitments.

        ``signed[p]`` says how each commitment of party p was signed (at first ``funding_created``, ``funding_signed``).
        """
        for party, peer in ((0, self.parties[1]), (1, self.parties[0])):
            first = [peer.keys.point_of(number) for number in range(POINTS_AT_FIRST)]
            self.parties[party].receive_points(tuple(first))
        for party, peer in ((0, self.parties[1]), (1, self.parties[0])):
            for message in signed[party]:
                self._take_at_first(party, message, peer)
                number = len(self.parties[party].held) - 1
                if number > 0:
                    peer.keep(self.parties[party].reveal(number - 1, number + 1), number - 1)
        for party in (0, 1):
            self._compare(party, world.nodes[party])

    def _take_at_first(self, party: int, message: CommitmentSigned, peer: Party) -> None:
        first, signatures = message.signature.signed, peer.sign(message)
        assert first is not None, "honest parties have signed it"
        if (found := self.parties[party].check(first, signatures)) is not SignatureCheck.VALID:
            raise Disagreement(f"commitment {first.number} of {NAMES[party]}", "that it is signed", found.value)
        self.parties[party].hold(first, signatures)

    def secret(self, party: int, number: int) -> PrivateKey | None:
        """The secret that a party's store yields for its peer's commitment of that number."""
        return self.parties[party].secret(number)

    def step(self, before: World, move: Move, after: World, consensus: Consensus | None) -> str:
        """Make a move of the model; say what became of it. :class:`Disagreement` when reality does not follow.

        ``consensus`` is asked whether a commitment just received could be published at once.
        """
        note = ""
        match move.action:
            case "send":
                self._send(move.party, before, after)
            case "deliver":
                note = self._deliver(move.party, before, after, consensus)
            case "crash" | "restore":
                self.parties[move.party].restart(after.nodes[move.party])
                self._compare(move.party, after.nodes[move.party])
            case "disconnect" | "ask":
                pass
            case _:
                raise ValueError(f"no such action: {move}")
        for wire, real in zip(after.wires, self._wires, strict=True):
            if not wire:
                real.clear()
        return note

    def _send(self, party: int, before: World, after: World) -> None:
        for message in after.wires[party][len(before.wires[party]) :]:
            self._wires[party].append(self._payload(party, message, after.nodes[party]))

    def _payload(self, party: int, message: Message, sender: Channel) -> Payload:
        match message:
            case CommitmentSigned():
                return self.parties[party].sign(message)
            case RevokeAndAck():
                following = sender.local_revocations - 1 + POINTS_AT_FIRST
                return self.parties[party].reveal(message.per_commitment_secret, following)
            case _:
                return None

    def _deliver(self, party: int, before: World, after: World, consensus: Consensus | None) -> str:
        message, payload = before.wires[1 - party][0], self._wires[1 - party].popleft()
        channel, accepted = before.nodes[party], after.nodes[party] != before.nodes[party]
        match message, payload:
            case CommitmentSigned(), CommitmentSignatures():
                in_turn = channel.local_commitment_number == channel.local_revocations
                if in_turn or accepted:  # else it is refused without a look at the signatures
                    self._verify(party, channel, message, payload)
                if accepted:
                    self.parties[party].hold(message.signature.signed, payload)
                    self._compare(party, after.nodes[party])
                    self._probe_held(party, consensus)
            case RevokeAndAck(), Revelation():
                in_turn = channel.remote_revocations < channel.remote_commitment_number
                if in_turn or accepted:
                    self._verify_secret(party, channel, message, payload)
                if accepted:
                    self.parties[party].keep(payload, channel.remote_revocations)
                    self._compare(party, after.nodes[party])
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

    def _probe_held(self, party: int, consensus: Consensus | None) -> None:
        held = self.parties[party].held[-1]
        if consensus is None or held is None:
            return
        number = len(self.parties[party].held) - 1
        refusal = consensus(self.parties[party].complete(number))
        if refusal is not None:
            raise Disagreement(f"commitment {number} of {NAMES[party]}", "that it is signed", f"consensus: {refusal}")

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

    def _compare(self, party: int, channel: Channel) -> None:
        """A party must hold the commitments and be able to derive the secrets that the model says, and no others."""
        held = len(self.parties[party].held) - 1
        if held != channel.local_commitment_number:
            what = f"the newest commitment that {NAMES[party]} holds"
            raise Disagreement(what, f"number {channel.local_commitment_number}", f"number {held}")
        for number in range(channel.remote_commitment_number + 1):
            modelled, found = knows_secret(channel, number), self.parties[party].knows_secret(number)
            if modelled is not found:
                what = f"whether {NAMES[party]} can derive the secret of commitment {number}"
                raise Disagreement(what, "yes" if modelled else "no", "yes" if found else "no")


def _modelled_check(channel: Channel, message: CommitmentSigned, new: Commitment) -> SignatureCheck:
    """What the model's facts say about the signatures of a message, in the order of BOLT 2's rules.

    B02-commitment-signed-r-01, B02-commitment-signed-r-02, B02-commitment-signed-r-03.
    """
    if not message.signature.covers(new):
        return SignatureCheck.BAD_SIGNATURE
    if message.num_htlcs != untrimmed_count(channel, View.LOCAL_NEXT, LOCAL):
        return SignatureCheck.WRONG_NUMBER
    return SignatureCheck.VALID if message.htlc_signatures.covers(new) else SignatureCheck.BAD_HTLC_SIGNATURE
