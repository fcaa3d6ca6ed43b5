"""Confirmed spends are read as the way in which they were made, and the preimage that they show is found."""

from __future__ import annotations

import pytest

from boltspec.chain.conditions import Kind, Use
from boltwire import witnesses
from boltwire.claims import shown_preimage, use_of

SIGNATURE, PUBKEY, PREIMAGE, SCRIPT = b"\x30" * 72, b"\x02" * 33, b"\x07" * 32, b"\x63"

DELAYED_OUTPUTS = (Kind.TO_LOCAL, Kind.TIMED_OUT_HTLC, Kind.SUCCEEDED_HTLC)
HTLC_OUTPUTS = (Kind.OFFERED_HTLC, Kind.RECEIVED_HTLC)
SPENDS = [
    *((kind, Use.REVOCATION, (SIGNATURE, *witnesses.revocation_tail(SCRIPT))) for kind in DELAYED_OUTPUTS),
    *((kind, Use.DELAYED, (SIGNATURE, *witnesses.delayed_tail(SCRIPT))) for kind in DELAYED_OUTPUTS),
    *((kind, Use.REVOCATION, (SIGNATURE, *witnesses.htlc_revocation_tail(PUBKEY, SCRIPT))) for kind in HTLC_OUTPUTS),
    (Kind.OFFERED_HTLC, Use.HTLC_TIMEOUT, witnesses.htlc_timeout_witness(SIGNATURE, SIGNATURE, SCRIPT)),
    (Kind.OFFERED_HTLC, Use.CLAIM_WITH_PREIMAGE, (SIGNATURE, *witnesses.htlc_preimage_tail(PREIMAGE, SCRIPT))),
    (Kind.RECEIVED_HTLC, Use.HTLC_SUCCESS, witnesses.htlc_success_witness(SIGNATURE, SIGNATURE, PREIMAGE, SCRIPT)),
    (Kind.RECEIVED_HTLC, Use.CLAIM_EXPIRED, (SIGNATURE, *witnesses.htlc_expired_tail(SCRIPT))),
    (Kind.TO_REMOTE, Use.DIRECT, (SIGNATURE, *witnesses.key_tail(SCRIPT))),
    (Kind.TO_LOCAL_ANCHOR, Use.FEE_BUMP, (SIGNATURE, *witnesses.key_tail(SCRIPT))),
    (Kind.TO_REMOTE_ANCHOR, Use.CLEAN_UP, witnesses.anchor_anybody_witness(SCRIPT)),
]


@pytest.mark.parametrize(("kind", "use", "witness"), SPENDS, ids=[f"{kind.name}-{use}" for kind, use, _ in SPENDS])
def test_witness_is_read_as_the_way_that_it_was_made_for(kind: Kind, use: Use, witness: witnesses.Witness) -> None:
    assert use_of(kind, witness) is use
    shows = use in (Use.CLAIM_WITH_PREIMAGE, Use.HTLC_SUCCESS)
    assert shown_preimage(use, witness) == (PREIMAGE if shows else None)


def test_funding_output_is_no_output_of_a_commitment() -> None:
    with pytest.raises(ValueError, match="no output of a commitment"):
        use_of(Kind.FUNDING, (SIGNATURE, SCRIPT))
