"""What the theorems about the chain quantify over, and what is assumed of time.

Every number is unknown and at least zero. *Time*: an honest party looks at each block of the best chain. A transaction
of its own that is valid there when the chain has height ``h`` is in a block up to ``h + inclusion``, unless something
else has spent its inputs. A reorganisation undoes up to ``reorg_depth`` blocks; one block more comes in their place,
with whatever its makers like in it, and nobody honest has seen them before.

So ``n`` reorganisations cost ``n`` times ``reorg_depth`` (:func:`lost_to`): that number is ``lost``. That each costs no
more is proved of one transaction, and of two of which one spends the other
(:mod:`~boltproofs.security.reorganisation_claims`); that they can cost as much is shown by runs.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from boltspec.chain.deadlines import Timing, fulfilment_deadline, timeout_deadline
from boltspec.units import Blocks, Height


class Numbers(NamedTuple):
    """The unknowns. Those that say yes or no mean yes if they are not zero."""

    # Bounds of the world, see boltspec.chain.deadlines.
    reorg_depth: int
    grace: int
    confirmation: int
    inclusion: int
    """Within how many blocks an honest party's transaction is in a block, from when it can be."""
    lost: int
    """What reorganisations cost, all together."""
    lost_before: int
    """The part of it that delays the commitment, where there are two transactions to wait for."""
    # Terms of the channel.
    to_self_delay: int
    """What binds the owner of the commitment."""
    dust_limit_satoshis: int
    feerate_per_kw: int
    untrimmed: int
    """Number of HTLC outputs of the commitment."""
    offered: int
    """Number of HTLCs that the owner of the commitment has offered."""
    received: int
    local_max_accepted_htlcs: int
    """What the honest party announced, and so how many its peer may offer."""
    remote_max_accepted_htlcs: int
    to_owner_msat: int
    to_other_msat: int
    # The HTLC.
    amount_msat: int
    cltv_expiry: int
    incoming_expiry: int
    """Expiry of the HTLC from which the offerer forwards this one."""
    second_stage_fee_sat: int
    knows: int
    """The honest party knows the preimage."""
    peer_knows: int
    owed: int
    """The honest party has shown the preimage, so it must be paid."""
    committed: int
    """The peer is irrevocably committed to the HTLC."""
    # Counters of both nodes.
    number: int
    """Number of the commitment that is published."""
    local_revocations: int
    local_commitment_number: int
    remote_revocations: int
    remote_commitment_number: int
    remote_secrets: int
    revealed: int
    """How many of its own secrets the honest node has given away, counted from commitment 0 on."""
    peer_secrets: int
    """How many of these its peer can derive."""
    # Heights.
    failed: int
    """Height at which the honest party has failed the channel."""
    confirmed: int
    """Height of the block that confirmed the output."""
    spent: int
    """Height of the block that confirmed the spend of an output."""
    height: int
    """Height of the chain that the honest party looks at."""
    # A reorganisation.
    fork: int
    """Height of the last block that it leaves in place."""
    undone: int
    """How many blocks it undoes."""
    broadcast: int
    """Height at which the honest party broadcast a transaction that waits since, or has waited."""
    following: int
    """The same of a transaction that spends an output of that one."""

    @property
    def timing(self) -> Timing:
        """The bounds that the specification's functions take."""
        return Timing(Blocks(self.reorg_depth), Blocks(self.grace), Blocks(self.confirmation))

    @property
    def timeout_deadline(self) -> int:
        """The height at which the offerer gives up, by the specification."""
        return cast("int", timeout_deadline(Height(self.cltv_expiry), self.timing))

    @property
    def fulfilment_deadline(self) -> int:
        """The height at which the recipient goes on chain, by the specification."""
        return cast("int", fulfilment_deadline(Height(self.cltv_expiry), self.timing))

    @property
    def fulfilment(self) -> int:
        """How many blocks the recipient has for it: 2R+G+S."""
        return cast("int", self.timing.fulfilment)

    @property
    def forwarder_margin(self) -> int:
        """What is left to a forwarder that learns a preimage at the last moment: 2R+S."""
        return self.reorg_depth * 2 + self.confirmation

    @property
    def race(self) -> int:
        """How many blocks a commitment and a claim take at the latest, reorganisations included."""
        return self.inclusion + self.inclusion + self.lost


ZERO = Numbers(*[0] * len(Numbers._fields))
"""All of them zero."""


def lost_to(reorganisations: int, reorg_depth: int) -> int:
    """Return what that many reorganisations cost a transaction at most, in blocks."""
    return reorganisations * reorg_depth


def is_timed(numbers: Numbers) -> bool:
    """Say whether the bounds fit together: a block needs a block, and S is for a commitment and a claim after it."""
    return numbers.inclusion >= 1 and numbers.confirmation >= numbers.inclusion + numbers.inclusion
