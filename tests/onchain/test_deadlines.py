"""BOLT 2, ``cltv_expiry_delta`` Selection: when the chain must be gone to."""

from __future__ import annotations

import pytest

from boltspec.chain.deadlines import Timing, fulfilment_deadline, is_past, timeout_deadline
from boltspec.units import Blocks, Height

BOLT_EXAMPLE = Timing(reorg_depth=Blocks(2), grace=Blocks(2), confirmation=Blocks(12))


def test_the_bolts_own_numbers() -> None:
    """R = 2, G = 2, S = 12: 34 blocks between hops, 18 for claiming."""
    assert BOLT_EXAMPLE.cltv_expiry_delta == Blocks(34)
    assert BOLT_EXAMPLE.fulfilment == Blocks(18)


@pytest.mark.parametrize(("height", "past"), [(101, False), (102, True)])
def test_an_offerer_waits_for_the_grace_period(height: int, past: bool) -> None:
    """B02-cltv-delta-h-01"""
    assert is_past(timeout_deadline(Height(100), BOLT_EXAMPLE), Height(height)) is past


@pytest.mark.parametrize(("height", "past"), [(81, False), (82, True)])
def test_a_recipient_goes_to_the_chain_in_time(height: int, past: bool) -> None:
    """B02-cltv-delta-u-01"""
    assert is_past(fulfilment_deadline(Height(100), BOLT_EXAMPLE), Height(height)) is past
