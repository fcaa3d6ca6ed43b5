"""BOLT 9: feature bits, where they are presented, what they depend on, and what a set of them means.

A feature has a pair of bits: the even one says *required*, the odd one *optional*. On the wire a set of bits is a bit
map, the last byte holding bits 0 to 7 and no byte more than needed in front. Who supports a feature sets one bit of its
pair wherever the table's contexts say so, and the bits of everything that the feature depends on.

The table holds the whole of BOLT 9 at the commit that the requirement ids refer to.

AMBIGUOUS: gossip-queries-context: ``gossip_queries`` has no context there, though BOLT 7 still speaks of nodes that
offer it; decided: ``IN``, which is what it was.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from boltwire.errors import MessageError


class Context(StrEnum):
    """Where features are presented; the letters are BOLT 9's."""

    INIT = "I"
    """The ``init`` message."""
    NODE = "N"
    """``node_announcement``."""
    CHANNEL = "C"
    """``channel_announcement``."""
    INVOICE = "9"
    """BOLT 11 invoices."""
    BLINDED_PATH = "B"
    """``allowed_features`` of a blinded path."""
    CHANNEL_TYPE = "T"
    """``channel_type`` when a channel is opened."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One row of BOLT 9's table."""

    bit: int
    """The even bit of the pair: the feature is required. The odd one is this plus 1: it is optional."""
    name: str
    """As in BOLT 9."""
    contexts: str
    """Letters of :class:`Context`; empty for assumed features."""
    dependencies: tuple[str, ...] = ()
    """Names of features that have to be set as well."""
    assumed: bool = False
    """Every node has it; it need not be set, and it may be."""


FEATURES: Final[tuple[Feature, ...]] = (
    Feature(0, "option_data_loss_protect", "", assumed=True),
    Feature(4, "option_upfront_shutdown_script", "IN"),
    Feature(6, "gossip_queries", "IN"),
    Feature(8, "var_onion_optin", "", assumed=True),  # B09-features-o-07: supporting it is compulsory
    Feature(10, "gossip_queries_ex", "IN"),
    Feature(12, "option_static_remotekey", "", assumed=True),
    Feature(14, "payment_secret", "", assumed=True),
    Feature(16, "basic_mpp", "IN9", ("payment_secret",)),
    Feature(18, "option_support_large_channel", "IN"),
    Feature(22, "option_anchors", "INT"),
    Feature(24, "option_route_blinding", "IN9"),
    Feature(26, "option_shutdown_anysegwit", "IN"),
    Feature(28, "option_dual_fund", "IN"),
    Feature(34, "option_quiesce", "IN"),
    Feature(36, "option_attribution_data", "IN9"),
    Feature(38, "option_onion_messages", "IN"),
    Feature(42, "option_provide_storage", "IN"),
    Feature(44, "option_channel_type", "", assumed=True),
    Feature(46, "option_scid_alias", "INT"),
    Feature(48, "option_payment_metadata", "9"),
    Feature(50, "option_zeroconf", "INT", ("option_scid_alias",)),
    Feature(60, "option_simple_close", "IN", ("option_shutdown_anysegwit",)),
    Feature(62, "option_splice", "IN"),
)
"""BOLT 9's table, by bit."""

BY_NAME: Final = {feature.name: feature for feature in FEATURES}
"""The rows by name."""

BY_BIT: Final = {feature.bit: feature for feature in FEATURES}
"""The rows by even bit."""


