"""One channel without input or output: messages and intentions go in, messages and happenings come out.

The specification decides; the machine translates between its facts and bytes, and keeps the record that both belong
to. Whoever drives it takes the outbox, makes the record durable, and only then lets the outbox go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from boltnode.channels import happenings, intentions, opening_facts
from boltnode.channels.changes import newly_published, without_gone_htlcs
from boltnode.channels.happenings import Outbox, Turn
from boltnode.channels.hearing import Ear, opening_terms
from boltnode.channels.keys import ChannelKeys
from boltnode.channels.onions import failure_text, opened
from boltnode.channels.policy import MOST_CLOSING_TRANSACTIONS
from boltnode.channels.record import Answer, ChannelRecord, Closer, OfferedHtlc, ReceivedHtlc
from boltnode.channels.speaking import Mouth
from boltspec.chain.leaving import has_heard
from boltspec.channel import Channel
from boltspec.closing import legacy
from boltspec.closing.messages import Shutdown
from boltspec.closing.state import ClosingPolicy
from boltspec.commitment import Commitment
from boltspec.establishment.accepter import next_funding_signed
from boltspec.establishment.funding import FundingSeen
from boltspec.establishment.funding import Outpoint as OutpointFact
from boltspec.establishment.messages import (
    AcceptChannel,
    FundingCreated,
    FundingSigned,
    OpenChannel,
)
from boltspec.establishment.opener import next_funding_created
from boltspec.htlc import LOCAL, Htlc
from boltspec.lifetime.messages import Message
from boltspec.lifetime.owed import is_resending, owed, resent
from boltspec.lifetime.resuming import disconnected
from boltspec.lifetime.state import End, Life, failed, forgotten
from boltspec.lifetime.steps import Spent, look, publish_funding_transaction, react, receive, send
from boltspec.messages import (
    ChannelReestablish,
    CommitmentSigned,
    UpdateAddHtlc,
    UpdateFee,
)
from boltspec.rules import Reaction
from boltspec.units import FeeratePerKw, Height, Msat
from boltspec.verdict import Refused, Rejected
from boltwire import messages as wire
from boltwire.channel_id import channel_id_v1
from boltwire.channel_terms import ChannelTerms, name_of_hash
from boltwire.onion.keys import NodeKey
from boltwire.scripts import funding_script, p2wsh
from boltwire.transaction import Outpoint

BEHIND = "we have lost data, as you have shown: please close the channel, we must not"
"""What the peer is asked when it has proved that what we know is out of date (B02-retransmission-r-04)."""
BEYOND_MEANS = "what we have left in the channel does not pay the least closing fee that we would pay"
"""Why a channel is failed rather than closed together with the peer (D02-closing-signed-f-01)."""
NO_COMMON_RANGE = "B02-closing-signed-r-07"
CLOSES_CONNECTION = (Reaction.WARN_AND_CLOSE, Reaction.CLOSE)


class ChannelMachine:
    """A channel of this node."""

    def __init__(self, record: ChannelRecord, keys: ChannelKeys, node_key: NodeKey) -> None:
        """Take up the channel where its record says that it stands."""
        self.record = record
        self.keys = keys
        self.features: tuple[str, ...] = ()
        """Names of the features that were negotiated on the present connection."""
        self.upfront = b""
        """The script that we commit to while the channel is opened."""
        self._node_key = node_key
        self._out = Outbox()
        self._terms: ChannelTerms | None = None
        self._proposed_close = False
        self.disputes_range = False
        """The peer's last ``fee_range`` on this connection has nothing in common with ours."""

    # --- what there is ---

    @property
    def life(self) -> Life:
        """The specification's state."""
        return self.record.life

    @property
    def channel(self) -> Channel | None:
        """The channel, once both first commitments are signed."""
        return self.life.channel

    @property
    def terms(self) -> ChannelTerms | None:
        """The constants of the channel, once there is a funding output."""
        if self._terms is None and self.record.funding is not None and self.record.remote is not None:
            self._terms = opening_terms(self.record, self.keys)
        return self._terms

    @property
    def funding_script(self) -> bytes:
        """The script of the funding output. ValueError before the peer's key is known."""
        if self.record.remote is None:
            raise ValueError("the peer's funding key is not known yet")
        ours = self.keys.announced.funding_pubkey.encoded
        return p2wsh(funding_script(ours, self.record.remote.funding_pubkey))

    @property
    def is_over(self) -> bool:
        """The specification has forgotten the channel: nothing of it is kept."""
        return self.life.end is End.FORGOTTEN

    def take(self) -> Turn:
        """The record to be stored, and what may leave afterwards."""
        out, self._out = self._out, Outbox()
        return Turn(self.record, out)

    @property
    def has_news(self) -> bool:
        """There is something to store or to send."""
        out = self._out
        return out.changed or bool(out.messages or out.happenings or out.transactions) or out.hang_up is not None

    # --- the peer ---

    def connected(self, features: tuple[str, ...]) -> None:
        """The peer is there; nothing was said about the channel yet."""
        self.features = features
        self._proposed_close = self.disputes_range = False

    def disconnected(self) -> None:
        """The peer is gone, and all that was under way."""
        self._move(disconnected(self.life))
        self._out.messages.clear()

    def hear(self, message: wire.Message) -> None:
        """Take a message of the peer. MessageError for one that means nothing."""
        record = self.record
        ear = Ear(record, self.keys, self.terms, self.features, self._open_onion, failure_text)
        heard = ear.hear(message)
        learnt = dict(heard.learnt)
        life: Life = learnt.pop("life", record.life)
        verdict = receive(life, heard.fact)
        if isinstance(verdict, Rejected):
            self._react(verdict)
            return
        if record.life.end is not End.NONE:
            self._move(verdict.state)
            return
        if isinstance(message, wire.ClosingComplete) and _is_one_too_many(record.life, verdict.state):
            self.part(f"more than {MOST_CLOSING_TRANSACTIONS} closing transactions")
            return
        if learnt:
            self.record = replace(record, **learnt)
            self._out.changed = True
        if isinstance(message, wire.UpdateFulfillHtlc):
            self._note_paid(message)
        self._move(verdict.state)
        self._note_heard(heard.fact)

    def _open_onion(self, message: wire.UpdateAddHtlc) -> ReceivedHtlc:
        return opened(message, self._node_key)

    def _react(self, verdict: Rejected) -> None:
        """Do what the specification prescribes when the peer breaks a rule."""
        numbers = ", ".join(f"{name}={value}" for name, value in verdict.numbers.items())
        self._explain(f"{verdict.rule}: {numbers}"[:300])
        self.disputes_range = self.disputes_range or verdict.rule == NO_COMMON_RANGE
        if verdict.reaction in CLOSES_CONNECTION:
            self._warn_and_hang_up()
        self._move(react(self.life, verdict))

    def _warn_and_hang_up(self) -> None:
        words = self.record.failure.encode("ascii", "replace")
        self._out.messages.append(wire.Warning(channel_id=self.record.channel_id, data=words))
        self._out.hang_up = self.record.failure

    def part(self, reason: str) -> None:
        """Close the connection of our own accord: the peer is told why, and may come back."""
        self._explain(reason)
        self._warn_and_hang_up()
        self._move(disconnected(self.life))

    def _explain(self, reason: str) -> None:
        self.record = replace(self.record, failure=reason)
        self._out.changed = True

    def _note_paid(self, message: wire.UpdateFulfillHtlc) -> None:
        htlc = self.channel.htlcs.find(LOCAL, message.id) if self.channel is not None else None
        if htlc is not None:
            paid = happenings.Paid(message.payment_preimage, int(htlc.amount_msat))
            self._out.happenings.append(paid)

    def _note_heard(self, fact: Message) -> None:
        match fact:
            case AcceptChannel():
                self._out.happenings.append(happenings.TermsAgreed())
            case FundingCreated():
                self._say(next_funding_signed(self.life.establishment))
            case FundingSigned():
                self._out.happenings.append(happenings.FundingSigned())
            case ChannelReestablish():
                self._note_resumed()
            case Shutdown() if self.record.closer is None:
                self.record = replace(self.record, closer=Closer.REMOTE)
            case _:
                pass

    def _note_resumed(self) -> None:
        """The peer has shown whether we have lost data."""
        channel = self.channel
        if channel is None:
            return
        if self.record.restored and has_heard(channel):
            self.record = replace(self.record, restored=False)
            self._out.changed = True
        if channel.behind and self.life.end is End.NONE:
            self._explain(BEHIND)

    # --- one state after the other ---

    def _move(self, life: Life) -> None:
        """Go to another state, and note what has become of HTLCs, closing transactions and the channel itself."""
        before = self.record.life
        if life is before:
            return
        self.record = replace(self.record, life=life)
        self._out.changed = True
        if before.channel is not None and life.channel is not None and before.channel.htlcs is not life.channel.htlcs:
            self.record, happened = without_gone_htlcs(self.record, before.channel, life.channel)
            self._out.happenings += happened
        if life.closing is not None and before.closing is not None:
            raws = newly_published(self.record, self.terms, self.keys, before.closing, life.closing)
            self.record = replace(self.record, closing_transactions=(*self.record.closing_transactions, *raws))
            self._out.transactions += raws
        if life.end is End.FAILED and before.end is End.NONE:
            self._out.happenings.append(happenings.Failed(self.record.failure))

    # --- saying ---

    def _say(self, fact: Message) -> Refused | None:
        """Send a message, unless the specification refuses it."""
        verdict = send(self.life, fact)
        if isinstance(verdict, Refused):
            return verdict
        self._write(fact)
        self._move(verdict.state)
        return None

    def _write(self, fact: Message) -> None:
        signed = _signed_by(fact)
        if signed is not None:
            self._out.signed.append(signed)
        self._out.messages.append(Mouth(self.record, self.keys, self.terms, self.upfront).say(fact))

    def speak(self) -> None:
        """Say everything that is owed now, and what was wished for and could not be said before.

        Nothing more is said on a connection that is about to be closed.
        """
        if self._out.hang_up is not None:
            return
        self._volunteer(*intentions.answers(self.record))
        self._volunteer(intentions.goodbye(self.record))
        self._say_owed()
        self._volunteer(intentions.readiness(self.record))
        self._volunteer(intentions.goodbye(self.record))
        self._propose_close()
        self._give_up_close()

    def _say_owed(self) -> None:
        """Say what the specification says is owed, until nothing is."""
        while True:
            if is_resending(self.life):
                for fact in owed(self.life):
                    self._write(fact)
                self._move(resent(self.life))
                self._volunteer(*intentions.answers(self.record))
                continue
            due = owed(self.life)
            if not due or self._say(due[0]) is not None:
                break

    def _volunteer(self, *facts: Message | None) -> None:
        """Say what we intend to, as far as the specification lets it out."""
        for fact in facts:
            if fact is not None:
                self._say(fact)

    # --- opening ---

    def propose(self, fact: OpenChannel) -> Refused | None:
        """Propose the channel."""
        return self._say(fact)

    def accept(self, fact: AcceptChannel) -> Refused | None:
        """Accept the peer's proposal."""
        return self._say(fact)

    def fund(self, txid: bytes, vout: int, outputs: Iterable[tuple[int, bytes]]) -> Refused | None:
        """Name the funding output of our transaction: id in hash order, amounts and scripts of its outputs."""
        funding = OutpointFact(opening_facts.output_facts(outputs, self.funding_script), vout)
        real = Outpoint(txid, vout)
        self.record = replace(self.record, funding=real, channel_id=channel_id_v1(txid, vout))
        return self._say(next_funding_created(self.life.establishment, funding))

    def publish(self) -> Refused | None:
        """Take note that the funding transaction is published from now on."""
        verdict = publish_funding_transaction(self.life, None)
        if isinstance(verdict, Refused):
            return verdict
        self._move(verdict.state)
        return None

    # --- paying ---

    def offer(self, offered: OfferedHtlc, amount_msat: int, payment_hash: bytes, cltv_expiry: int) -> Refused | None:
        """Offer an HTLC; its id must be :attr:`next_id`."""
        before = self.record
        self.record = replace(before, offered=(*before.offered, offered))
        name = name_of_hash(payment_hash)
        refusal = self._say(UpdateAddHtlc(offered.id, Msat(amount_msat), name, Height(cltv_expiry)))
        if refusal is not None:
            self.record = before
        return refusal

    @property
    def next_id(self) -> int:
        """The id of the next HTLC that we offer."""
        return self.channel.next_local_htlc_id if self.channel is not None else 0

    def undecided(self) -> list[tuple[Htlc, ReceivedHtlc]]:
        """HTLCs of the peer that are irrevocably there, and about which nothing is decided."""
        return intentions.undecided(self.record)

    def decide(self, htlc_id: int, answer: Answer) -> None:
        """Decide what becomes of a received HTLC, once and for all connections."""
        entries = (replace(entry, answer=answer) if entry.id == htlc_id else entry for entry in self.record.received)
        self.record = replace(self.record, received=tuple(entries))
        self._out.changed = True

    def change_fee(self, feerate_per_kw: int) -> Refused | None:
        """Change the feerate of the commitments, as the opener."""
        return self._say(UpdateFee(FeeratePerKw(feerate_per_kw)))

    # --- closing ---

    def close(self, policy: ClosingPolicy) -> None:
        """Close the channel together with the peer, as soon as that may be said."""
        closing = self.life.closing
        if closing is not None:
            self._move(replace(self.life, closing=replace(closing, policy=policy)))
        self.record = replace(self.record, closer=self.record.closer or Closer.LOCAL)
        self._out.changed = True

    def _propose_close(self) -> None:
        """Propose a closing transaction of ours, once per connection."""
        fact = None if self._proposed_close else intentions.closing_proposal(self.life)
        if fact is not None:
            self._proposed_close = True
            self._say(fact)

    def _give_up_close(self) -> None:
        """Fail the channel if the negotiation of a closing fee, which is ours to begin, can never begin."""
        closing = self.life.closing
        if closing is not None and legacy.must_fail_for_want_of_means(closing):
            self.fail(BEYOND_MEANS)
            self._say_owed()

    def fail(self, reason: str) -> None:
        """Fail the channel of our own accord: the peer is told, and our commitment goes on chain."""
        if self.life.end is End.NONE:
            self._explain(reason)
            self._move(failed(self.life, owes_error=True))

    def forget(self, reason: str) -> None:
        """Forget the channel, of which no transaction is on the chain; a peer that is there is told."""
        self._explain(reason)
        words = reason.encode("ascii", "replace")
        self._out.messages.append(wire.Error(channel_id=self.record.channel_id, data=words))
        self._move(forgotten(self.life))

    # --- the chain ---

    def may_have_lost_data(self) -> None:
        """The record comes from an old copy, perhaps: our commitment is not published until the peer is heard."""
        if self.channel is not None:
            self.note(restored=True)

    def note(self, **fields: int | bytes | None) -> None:
        """Change what the record says of the chain: heights and the spending transaction."""
        self.record = replace(self.record, **fields)  # type: ignore[arg-type]
        self._out.changed = True

    def see(self, seen: FundingSeen, spent: Spent) -> None:
        """Look at the chain."""
        self._move(look(self.life, seen, spent))


def _is_one_too_many(before: Life, after: Life) -> bool:
    """Whether a closing transaction has come to as many as we keep."""
    counts = [0 if life.closing is None else len(life.closing.published) for life in (before, after)]
    return counts[1] > max(counts[0], MOST_CLOSING_TRANSACTIONS)


def _signed_by(fact: Message) -> Commitment | None:
    """The commitment of the peer that a message signs."""
    match fact:
        case CommitmentSigned(signature):
            return signature.signed
        case FundingCreated() | FundingSigned():
            return None if fact.signature.signed is None else fact.signature.signed.commitment
        case _:
            return None
