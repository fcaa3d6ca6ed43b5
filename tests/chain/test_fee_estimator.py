"""Which feerate is paid: forced, estimated or configured, and always within bounds."""

from __future__ import annotations

import asyncio

import pytest

from boltchain.client.connection import ChainUnavailable, Endpoint
from boltchain.client.fees import DEFAULT_FALLBACK_PER_KW, FeeEstimator, FeePolicy
from boltchain.client.node import ChainClient, MempoolInfo, feerate_per_kw


class FakeNode(ChainClient):
    """Answers what it is told to."""

    def __init__(self, estimate_per_kw: int | None = None, demanded_per_kw: int = 253, *, absent: bool = False) -> None:
        super().__init__(Endpoint(1, credentials="user:password"))
        self.estimate, self.demanded, self.absent = estimate_per_kw, demanded_per_kw, absent
        self.targets: list[int] = []

    async def mempool_info(self) -> MempoolInfo:
        if self.absent:
            raise ChainUnavailable("gone")
        return MempoolInfo(0, 0, self.demanded, 250)

    async def estimate_feerate_per_kw(self, target_blocks: int) -> int | None:
        self.targets.append(target_blocks)
        return self.estimate


def feerate(node: FakeNode, target: int = 6, **policy: object) -> int:
    estimator = FeeEstimator(node, FeePolicy(**policy))  # type: ignore[arg-type]
    return asyncio.run(estimator.feerate_per_kw(target))


def test_estimate_counts_when_there_is_one() -> None:
    assert feerate(FakeNode(7_000)) == 7_000


@pytest.mark.parametrize(
    ("target", "entry"), [(1, 2), (2, 2), (5, 2), (6, 6), (11, 6), (12, 12), (99, 12), (100, 100), (5_000, 100)]
)
def test_configured_feerate_counts_when_there_is_no_estimate(target: int, entry: int) -> None:
    assert feerate(FakeNode(), target) == DEFAULT_FALLBACK_PER_KW[entry]


def test_node_that_is_gone_does_not_stop_anything() -> None:
    assert feerate(FakeNode(9_000, absent=True)) == DEFAULT_FALLBACK_PER_KW[6]


def test_forced_feerate_beats_all_and_asks_nobody() -> None:
    node = FakeNode(9_000, absent=True)
    assert feerate(node, forced_per_kw=300) == 300
    assert node.targets == []


@pytest.mark.parametrize(("estimate", "paid"), [(1, 253), (252, 253), (253, 253), (254, 254)])
def test_floor_is_253(estimate: int, paid: int) -> None:
    assert feerate(FakeNode(estimate)) == paid
    assert feerate(FakeNode(), forced_per_kw=estimate) == paid


def test_mempool_that_demands_more_is_obeyed() -> None:
    assert feerate(FakeNode(1_000, demanded_per_kw=1_500)) == 1_500


def test_ceiling_cuts_even_what_the_mempool_demands() -> None:
    assert feerate(FakeNode(10**9), ceiling_per_kw=4_000) == 4_000
    assert feerate(FakeNode(1_000, demanded_per_kw=10**9), ceiling_per_kw=4_000) == 4_000


def test_longest_target_that_the_node_knows_is_asked_for() -> None:
    node = FakeNode(400)
    feerate(node, 100_000)
    assert node.targets == [1008]


def test_target_below_one_block_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one block"):
        feerate(FakeNode(400), 0)


@pytest.mark.parametrize(
    "policy",
    [{"fallback_per_kw": {}}, {"fallback_per_kw": {0: 500}}, {"floor_per_kw": 252}, {"ceiling_per_kw": 252}],
)
def test_policies_that_contradict_themselves_are_refused(policy: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"target|wanted"):
        FeePolicy(**policy)  # type: ignore[arg-type]


@pytest.mark.parametrize(("bitcoin_per_kvb", "per_kw"), [("0.00001", 250), ("0.00001001", 251), ("0.0001", 2_500)])
def test_feerates_of_the_node_are_rounded_up(bitcoin_per_kvb: str, per_kw: int) -> None:
    from decimal import Decimal

    assert feerate_per_kw(Decimal(bitcoin_per_kvb)) == per_kw


def test_a_real_node_is_asked_and_answers_with_or_without_an_estimate(endpoint: Endpoint) -> None:
    """On regtest a node has none, until tests have sent it enough transactions."""

    async def ask() -> tuple[int, int | None]:
        async with ChainClient(endpoint) as client:
            return await FeeEstimator(client).feerate_per_kw(6), await client.estimate_feerate_per_kw(6)

    found, estimate = asyncio.run(ask())
    assert found == FeePolicy().bounded_per_kw(DEFAULT_FALLBACK_PER_KW[6] if estimate is None else estimate)
