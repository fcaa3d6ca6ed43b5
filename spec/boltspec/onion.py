"""Onions that cannot be read, and what is answered to their HTLCs (BOLT 2, Adding an HTLC; BOLT 4, Onion Decryption).

Without the onion there is no secret that is shared with the payer. So the HTLC is given back by
``update_fail_malformed_htlc``, with a code that the peer puts into a failure of its own. What a readable onion asks for
is judged by :mod:`boltspec.final_node`; so is one whose payload cannot be cut out or makes no sense, for it is
authentic, and the payer is told (B04-failure-messages-g-06).

Abstracted away: the onion as bytes. That the faults are looked for in this order is B04-onion-decryption's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from boltspec.rules import RuleBroken, duty, require, step_ended
from boltspec.verdict import Accepted


class Fault(StrEnum):
    """What can be wrong with an onion before there is a payload."""

    VERSION = "the version is none that is known"
    KEY = "the ephemeral key is no point of the curve"
    HMAC = "the HMAC is not that of this onion"


class BadOnion(StrEnum):
    """The codes with the flag ``BADONION``, in the order of BOLT 4."""

    INVALID_ONION_VERSION = "invalid_onion_version"
    INVALID_ONION_HMAC = "invalid_onion_hmac"
    INVALID_ONION_KEY = "invalid_onion_key"
    INVALID_ONION_BLINDING = "invalid_onion_blinding"


CODES: Mapping[str, BadOnion] = MappingProxyType(
    {
        "B04-onion-decryption-d-01": BadOnion.INVALID_ONION_VERSION,
        "B04-onion-decryption-d-02": BadOnion.INVALID_ONION_KEY,
        "B04-onion-decryption-d-06": BadOnion.INVALID_ONION_HMAC,
        "D04-payload-z-01": BadOnion.INVALID_ONION_HMAC,
    }
)
"""The code for each reason, outside of blinded paths (B04-failure-messages-t-04, -t-05, -t-06).

AMBIGUOUS: final-node-bad-onion: they are not for the final node, which does not know yet that it is one.
"""


@dataclass(frozen=True, slots=True)
class Onion:
    """The onion of an HTLC, as it is found when it is opened."""

    fault: Fault | None = None
    has_path_key: bool = False
    """There is a ``path_key`` in ``update_add_htlc``: the HTLC comes over a blinded path, or is made to look so."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """The HTLC is to be given back by ``update_fail_malformed_htlc``."""

    rule: str
    failure: BadOnion


def judge_onion(onion: Onion) -> Accepted[Onion] | Malformed:
    """Say whether an onion is read, or with which code its HTLC is given back once it is irrevocably committed."""
    try:
        _require_readable(onion)
    except RuleBroken as broken:
        step_ended(broken.rule)
        # Without an answer the HTLC stays until it expires.
        answers = duty("B02-adding-htlc-r-11")
        return Malformed(broken.rule, _code(broken.rule, onion)) if answers else Accepted(onion)
    step_ended(None)
    return Accepted(onion)


def _require_readable(onion: Onion) -> None:
    require(onion.fault is not Fault.VERSION, "B04-onion-decryption-d-01")
    require(onion.fault is not Fault.KEY, "B04-onion-decryption-d-02")
    require(onion.fault is not Fault.HMAC, "B04-onion-decryption-d-06")
    # A plain payload must not come with a path key (B04-payload-d-13), and nobody was given a path to put another into.
    require(not onion.has_path_key, "D04-payload-z-01")


def _code(rule: str, onion: Onion) -> BadOnion:
    """Return the code for a reason: on a blinded path it says nothing else than that (B04-failure-messages-g-01)."""
    blinded = onion.has_path_key and duty("B02-removing-htlc-m-05")
    return BadOnion.INVALID_ONION_BLINDING if blinded else CODES[rule]
