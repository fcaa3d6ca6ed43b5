"""Spending conditions (BOLT 3): each kind of output, and the ways in which it can be spent.

A *condition* says who signs and what else a spending input needs: the secret of a revoked commitment, a preimage, a
height, an age of the output. The table :data:`CONDITIONS` is BOLT 3's list of scripts, one line for each branch. A
transaction with its signatures and preimages is somebody's once it can make them; the chain checks the locks.

Points of view: the *owner* is the party whose commitment transaction it is, the *other* is its peer.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import NamedTuple

from boltspec.units import Blocks, Height


class Kind(IntEnum):
    """Kinds of outputs."""

    FUNDING = 0
    """The channel's money, to both."""
    TO_LOCAL = 1
    """The owner's balance, delayed and revocable."""
    TO_REMOTE = 2
    """The other's balance."""
    OFFERED_HTLC = 3
    """An HTLC that the owner offered."""
    RECEIVED_HTLC = 4
    """An HTLC that the other offered."""
    TO_LOCAL_ANCHOR = 5
    """For the owner, to pay more fee with (``option_anchors``)."""
    TO_REMOTE_ANCHOR = 6
    """The same for the other."""
    TIMED_OUT_HTLC = 7
    """Output of the owner's HTLC-timeout transaction: delayed and revocable."""
    SUCCEEDED_HTLC = 8
    """Output of the owner's HTLC-success transaction: delayed and revocable."""
    WALLET = 9
    """Money of one party alone."""


class Keys(IntEnum):
    """Who can sign."""

    OWNER = 0
    OTHER = 1
    BOTH = 2
    """Both have signed: the transaction exists once it was signed, nobody can change it."""
    ANYONE = 3


class Lock(IntEnum):
    """How old an output must be (``OP_CHECKSEQUENCEVERIFY``)."""

    NONE = 0
    ONE_WITH_ANCHORS = 1
    """One block with ``option_anchors``, none without: nothing but anchors can be used for child-pays-for-parent."""
    TO_SELF_DELAY = 2
    """What the other chose to have time for punishing."""
    SIXTEEN = 3


class Use(StrEnum):
    """The ways to spend an output, named as in BOLT 3 and BOLT 5."""

    COMMITMENT = "commitment"
    CLOSING = "closing"
    REVOCATION = "revocation"
    DELAYED = "delayed"
    DIRECT = "direct"
    HTLC_TIMEOUT = "htlc_timeout"
    HTLC_SUCCESS = "htlc_success"
    CLAIM_EXPIRED = "claim_expired"
    CLAIM_WITH_PREIMAGE = "claim_with_preimage"
    FEE_BUMP = "fee_bump"
    CLEAN_UP = "clean_up"


class Condition(NamedTuple):
    """One way to spend an output."""

    use: Use
    keys: Keys
    secret: bool = False
    """Needs the owner's per-commitment secret, which the owner gives away when it revokes the commitment."""
    preimage: bool = False
    """Needs the preimage of the HTLC's payment hash."""
    expiry: bool = False
    """Needs the chain to have reached the HTLC's ``cltv_expiry``."""
    lock: Lock = Lock.NONE
    leads_to: Kind = Kind.WALLET
    """What it makes of the money."""


REVOKE = Condition(Use.REVOCATION, Keys.OTHER, secret=True)
WAIT = Condition(Use.DELAYED, Keys.OWNER, lock=Lock.TO_SELF_DELAY)
ONE = Lock.ONE_WITH_ANCHORS
CLEAN_UP = Condition(Use.CLEAN_UP, Keys.ANYONE, lock=Lock.SIXTEEN)

CONDITIONS: dict[Kind, tuple[Condition, ...]] = {
    Kind.FUNDING: (
        Condition(Use.CLOSING, Keys.BOTH),
        Condition(Use.COMMITMENT, Keys.BOTH),
    ),
    Kind.TO_LOCAL: (REVOKE, WAIT),
    Kind.TO_REMOTE: (Condition(Use.DIRECT, Keys.OTHER, lock=ONE),),
    Kind.OFFERED_HTLC: (
        REVOKE,
        Condition(Use.CLAIM_WITH_PREIMAGE, Keys.OTHER, preimage=True, lock=ONE),
        Condition(Use.HTLC_TIMEOUT, Keys.BOTH, expiry=True, lock=ONE, leads_to=Kind.TIMED_OUT_HTLC),
    ),
    Kind.RECEIVED_HTLC: (
        REVOKE,
        Condition(Use.CLAIM_EXPIRED, Keys.OTHER, expiry=True, lock=ONE),
        Condition(Use.HTLC_SUCCESS, Keys.BOTH, preimage=True, lock=ONE, leads_to=Kind.SUCCEEDED_HTLC),
    ),
    Kind.TO_LOCAL_ANCHOR: (Condition(Use.FEE_BUMP, Keys.OWNER), CLEAN_UP),
    Kind.TO_REMOTE_ANCHOR: (Condition(Use.FEE_BUMP, Keys.OTHER), CLEAN_UP),
    Kind.TIMED_OUT_HTLC: (REVOKE, WAIT),
    Kind.SUCCEEDED_HTLC: (REVOKE, WAIT),
    Kind.WALLET: (),
}
"""How each kind of output can be spent (B03-trimmed-outputs-b-03, -b-05, -b-07, -b-09).

The owner's second-stage transactions are signed by both in advance: the owner uses them, and cannot change them."""


def condition(kind: Kind, use: Use) -> Condition:
    """Return the condition of an output kind with that use."""
    return next(entry for entry in CONDITIONS[kind] if entry.use is use)


def relative_lock(lock: Lock, option_anchors: bool, to_self_delay: Blocks) -> Blocks:
    """Return how many blocks a lock asks for."""
    match lock:
        case Lock.NONE:
            return Blocks(0)
        case Lock.ONE_WITH_ANCHORS:
            return Blocks(1) if option_anchors else Blocks(0)
        case Lock.TO_SELF_DELAY:
            return to_self_delay
        case Lock.SIXTEEN:
            return Blocks(16)


def first_block(confirmed: Height, sequence: Blocks, locktime: Height) -> Height:
    """Return the height of the first block that may hold a transaction.

    Its input has the relative lock ``sequence`` and spends an output of block ``confirmed``; its own absolute lock is
    ``locktime``: it fits into blocks above that.
    """
    by_age, by_height = confirmed + sequence, locktime + Blocks(1)
    return by_age if by_age > by_height else by_height