class FeatureBits(frozenset[int]):
    """A set of feature bits."""

    __slots__ = ()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """From a bit map, of whatever length: leading zero bytes carry nothing."""
        last = len(data) - 1
        return cls(
            8 * (last - index) + bit for index, byte in enumerate(data) if byte for bit in range(8) if byte >> bit & 1
        )

    @classmethod
    def of(cls, *, required: Iterable[str] = (), optional: Iterable[str] = ()) -> Self:
        """The bits of named features: even for required ones, odd for optional ones .

        B09-features-o-01, B09-features-o-02.
        """
        return cls((*(BY_NAME[name].bit for name in required), *(BY_NAME[name].bit + 1 for name in optional)))

    def to_bytes(self) -> bytes:
        """The shortest bit map, padded with zero bits to whole bytes.

        B01-init-s-01, B01-init-s-06, B07-channel-announcement-o-14, B07-node-announcement-o-16, B02-open-channel-s-15.
        """
        size = max(self) // 8 + 1 if self else 0
        found = bytearray(size)
        for bit in self:
            found[size - 1 - bit // 8] |= 1 << bit % 8
        return bytes(found)

    def has(self, name: str) -> bool:
        """Whether either bit of the feature is set, or the feature is assumed: the node *offers* it."""
        feature = BY_NAME[name]
        return feature.assumed or feature.bit in self or feature.bit + 1 in self

    def requires(self, name: str) -> bool:
        """Whether the even bit is set; with both bits set, the feature counts as required."""
        return BY_NAME[name].bit in self

    def names(self) -> Iterator[str]:
        """The known features of which a bit is set, by bit."""
        return (BY_BIT[bit].name for bit in sorted({bit & ~1 for bit in self}) if bit in BY_BIT)

    def unknown_required(self, supported: Iterable[str] = BY_NAME) -> list[int]:
        """The even bits that are not of a feature in ``supported`` (default: not in BOLT 9), ascending."""
        known = {BY_NAME[name].bit for name in supported} | {row.bit for row in FEATURES if row.assumed}
        return sorted(bit for bit in self if bit % 2 == 0 and bit not in known)

    def missing_dependencies(self) -> list[tuple[str, str]]:
        """Pairs of a feature that is set and a feature, not set, that it depends on, directly or not."""
        return [(name, needed) for name in self.names() for needed in dependencies(name) if not self.has(needed)]

    def __or__(self, other: Iterable[int]) -> "FeatureBits":  # type: ignore[override]  # of bits only
        """The bits of both."""
        return FeatureBits((*self, *other))

    def __repr__(self) -> str:
        return f"FeatureBits({sorted(self)})"


def dependencies(name: str) -> Iterator[str]:
    """All features that ``name`` depends on, directly or not."""
    for needed in BY_NAME[name].dependencies:
        yield needed
        yield from dependencies(needed)


def with_dependencies(bits: Iterable[int]) -> FeatureBits:
    """``bits`` and, as optional, whatever they depend on and is not assumed (B09-features-o-06)."""
    found = FeatureBits(bits)
    return found | FeatureBits.of(optional=(needed for _, needed in found.missing_dependencies()))


def restrict(bits: Iterable[int], context: Context) -> FeatureBits:
    """The bits of features that BOLT 9 presents in ``context`` (B09-features-o-04).

    Assumed features may be set in ``init`` and ``node_announcement``; ``option_static_remotekey`` is still part of
    channel types, ``var_onion_optin`` and ``payment_secret`` of invoices.
    """
    return FeatureBits(bit for bit in bits if (row := BY_BIT.get(bit & ~1)) and context in _contexts(row))


def _contexts(row: Feature) -> str:
    if not row.assumed:
        return row.contexts
    return "INT" if row.name == "option_static_remotekey" else "IN9" if row.name in _INVOICE_ASSUMED else "IN"


_INVOICE_ASSUMED: Final = frozenset(("var_onion_optin", "payment_secret"))
"""Assumed features that BOLT 11 invoices still carry."""


def check_origin(bits: Iterable[int], context: Context) -> None:
    """Raise ValueError unless a node may present ``bits`` in ``context``.

    B01-init-s-03, B07-channel-announcement-o-13, B07-node-announcement-o-15 (all: follow BOLT 9), B01-init-s-04 and
    B09-features-o-03 (bits that have no meaning), B09-features-o-04 (context), B09-features-o-05 (not both bits of a
    pair), B09-features-o-06 (dependencies).
    """
    found = FeatureBits(bits)
    if strays := found - restrict(found, context):
        raise ValueError(f"bits {sorted(strays)} are not presented in context {context}")
    if both := sorted(bit for bit in found if bit % 2 == 0 and bit + 1 in found):
        raise ValueError(f"both bits of a pair are set: {both}")
    if missing := found.missing_dependencies():
        raise ValueError(f"{missing[0][0]} depends on {missing[0][1]}, which is not set")


def combine(globalfeatures: bytes, features: bytes) -> FeatureBits:
    """The one set that both bit maps of ``init`` stand for: their union (B01-init-r-02)."""
    return FeatureBits.from_bytes(globalfeatures) | FeatureBits.from_bytes(features)


def check_peer(offered: FeatureBits, supported: Iterable[str] = BY_NAME) -> None:
    """Raise :class:`MessageError` (the connection is to be closed) unless a peer's ``init`` can be accepted.

    B01-init-r-05: an even bit of a feature that we do not support. B01-init-r-07: a dependency is missing. Odd bits
    that we do not know are ignored (B01-init-r-04).
    """
    if unknown := offered.unknown_required(supported):
        raise MessageError(f"the peer requires features that are not supported: bits {unknown}", field="init.features")
    if missing := offered.missing_dependencies():
        name, needed = missing[0]
        raise MessageError(f"the peer sets {name} without {needed}, which it depends on", field="init.features")


def negotiated(name: str, local: FeatureBits, remote: FeatureBits) -> bool:
    """Whether a feature is in effect between two nodes (B01-init-r-03).

    It is when both offer it, and when the local node requires it: a peer without it would have left.
    """
    return local.has(name) and (remote.has(name) or local.requires(name))
