"""The specification's own life of a channel, beside a node: driven by what went over the wire and what the chain shows.

Loaded by conftest.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import facts  # type: ignore[import-not-found]
from facts import Known, Meaningless

from boltchain.block import Block
from boltspec.channel import Link
from boltspec.establishment.funding import (
    COINBASE_MATURITY,
    NOT_SEEN,
    FundingOutput,
    FundingSeen,
    Script,
    Transaction,
)
from boltspec.establishment.funding import Outpoint as OutpointFact
from boltspec.establishment.messages import ChannelReady, FundingCreated, FundingSigned
from boltspec.establishment.state import (
    ACCEPTER,
    OPENER,
    OUR_TURN,
    THEIR_TURN,
    agreed_channel_type,
    first_commitment,
    params_of,
)
from boltspec.htlc import LOCAL, REMOTE, Side
from boltspec.lifetime.messages import Error, Message, Warning  # noqa: A004  # the BOLT's name
from boltspec.lifetime.owed import is_resending, owed, resent
from boltspec.lifetime.resuming import disconnected
from boltspec.lifetime.state import End, Life, failed
from boltspec.lifetime.steps import Spent, look, publish_funding_transaction, react, receive, send
from boltspec.messages import ChannelReestablish
from boltspec.rules import Reaction
from boltspec.units import Blocks, Sat
from boltspec.verdict import Accepted, Rejected
from boltwire import messages as wire
from boltwire.channel_id import channel_id_v1
from boltwire.channel_terms import ChannelTerms
from boltwire.codec import encode_message
from boltwire.points import invalid_points
from boltwire.scid import ShortChannelId
from boltwire.scripts import funding_script, p2wsh
from boltwire.transaction import Outpoint, parse_transaction

COUNTED: Final = Blocks(int(COINBASE_MATURITY) + 44)
"""Beyond so many confirmations nothing asks for more: a node need not count them."""
UNSEEN: Final = Transaction(())
AGAIN: Final = (wire.UpdateAddHtlc, wire.UpdateFulfillHtlc, wire.UpdateFailHtlc, wire.UpdateFailMalformedHtlc)


class Astray(AssertionError):
    """The node has left the specification's way."""


