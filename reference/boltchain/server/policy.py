"""What a served mempool demands, as numbers: the settings that Bitcoin Core has, with its defaults."""

from __future__ import annotations

from dataclasses import dataclass

from boltchain.dust import DUST_FEERATE_SAT_PER_KVB

MAX_REPLACED = 100
"""Most transactions that one replacement may evict (BIP 125)."""

TRUC_MAX_VSIZE = 10_000
"""Largest virtual size of a topologically restricted transaction, in vbytes (BIP 431)."""

TRUC_CHILD_MAX_VSIZE = 1_000
"""Largest virtual size of one that spends an unconfirmed one, in vbytes (BIP 431)."""

_VBYTES_PER_KVB = 1_000


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of relay. Feerates are satoshi per 1000 vbytes."""

    min_relay_sat_per_kvb: int = 1_000
    """Below this a transaction waits only if a child pays for it in a package."""
    incremental_sat_per_kvb: int = 1_000
    """What a replacement adds, for its own size, to the fees of all that it replaces."""
    dust_sat_per_kvb: int = DUST_FEERATE_SAT_PER_KVB
    """The feerate at which an output must be worth being spent."""
    require_standard: bool = True
    """Whether the rules of `boltchain.server.standard` apply."""
    max_ancestors: int = 25
    """Most waiting transactions in a line of descent, itself included; the same holds for descendants."""
    max_relatives_vsize: int = 101_000
    """Most vbytes of a transaction and all its ancestors; the same holds for descendants."""
    max_pool_vsize: int = 75_000_000
    """Most vbytes that may wait. Beyond, nothing is taken until a block makes room."""


CONSENSUS_ONLY = Policy(min_relay_sat_per_kvb=0, dust_sat_per_kvb=0, require_standard=False)
"""As permissive as it can be, for tests of consensus rules; replacements still pay more than what they replace."""


def fee_at(feerate_sat_per_kvb: int, vsize: int) -> int:
    """The fee in satoshi that a feerate asks for so many vbytes, rounded up."""
    return -(-feerate_sat_per_kvb * vsize // _VBYTES_PER_KVB)
