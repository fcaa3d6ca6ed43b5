"""Requirements that are met by construction: each is built otherwise once, and the property named for it breaks.

What is planted is a fault that an implementation may well have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import pytest

from boltproofs.explorer.search import search
from boltproofs.families import SCENARIOS
from boltproofs.security import numbers
from boltproofs.security.proof import prove_security
from boltproofs.solving import Task
from boltspec import party, reestablish
from boltspec.chain import overdue
from boltspec.chain.deadlines import timeout_deadline
from boltspec.channel import Channel, Link
from boltspec.closing import simple
from boltspec.closing.transaction import simple_transaction
from boltspec.commitment import View
from boltspec.htlc import LOCAL, REMOTE, Side
from boltspec.htlcs import Htlcs
from boltspec.rules import Reaction, constructions, without
from boltspec.update import receive_update_add_htlc
from boltspec.verdict import Accepted, Rejected

Change = Callable[[Channel, Channel], Channel]
"""From the state before a step and the right one after it to a wrong one."""
Planting = Callable[[], AbstractContextManager[object]]
HONEST_PAYMENT = SCENARIOS["dance-a"]
TWO_PAYMENTS = replace(HONEST_PAYMENT, wishes=HONEST_PAYMENT.wishes * 2)
"""From the same party, with the same payment hash."""
LOST = SCENARIOS["resume-a"]


@dataclass(frozen=True)
class Fault:
    """Something that is built otherwise, and the world in which that is looked at."""

    planted: Planting
    scenario: Any


def after(step: str, change: Change) -> Planting:
    """The step of the dance has another outcome."""
    right = getattr(party, step)

    def wrong(channel: Channel, message: object) -> object:
        verdict = right(channel, message)
        return Accepted(change(channel, verdict.state)) if isinstance(verdict, Accepted) else verdict

    return lambda: patch.object(party, step, wrong)


def when_lost(change: Change) -> Planting:
    """A channel is another one after the connection was lost."""

    def wrong(channel: Channel, **fields: Any) -> Channel:
        changed = replace(channel, **fields)
        return change(channel, changed) if fields.get("link") is Link.DOWN else changed

    return lambda: patch.object(reestablish, "replace", wrong)


def refuses_same_hash(channel: Channel, message: Any) -> object:
    """A node that takes an HTLC for one that it has because both are paid with the same preimage."""
    if any(htlc.payment_hash == message.payment_hash for htlc in channel.htlcs.items):
        return Rejected("the same payment hash", Reaction.FAIL_CHANNEL)
    return receive_update_add_htlc(channel, message)


def closes_otherwise(side: Side) -> Planting:
    """One side of a close has another lock time in its transaction than the message says."""

    def wrong(channel: Channel, closer: Side, details: Any, *others: Any) -> object:
        changed = replace(details, locktime=details.locktime + 1) if closer is side else details
        return simple_transaction(channel, closer, changed, *others)

    return lambda: patch.object(simple, "simple_transaction", wrong)


def publishes_unsigned() -> AbstractContextManager[object]:
    """What the requirement stands on is gone."""
    return without(frozenset({"B02-funding-signed-f-02"}))


@contextmanager
def gives_up_early() -> Iterator[None]:
    """The deadline is a block before the expiry."""

    def wrong(cltv_expiry: Any, timing: Any) -> Any:
        return timeout_deadline(cltv_expiry, timing) - timing.grace - 1

    with ExitStack() as stack:
        for module in (numbers, overdue):
            stack.enter_context(patch.object(module, "timeout_deadline", wrong))
        yield


FAULTS: dict[str, Fault] = {
    "B02-funding-created-f-03": Fault(publishes_unsigned, SCENARIOS["open-careless"]),
    "B02-closing-complete-c-15": Fault(closes_otherwise(LOCAL), SCENARIOS["simple"]),
    "B02-closing-complete-k-09": Fault(closes_otherwise(REMOTE), SCENARIOS["simple"]),
    "B02-adding-htlc-s-14": Fault(
        after(
            "receive_revoke_and_ack",
            lambda _, channel: channel if channel.htlcs.items else replace(channel, next_local_htlc_id=0),
        ),
        TWO_PAYMENTS,
    ),
    "B02-adding-htlc-s-15": Fault(when_lost(lambda _, channel: replace(channel, next_local_htlc_id=0)), LOST),
    "B02-adding-htlc-r-05": Fault(
        lambda: patch.object(party, "receive_update_add_htlc", refuses_same_hash), TWO_PAYMENTS
    ),
    "B02-adding-htlc-r-06": Fault(
        when_lost(lambda before, channel: replace(channel, next_remote_htlc_id=before.next_remote_htlc_id)), LOST
    ),
    "B02-commitment-signed-r-12": Fault(
        after(
            "receive_commitment_signed",
            lambda _, channel: replace(channel, local_revocations=channel.local_commitment_number),
        ),
        HONEST_PAYMENT,
    ),
    "B02-retransmission-n-01": Fault(when_lost(lambda _, channel: replace(channel, htlcs=Htlcs(()))), LOST),
    "B02-retransmission-n-18": Fault(
        when_lost(lambda _, channel: replace(channel, remote_commitment_number=channel.remote_revocations)), LOST
    ),
    "B02-retransmission-n-19": Fault(
        lambda: patch.object(overdue, "UNREVOKED", (View.LOCAL_LATEST, View.REMOTE_LATEST)), SCENARIOS["C3-B"]
    ),
}
"""Those that a search shows; the deadline's is shown by its theorem."""
BY_THEOREM = "B02-cltv-delta-h-02"


def test_each_is_planted() -> None:
    assert {*FAULTS, BY_THEOREM} == constructions().keys()


@pytest.mark.parametrize("rule", FAULTS)
def test_what_is_built_otherwise_breaks_the_property_that_is_named(rule: str) -> None:
    fault = FAULTS[rule]
    assert search(fault.scenario).trace is None
    with fault.planted():
        trace = search(fault.scenario).trace
    assert trace is not None
    assert trace.property == constructions()[rule].breaks


def test_deadline_before_the_expiry_refutes_its_theorem() -> None:
    name = constructions()[BY_THEOREM].breaks
    with gives_up_early():
        found = prove_security(name, Task()).of(name)
    assert "no timeout deadline is before its expiry" in str(found.counterexample)
