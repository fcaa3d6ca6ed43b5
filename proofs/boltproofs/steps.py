"""The steps of the induction: every way in which the state of one node's channel can change.

A message is sent or received, the connection is lost, or what the peer lacked has been sent again. How far the channel
is resumed is enumerated and not symbolic: the specification compares :class:`~boltspec.channel.Link` by identity.

A crash needs no step of its own: the node starts again from a state that it was in before, with its connection lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from boltproofs.arbitrary import Case, ConnectionLost, SentAgain
from boltspec.channel import Channel, Link
from boltspec.htlc import Side
from boltspec.messages import (
    ChannelReestablish,
    CommitmentSigned,
    RevokeAndAck,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltspec.party import receive, send
from boltspec.reestablish import disconnected, retransmitted
from boltspec.verdict import Accepted

MESSAGES: tuple[type, ...] = (
    UpdateAddHtlc,
    UpdateFulfillHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    CommitmentSigned,
    RevokeAndAck,
    ChannelReestablish,
)
HAPPENINGS: dict[type, Any] = {ConnectionLost: disconnected, SentAgain: retransmitted}
"""What changes a channel without a message that is judged."""


@dataclass(frozen=True)
class StepKind:
    """One of the steps."""

    sending: bool
    message: type
    link: Link = Link.UP
    """How far the channel is resumed before the step."""

    def take(self, channel: Channel, message: Any) -> Any:
        """Run the step that runs in the world and in the node."""
        if self.message in HAPPENINGS:
            return Accepted(HAPPENINGS[self.message](channel))
        return send(channel, message) if self.sending else receive(channel, message)

    @property
    def passes_a_message(self) -> bool:
        """Whether a message is sent or received, so that step properties speak of it."""
        return self.message not in HAPPENINGS

    def is_open_to(self, case: Case) -> bool:
        """Say whether the node may ever take the step: the opener alone sets the feerate, other links allow little."""
        if self.message is UpdateFee and self.sending is not (case.opener is Side.LOCAL):
            return False
        if self.message is ChannelReestablish:
            return self.link in (Link.DOWN, Link.RECEIVED if self.sending else Link.SENT)
        return not self.passes_a_message or self.link is Link.UP

    def __str__(self) -> str:
        if not self.passes_a_message:
            what = "lose the connection" if self.message is ConnectionLost else "send again"
        else:
            what = f"{'send' if self.sending else 'receive'} {self.message.__name__}"
        return what if self.link is Link.UP else f"{what}, link {self.link.name.lower()}"


def _at(link: Link) -> tuple[StepKind, ...]:
    messages = tuple(StepKind(sending, message, link) for message in MESSAGES for sending in (True, False))
    again = (StepKind(True, SentAgain, link),) if link is Link.UP else ()
    return (*messages, StepKind(True, ConnectionLost, link), *again)


STEPS_AT: dict[Link, tuple[StepKind, ...]] = {link: _at(link) for link in Link}
"""The steps by how far the channel is resumed before them."""
STEPS: tuple[StepKind, ...] = tuple(step for steps in STEPS_AT.values() for step in steps)
"""All steps."""

MESSAGES_OF: dict[str, tuple[type, ...]] = {
    "adding": (UpdateAddHtlc,),
    "removing": (UpdateFulfillHtlc, UpdateFailHtlc, UpdateFailMalformedHtlc),
    "dust": (UpdateFulfillHtlc, UpdateFee, UpdateAddHtlc),
    "update": (UpdateFee,),
    "commitment": (CommitmentSigned,),
    "revoke": (RevokeAndAck,),
    "retransmission": (RevokeAndAck, ChannelReestablish, ConnectionLost),
}
"""Messages of the sections that rules belong to: only an order of search, the others come after them."""


def steps_by_distance(rule: str) -> list[list[StepKind]]:
    """Return the steps that the rule is likely to guard, those of the same messages, and all others."""
    _, *section, role, _ = rule.split("-")
    messages = MESSAGES_OF.get(section[0], ())
    same = [step for message in messages for step in STEPS if step.message is message]
    # Whoever is exposed by dust is its recipient, who must not send something.
    sending = role == "s" or section[0] == "dust"
    likely = [step for step in same if role not in ("s", "r") or step.sending is sending]
    others = [step for step in reversed(STEPS) if step not in same]
    return [likely, [step for step in same if step not in likely], others]
