"""What to pay for confirmation: a target in blocks becomes a feerate in satoshi per 1000 weight units.

In this order: the forced feerate, if one is set (for regtest, where no estimate exists); the node's estimate; what was
configured for that target. The result is never below the floor, nor below what the node's mempool demands now, and
never above the ceiling. Nothing is smoothed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from boltchain.client.connection import ChainUnavailable
from boltchain.client.node import ChainClient
from boltchain.rpc import RpcError

FEERATE_FLOOR_PER_KW = 253
"""1 satoshi per vbyte, rounded up so that it passes a node that rounds sizes: satoshi per 1000 weight units."""

DEFAULT_CEILING_PER_KW = 125_000
"""500 satoshi per vbyte: more is taken for a mistake."""

DEFAULT_FALLBACK_PER_KW: Mapping[int, int] = {2: 5_000, 6: 2_500, 12: 1_250, 100: FEERATE_FLOOR_PER_KW}
"""Target in blocks to feerate, for a node that cannot estimate."""

MAX_TARGET_BLOCKS = 1008
"""The longest target that a node estimates for."""


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """How feerates are decided; all in satoshi per 1000 weight units. ValueError if the numbers contradict each other.

    `fallback` maps targets in blocks to feerates: the entry with the highest target not above the wanted one counts,
    and below the lowest target the lowest one's entry.
    """

    forced_per_kw: int | None = None
    fallback_per_kw: Mapping[int, int] = field(default_factory=lambda: dict(DEFAULT_FALLBACK_PER_KW))
    floor_per_kw: int = FEERATE_FLOOR_PER_KW
    ceiling_per_kw: int = DEFAULT_CEILING_PER_KW

    def __post_init__(self) -> None:
        if not self.fallback_per_kw or min(self.fallback_per_kw) < 1:
            msg = "the fallback needs at least one target, and targets are at least one block"
            raise ValueError(msg)
        if not FEERATE_FLOOR_PER_KW <= self.floor_per_kw <= self.ceiling_per_kw:
            msg = f"wanted: {FEERATE_FLOOR_PER_KW} <= floor ({self.floor_per_kw}) <= ceiling ({self.ceiling_per_kw})"
            raise ValueError(msg)

    def configured_per_kw(self, target_blocks: int) -> int:
        """The fallback's feerate for a target."""
        reached = [target for target in self.fallback_per_kw if target <= target_blocks]
        return self.fallback_per_kw[max(reached) if reached else min(self.fallback_per_kw)]

    def bounded_per_kw(self, feerate_per_kw: int, mempool_min_per_kw: int = 0) -> int:
        """The feerate, raised to floor and mempool's demand, then cut to the ceiling."""
        return min(max(feerate_per_kw, self.floor_per_kw, mempool_min_per_kw), self.ceiling_per_kw)


class FeeEstimator:
    """Feerates by confirmation target, from the node behind `client` and the `policy`."""

    def __init__(self, client: ChainClient, policy: FeePolicy | None = None) -> None:
        self._client = client
        self.policy = policy or FeePolicy()
        """May be replaced at any time, for instance to force a feerate."""

    async def feerate_per_kw(self, target_blocks: int) -> int:
        """Satoshi per 1000 weight units for confirmation within `target_blocks` (at least 1, else ValueError).

        Does not fail when the node does: the configured feerate takes the estimate's place.
        """
        if target_blocks < 1:
            msg = f"a target is at least one block, not {target_blocks}"
            raise ValueError(msg)
        if self.policy.forced_per_kw is not None:
            return self.policy.bounded_per_kw(self.policy.forced_per_kw)
        try:
            demanded = (await self._client.mempool_info()).min_feerate_per_kw
            estimate = await self._client.estimate_feerate_per_kw(min(target_blocks, MAX_TARGET_BLOCKS))
        except (ChainUnavailable, RpcError):
            demanded, estimate = 0, None
        wanted = self.policy.configured_per_kw(target_blocks) if estimate is None else estimate
        return self.policy.bounded_per_kw(wanted, demanded)