class Mirror:
    """One channel, as the node in a seat must see it."""

    def __init__(self, life: Life, known: Known, channel_id: bytes, raw_of: Callable[[bytes], bytes]) -> None:
        self.life, self.known, self.channel_id = life, known, channel_id
        self.temporary_id = channel_id
        self.raw_of = raw_of
        """The transaction of an id that the opener names before anybody has seen it."""
        self.due: tuple[Message, ...] = ()
        """What is still to be sent again."""
        self.words: dict[tuple[type, int], bytes] = {}
        """What was said of HTLCs and commitments, to be said again with the same bytes."""
        self.ends_connection = False
        """What was heard last must end the connection."""
        self.is_spoken_for = False
        """The opener's signature, or the fundee's, is out: the channel has to be kept."""
        self.funding_height: int | None = None

    def copy(self) -> Mirror:
        """A mirror that goes its own way."""
        other = Mirror(self.life, self.known.copy(), self.channel_id, self.raw_of)
        other.temporary_id, other.due, other.words = self.temporary_id, self.due, dict(self.words)
        other.is_spoken_for, other.funding_height = self.is_spoken_for, self.funding_height
        return other

    def __contains__(self, channel_id: bytes) -> bool:
        return channel_id in (self.channel_id, self.temporary_id)

    # --- messages ---

    def said(self, message: wire.Message) -> None:
        """The node has said something: the specification lets it."""
        again = self._is_again(message)
        try:
            fact = self._fact(message, LOCAL, again=again)
        except Meaningless as error:
            raise Astray(f"the node says what means nothing: {message}") from error
        if again:
            self._said_again(message, fact)
            return
        verdict = send(self.life, fact)
        if not isinstance(verdict, Accepted):
            raise Astray(f"the node says what it may not: {verdict} {fact}")
        self.life = verdict.state
        self._remember(message)
        self.is_spoken_for |= isinstance(fact, FundingSigned)

    def _is_again(self, message: wire.Message) -> bool:
        """Whether what is said now was said before: that goes first once both have resumed."""
        if isinstance(message, wire.Error | wire.Warning | wire.ChannelReestablish | wire.ChannelReady):
            return False
        return bool(self.due) or is_resending(self.life)

    def _said_again(self, message: wire.Message, fact: Message) -> None:
        first, *rest = self.due or owed(self.life)
        if fact != first:
            raise Astray(f"sent again is {fact}, where {first} is due")
        key = self._key(message)
        if self.words.get(key, (words := encode_message(message))) != words:
            raise Astray(f"sent again with other bytes: {fact}")
        self.due = tuple(rest)
        if not rest:
            self.life = resent(self.life)

    def _key(self, message: wire.Message) -> tuple[type, int]:
        assert self.life.channel is not None
        match message:
            case wire.CommitmentSigned():
                return type(message), self.life.channel.remote_commitment_number
            case wire.RevokeAndAck():
                return type(message), self.life.channel.local_revocations
            case _:
                return type(message), getattr(message, "id", 0)

    def _remember(self, message: wire.Message) -> None:
        if self.life.channel is not None and isinstance(message, (*AGAIN, wire.CommitmentSigned, wire.RevokeAndAck)):
            self.words[self._key(message)] = encode_message(message)

    def heard(self, message: wire.Message) -> None:
        """The node was handed something: it must have taken it as the specification does."""
        before = self.known.copy()
        try:
            fact = self._fact(message, REMOTE, again=False)
        except Meaningless:
            self.known, self.ends_connection = before, True
            return
        life = self.life
        if isinstance(message, wire.OpenChannel | wire.AcceptChannel):
            life = self._with_upfront(life, message)
        verdict = receive(life, fact)
        if isinstance(verdict, Rejected):
            self.known = before
            self.ends_connection = verdict.reaction in (Reaction.WARN_AND_CLOSE, Reaction.CLOSE)
            self.life = react(self.life, verdict)
            return
        if self.life.end is not End.NONE:
            self.known = before
        self.life = verdict.state
        if isinstance(fact, FundingSigned) and isinstance(
            published := publish_funding_transaction(self.life, None), Accepted
        ):
            self.life, self.is_spoken_for = published.state, True

    def _with_upfront(self, life: Life, message: wire.OpenChannel | wire.AcceptChannel) -> Life:
        named = message.upfront_shutdown_script
        bound = named and "option_upfront_shutdown_script" in self.known.features
        return replace(life, remote_upfront=facts.script(named) if named and bound else None)

    def _fact(self, message: wire.Message, speaker: Side, *, again: bool) -> Message:
        """The fact that a message states, with what it makes known. Meaningless for one that states none."""
        found: Message = self._read(message, speaker, again=again)
        return found

    def _read(self, message: wire.Message, speaker: Side, *, again: bool) -> Any:  # a table
        known = self.known
        match message:
            case wire.OpenChannel():
                self._introduced(message, speaker)
                return facts.open_channel(message, known.features)
            case wire.AcceptChannel():
                self._introduced(message, speaker)
                return facts.accept_channel(message, known.features)
            case wire.FundingCreated():
                return self._funding_created(message, speaker)
            case wire.FundingSigned():
                return self._funding_signed(message, speaker)
            case wire.ChannelReady():
                if invalid_points(message):
                    raise Meaningless
                known.points[speaker].setdefault(1, message.second_per_commitment_point)
                return ChannelReady(self._funding_fact(), alias=message.short_channel_id)
            case wire.Error():
                return Error()
            case wire.Warning():
                return Warning()
            case wire.ChannelReestablish():
                fact = facts.reestablish(known, speaker, message)
                self._require_own_point(message, fact, speaker)
                return fact
            case _:
                return self._in_channel(message, speaker, again=again)

    def _in_channel(self, message: wire.Message, speaker: Side, *, again: bool) -> Any:
        channel = self.life.channel
        if channel is None:
            return facts.PREMATURE
        match message:
            case wire.CommitmentSigned():
                owner, wanted = facts.next_commitment(self.life, speaker, again=again)
                if wanted.number not in self.known.points[owner]:
                    return facts.CommitmentSigned(
                        facts.Signature(None), len(message.htlc_signature), facts.Signature(None)
                    )
                return facts.commitment_signed(self.known, owner, wanted, message)
            case wire.RevokeAndAck():
                number = channel.local_revocations - again if speaker is LOCAL else channel.remote_revocations
                return facts.revoke_and_ack(self.known, speaker, number, message)
            case wire.Shutdown() | wire.ClosingSigned() | wire.ClosingComplete() | wire.ClosingSig():
                return facts.closing(self.known, self.life, speaker, message)
            case _:
                if isinstance(message, wire.UpdateFulfillHtlc):
                    self.known.preimages.add(message.payment_preimage)
                return facts.update(message)

    def _require_own_point(self, message: wire.ChannelReestablish, fact: ChannelReestablish, speaker: Side) -> None:
        """The point that a node names as its current one is the one that it gave before."""
        given = self.known.points[LOCAL].get(fact.next_commitment_number - 1)
        if speaker is LOCAL and given not in (None, message.my_current_per_commitment_point):
            raise Astray("the node names another point than before as its current one")

    # --- opening ---

    def _introduced(self, message: wire.OpenChannel | wire.AcceptChannel, speaker: Side) -> None:
        if invalid_points(message):
            return
        self.known.announced[speaker] = facts.announced(message)
        self.known.points[speaker] = {0: message.first_per_commitment_point}

    @property
    def funding_script(self) -> bytes:
        """Of the funding output."""
        keys = (self.known.announced[side].funding_pubkey.encoded for side in Side)
        return p2wsh(funding_script(*keys))

    def _funding_fact(self) -> OutpointFact:
        return self.life.establishment.funding or OutpointFact(UNSEEN, 0)

    def _name_funding(self, txid: bytes, vout: int) -> None:
        state, known = self.life.establishment, self.known
        assert state.open_channel is not None
        assert state.accept_channel is not None
        assert state.role is not None
        params = params_of(state.open_channel, state.accept_channel, agreed_channel_type(state), state.role)
        known.funding = Outpoint(txid, vout)
        known.terms = ChannelTerms(params, known.announced[LOCAL], known.announced[REMOTE], known.funding)
        self.channel_id = channel_id_v1(txid, vout)

    def _funding_created(self, message: wire.FundingCreated, speaker: Side) -> FundingCreated:
        state, vout = self.life.establishment, message.funding_output_index
        signature = facts.FundingSignature(None)
        funding = OutpointFact(UNSEEN, vout)
        if state.accept_channel is not None and state.funding is None:
            self._name_funding(message.funding_txid, vout)
            if speaker is LOCAL:
                funding = OutpointFact(self._own_transaction(message.funding_txid), vout)
            first = first_commitment(state, funding, ACCEPTER, OUR_TURN)
            signature = facts.first_signature(self.known, speaker.other, first, message.signature)
            if signature.signed is not None:
                self._note_first(speaker.other, first.commitment, message.signature)
        temporary = int.from_bytes(message.temporary_channel_id, "big")
        return FundingCreated(temporary, funding.funding_txid, vout, signature)

    def _own_transaction(self, txid: bytes) -> Transaction:
        real = parse_transaction(self.raw_of(txid))
        if real.txid() != txid:
            raise Astray("the funding transaction has another id")
        scripts = {self.funding_script: Script.FUNDING}
        return Transaction(
            tuple(
                FundingOutput(Sat(out.amount_sat), scripts.get(out.script_pubkey, Script.FOREIGN))
                for out in real.outputs
            )
        )

    def _funding_signed(self, message: wire.FundingSigned, speaker: Side) -> FundingSigned:
        state = self.life.establishment
        signature = facts.FundingSignature(None)
        if state.funding is not None and self.known.terms is not None:
            first = first_commitment(state, state.funding, OPENER, THEIR_TURN)
            signature = facts.first_signature(self.known, speaker.other, first, message.signature)
            if signature.signed is not None:
                self._note_first(speaker.other, first.commitment, message.signature)
        return FundingSigned(self._funding_fact(), signature)

    def _note_first(self, owner: Side, fact: facts.Commitment, signature: bytes) -> None:
        self.known.signed[owner][fact.number] = (fact, facts.CommitmentSignatures(signature, ()))

    # --- connection, wishes, chain ---

    def parted(self) -> None:
        """The connection is lost."""
        self.life, self.due, self.ends_connection = disconnected(self.life), (), False

    def reborn(self) -> None:
        """The node has been started again: the connection is lost, and the channel's first name."""
        self.parted()
        self.temporary_id = self.channel_id

    def fails(self) -> None:
        """The node has given up of its own accord."""
        self.life = failed(self.life, owes_error=True)

    @property
    def is_over(self) -> bool:
        """There is nothing to be remembered."""
        return self.life.end is End.FORGOTTEN or (self.life.closing is None and self.life.establishment.funding is None)

    @property
    def is_up(self) -> bool:
        """The channel is resumed."""
        return self.life.channel is not None and self.life.channel.link is Link.UP and self.life.end is End.NONE

    def block(self, block: Block, height: int) -> None:
        """The node has seen a block."""
        funding = self.known.funding
        if funding is None:
            return
        for index, transaction in enumerate(block.transactions):
            if transaction.txid == funding.txid:
                self._see_funding(transaction, height, index)
            spent = ((entry.previous.txid, entry.previous.vout) for entry in transaction.inputs)
            if (funding.txid, funding.vout) in spent:
                self.life = look(self.life, self.life.establishment.seen, Spent.COMMITMENT)
        self._count(height)

    def _see_funding(self, transaction: object, height: int, index: int) -> None:
        funding, found = self.known.funding, transaction.outputs  # type: ignore[attr-defined]
        assert funding is not None
        output = found[funding.vout]
        paid = FundingOutput(
            Sat(output.amount_sat), Script.FUNDING if output.script_pubkey == self.funding_script else Script.FOREIGN
        )
        self.funding_height = height
        scid = int(ShortChannelId.of(height, index, funding.vout))
        self.life = look(self.life, FundingSeen(paid, Blocks(1), short_channel_id=scid))

    def _count(self, height: int) -> None:
        if self.funding_height is not None:
            seen = replace(self.life.establishment.seen, confirmations=Blocks(height - self.funding_height + 1))
            self.life = look(self.life, seen)

    def block_gone(self, height: int) -> None:
        """The node has seen that the block of that height, the last one, is no longer there."""
        if self.funding_height == height:
            self.funding_height = None
            self.life = look(self.life, NOT_SEEN)
        else:
            self._count(height - 1)
