"""The theorem about onions that cannot be read: for each fault, and with a path key or none, the code that is named."""

from __future__ import annotations

from typing import NamedTuple

from boltproofs.runs import RunClaim, RunTheorem, Values, choose
from boltspec.onion import BadOnion, Fault, Malformed, Onion, judge_onion
from boltspec.verdict import Accepted

PRESCRIBED = {
    Fault.VERSION: BadOnion.INVALID_ONION_VERSION,
    Fault.KEY: BadOnion.INVALID_ONION_KEY,
    Fault.HMAC: BadOnion.INVALID_ONION_HMAC,
}


class Judged(NamedTuple):
    """An onion and what became of it."""

    onion: Onion
    verdict: Accepted[Onion] | Malformed


def _judged(values: Values) -> Judged:
    fault = choose(values, "fault", (None, *Fault))
    onion = Onion(fault, has_path_key=choose(values, "path_key is there", (True, False)))
    return Judged(onion, judge_onion(onion))


def _is_answered(judged: Judged) -> bool:
    onion, verdict = judged
    told = verdict.failure if isinstance(verdict, Malformed) else None
    if onion.has_path_key:
        return told is BadOnion.INVALID_ONION_BLINDING
    return told is (None if onion.fault is None else PRESCRIBED[onion.fault])


ONION_THEOREMS: tuple[RunTheorem, ...] = (
    RunTheorem(
        name="BadOnionIsAnswered",
        sentence="An onion that cannot be read is answered with the code for its fault; on a blinded path all alike.",
        claims=(
            RunClaim("any fault, with a path key or none", _judged, _is_answered, (
                "B04-onion-decryption-d-01", "B04-onion-decryption-d-02", "B04-onion-decryption-d-06",
                "D04-payload-z-01", "B02-adding-htlc-r-11", "B02-removing-htlc-m-05",
            )),
        ),
        unbounded=(),
        bounded="the faults, and whether there is a path key: all of them",
    ),
)  # fmt: skip
"""One."""
