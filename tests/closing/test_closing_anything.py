"""Any message in any phase: it is taken, or rejected with a reaction, and then nothing has changed."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from boltproofs.closing_scenarios import CLOSE_SCENARIOS, OLD, OP_RETURN_A, SCRIPT_A, SCRIPT_B, STRANGER, UNKNOWN, fees
from boltspec.closing.messages import (
    ClosingComplete,
    ClosingSig,
    ClosingSignature,
    ClosingSigned,
    ClosingTlvs,
    FundingMessage,
    Message,
    Shutdown,
)
from boltspec.closing.party import receive, send
from boltspec.closing.transaction import ClosingDetails
from boltspec.closing.world import World, initial, successors
from boltspec.messages import RevokeAndAck, UpdateAddHtlc, UpdateFailHtlc, UpdateFulfillHtlc
from boltspec.rules import Reaction, requirements
from boltspec.units import Height, Msat, Sat
from boltspec.verdict import Accepted, Refused, Rejected

SCRIPTS = st.sampled_from((SCRIPT_A, SCRIPT_B, STRANGER, OLD, UNKNOWN, OP_RETURN_A))
FEES = st.sampled_from((0, 2, 4, 5, 6, 9, 300, 600_000, 2**64 - 1)).map(Sat)
SIGNATURES = st.builds(ClosingSignature, st.none(), st.booleans())
DETAILS = st.builds(ClosingDetails, SCRIPTS, SCRIPTS, FEES, st.sampled_from((0, 2**32 - 1)))
MAYBE = st.none() | SIGNATURES
TLVS = st.builds(ClosingTlvs, MAYBE, MAYBE, MAYBE)
RANGES = st.none() | st.sampled_from((fees(0, 1), fees(2, 6), fees(9, 1)))
MESSAGES: st.SearchStrategy[Any] = st.one_of(
    st.just(FundingMessage()),
    st.builds(Shutdown, SCRIPTS),
    st.builds(ClosingSigned, FEES, SIGNATURES, RANGES),
    st.builds(ClosingComplete, DETAILS, TLVS),
    st.builds(ClosingSig, DETAILS, TLVS),
    st.builds(
        UpdateAddHtlc, st.integers(0, 2), st.integers(0, 2**64 - 1).map(Msat), st.just(1), st.just(Height(500))
    ),
    st.builds(UpdateFulfillHtlc, st.integers(0, 2), st.integers(0, 2)),
    st.builds(UpdateFailHtlc, st.integers(0, 2)),
    st.builds(RevokeAndAck, st.integers(-1, 2)),
)


def somewhere(data: st.DataObject) -> World:
    """Return a world some way into a scenario."""
    scenario = CLOSE_SCENARIOS[data.draw(st.sampled_from(sorted(CLOSE_SCENARIOS)))]
    world = initial(scenario)
    for _ in range(data.draw(st.integers(0, 25))):
        moves = list(successors(world, scenario))
        if not moves:
            break
        world = data.draw(st.sampled_from([after for _, after in moves]))
    return world


@settings(max_examples=400, deadline=None)
@given(data=st.data(), seat=st.integers(0, 1), message=MESSAGES)
def test_any_message_in_any_phase(data: st.DataObject, seat: int, message: Message) -> None:
    node = somewhere(data).nodes[seat]
    before = repr(node)
    received, sent = receive(node, message), send(node, message)
    assert repr(node) == before
    if isinstance(received, Rejected):
        assert received.rule in requirements()
        assert isinstance(received.reaction, Reaction)
    else:
        assert isinstance(received, Accepted)
    if isinstance(sent, Refused):
        assert sent.rule in requirements()


@settings(max_examples=200, deadline=None)
@given(data=st.data(), seat=st.integers(0, 1), asked=DETAILS, tlvs=TLVS, fee=FEES)
def test_a_worthless_signature_never_gets_through(
    data: st.DataObject, seat: int, asked: ClosingDetails, tlvs: ClosingTlvs, fee: Sat
) -> None:
    node = somewhere(data).nodes[seat]
    for message in (
        ClosingSigned(fee, ClosingSignature(None)), ClosingComplete(asked, tlvs), ClosingSig(asked, tlvs)
    ):  # fmt: skip
        assert isinstance(receive(node, message), Rejected)
