"""What the next block takes from the pool: those that pay most for their weight, parents always before children."""

from __future__ import annotations

from fractions import Fraction

from boltchain.block import MAX_BLOCK_WEIGHT
from boltchain.server.pool import Pool, Waiting
from boltchain.transaction import Transaction, Txid

COINBASE_WEIGHT_RESERVE = 4_000
"""Weight kept free for header and coinbase."""

_VBYTES_PER_KVB = 1_000


def block_template(pool: Pool, min_sat_per_kvb: int) -> list[Transaction]:
    """The waiting transactions for one block.

    Each is taken with all that it builds on, in the order of what such a package pays per vbyte; packages that pay less
    than `min_sat_per_kvb` are left, and so are those that no longer fit. If all that waits fits and pays, the order is
    that of arrival. Packages are ranked once, not again after a part of one was taken.
    """
    entries = pool.entries()
    room = MAX_BLOCK_WEIGHT - COINBASE_WEIGHT_RESERVE
    pays = all(_VBYTES_PER_KVB * entry.fee_sat >= min_sat_per_kvb * entry.vsize for entry in entries)
    if pays and sum(entry.transaction.weight for entry in entries) <= room:
        return [entry.transaction for entry in entries]
    chosen: dict[Txid, Waiting] = {}
    packages = [[*pool.ancestors(entry.transaction), entry] for entry in entries]
    for package in sorted(packages, key=_feerate, reverse=True):
        missing = [entry for entry in package if entry.txid not in chosen]
        weight = sum(entry.transaction.weight for entry in missing)
        if weight <= room and missing and _feerate(missing) * _VBYTES_PER_KVB >= min_sat_per_kvb:
            chosen |= {entry.txid: entry for entry in missing}
            room -= weight
    return [entry.transaction for entry in sorted(chosen.values(), key=lambda entry: entry.number)]


def _feerate(package: list[Waiting]) -> Fraction:
    """Satoshi per vbyte of the transactions together."""
    return Fraction(sum(entry.fee_sat for entry in package), sum(entry.vsize for entry in package))
