"""What the rules forbid in the life of a channel: wrong at its time, wrong in a number, or of another phase.

The temptations of the parts are put together here: each part knows the forbidden forms of its own messages. A corrupt
party sends them at any time (:func:`abuses`).
"""

from __future__ import annotations

from collections.abc import Iterator

from boltspec.closing.messages import (
    ClosingComplete,
    ClosingSig,
    ClosingSignature,
    ClosingSigned,
    ClosingTlvs,
    FundingMessage,
    Shutdown,
)
from boltspec.closing.proposals import Progress
from boltspec.closing.proposals import proposals as closing_proposals
from boltspec.closing.scenario import CloseScenario, Menu
from boltspec.closing.scripts import Form, Script
from boltspec.closing.state import Closing
from boltspec.closing.transaction import ClosingDetails
from boltspec.establishment.messages import ChannelReestablish as OpeningReestablish
from boltspec.establishment.proposals import proposals as opening_proposals
from boltspec.establishment.state import Role
from boltspec.lifetime.messages import Message
from boltspec.lifetime.scenario import LifeScenario
from boltspec.lifetime.state import Life
from boltspec.lifetime.steps import send
from boltspec.messages import (
    BADONION,
    NO_SECRET,
    ChannelReestablish,
    CommitmentSigned,
    RevokeAndAck,
    Signature,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltspec.proposals import proposals as dance_proposals
from boltspec.rules import EVERY_RULE, without
from boltspec.scenario import FeeWish, Scenario, Wish
from boltspec.units import FeeratePerKw, Height, Msat, Sat
from boltspec.verdict import Accepted

EXPIRY, PAST = Height(500), Height(500_000_000)
UNKNOWN_SCRIPT = Script(Form.OTHER, 9, "unknown")
FEE, LITTLE_FEE = Sat(1_000), Sat(1)
MENU = Menu(fees=(FEE, LITTLE_FEE), scripts=(UNKNOWN_SCRIPT,))
DETAILS = ClosingDetails(UNKNOWN_SCRIPT, UNKNOWN_SCRIPT, FEE)
NOTHING_SIGNED = Signature(None)
LAWFUL_MSAT = Msat(50_000_000)
ADDS = (
    (LAWFUL_MSAT, EXPIRY, 0),
    (Msat(0), EXPIRY, 0),
    (Msat(90_000_000_000), EXPIRY, 0),
    (LAWFUL_MSAT, PAST, 0),
    (LAWFUL_MSAT, EXPIRY, 1),
)
"""Amount, expiry and how far the id is off: all but the first break one rule."""
FEERATES = (FeeratePerKw(1), FeeratePerKw(1_200), FeeratePerKw(100_000_000))
TIMELESS: tuple[Message, ...] = (
    UpdateAddHtlc(0, LAWFUL_MSAT, 1, EXPIRY),
    UpdateFulfillHtlc(0, 1),
    UpdateFailHtlc(0),
    UpdateFailMalformedHtlc(0, BADONION),
    UpdateFee(FeeratePerKw(1_200)),
    CommitmentSigned(NOTHING_SIGNED, 0, NOTHING_SIGNED),
    RevokeAndAck(0),
    ChannelReestablish(1, 0, NO_SECRET),
    Shutdown(UNKNOWN_SCRIPT),
    ClosingSigned(FEE, ClosingSignature(None)),
    ClosingComplete(DETAILS, ClosingTlvs()),
    ClosingSig(DETAILS, ClosingTlvs()),
)
"""One message of each type that needs a channel, as they can be made without one."""


def temptations(life: Life, scenario: LifeScenario, party: int) -> Iterator[tuple[str, Message]]:
    """Yield messages, by label, of every phase: as good as they can be made now, and with one flaw."""
    for label, opening in opening_proposals(life.establishment, scenario.opening, Role(party), tempted=True):
        if not isinstance(opening, OpeningReestablish):
            yield label, opening
    for message in TIMELESS:
        yield f"{type(message).__name__} made up", message
    if life.closing is not None:
        yield from _of_channel(life.closing, party)


def _of_channel(closing: Closing, party: int) -> Iterator[tuple[str, Message]]:
    adds = tuple(Wish(party, amount, 1, expiry, off) for amount, expiry, off in ADDS)
    wishes: tuple[Wish | FeeWish, ...] = (*adds, *(FeeWish(party, rate) for rate in FEERATES))
    channel = closing.channel
    dance = Scenario("", "", channel.params, Msat(0), wishes, malformed=True, disconnections=1)
    for proposal in dance_proposals(channel, dance, party, 0, tempted=True):
        yield proposal.label, proposal.message
    close = CloseScenario(
        "", "", channel.params, Msat(0), closing.features, (closing.policy, closing.policy), menu=MENU
    )
    for wanted in closing_proposals(closing, close, party, Progress(), tempted=True):
        if not isinstance(wanted.message, FundingMessage):
            yield f"{wanted.label} to close", wanted.message


def abuses(scenario: LifeScenario, party: int, life: Life) -> tuple[tuple[str, Message, Life], ...]:
    """Return what a corrupt party may say, whatever its rules are: label, message, and its state after it."""
    found: dict[Message, tuple[str, Life]] = {}
    for label, message in temptations(life, scenario, party):
        if message not in found:
            found[message] = (label, _against_the_rules(life, message))
    return tuple((label, message, after) for message, (label, after) in found.items())


def _against_the_rules(life: Life, message: Message) -> Life:
    with without(EVERY_RULE):
        verdict = send(life, message)
    return verdict.state if isinstance(verdict, Accepted) else life
