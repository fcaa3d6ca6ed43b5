"""Features as far as they decide what a connection is good for (BOLT 9; BOLT 1, The ``init`` Message).

A feature has a pair of bits: the even one says *required*, the odd one *optional*. Here stand the features that depend
on others, those that they depend on, and those that decide something in this specification. The whole of BOLT 9's table
is in ``boltwire.features``.
"""

from __future__ import annotations

from dataclasses import dataclass

Bits = frozenset[int]
"""Feature bits that are set."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A pair of bits."""

    name: str
    bit: int
    """The even one; the odd one is this plus 1."""
    dependencies: tuple[int, ...] = ()
    """Even bits of the features that have to be set as well."""
    assumed: bool = False
    """Every node has it: its bits need not be set."""


PAYMENT_SECRET, BASIC_MPP = 14, 16
OPTION_SHUTDOWN_ANYSEGWIT, OPTION_PROVIDE_STORAGE = 26, 42
OPTION_SCID_ALIAS, OPTION_ZEROCONF, OPTION_SIMPLE_CLOSE = 46, 50, 60

FEATURES: dict[int, Feature] = {
    feature.bit: feature
    for feature in (
        Feature("payment_secret", PAYMENT_SECRET, assumed=True),
        Feature("basic_mpp", BASIC_MPP, (PAYMENT_SECRET,)),
        Feature("option_shutdown_anysegwit", OPTION_SHUTDOWN_ANYSEGWIT),
        Feature("option_provide_storage", OPTION_PROVIDE_STORAGE),
        Feature("option_scid_alias", OPTION_SCID_ALIAS),
        Feature("option_zeroconf", OPTION_ZEROCONF, (OPTION_SCID_ALIAS,)),
        Feature("option_simple_close", OPTION_SIMPLE_CLOSE, (OPTION_SHUTDOWN_ANYSEGWIT,)),
    )
}
"""By even bit."""


def offers(bits: Bits, bit: int) -> bool:
    """Say whether a node that sets these bits offers a feature: either bit is set, or every node has it."""
    feature = FEATURES.get(bit)
    return bit in bits or bit + 1 in bits or (feature is not None and feature.assumed)


def unknown_required(bits: Bits, known: Bits) -> Bits:
    """Return the even bits of features that are not known; ``known`` holds even bits."""
    return frozenset(bit for bit in bits if bit % 2 == 0 and bit not in known)


def missing_dependencies(bits: Bits) -> Bits:
    """Return the features that are not offered though one that is set depends on them, directly or not."""
    # Dependencies of dependencies need no search: whatever is set has its own looked at.
    set_here = [feature for feature in FEATURES.values() if feature.bit in bits or feature.bit + 1 in bits]
    return frozenset(needed for feature in set_here for needed in feature.dependencies if not offers(bits, needed))


def negotiated(ours: Bits, theirs: Bits) -> Bits:
    """Return the even bits of the features that both offer, or that we require.

    The peer would have closed the connection if it did not know what we require.
    """
    even = {bit & ~1 for bit in ours}
    return frozenset(bit for bit in even if bit in ours or offers(theirs, bit))
