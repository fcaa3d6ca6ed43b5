"""Quotas, rates, pauses and limits: arithmetic without connections."""

from __future__ import annotations

import random
import resource
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltnode.peers.limits import RESERVED_FILES, PeerLimits, within_file_limit
from boltnode.peers.listener import BACKLOG
from boltnode.peers.quota import Quota
from boltnode.peers.reconnector import pauses
from boltnode.peers.token_bucket import TokenBucket


def test_quota_per_key_and_in_total() -> None:
    quota = Quota(total=3, per_key=2)
    assert [quota.take("a") for _ in range(3)] == [True, True, False]
    assert [quota.take("b") for _ in range(2)] == [True, False]
    quota.give_back("a")
    assert quota.take("b")
    assert not quota.take("c")


def test_place_that_nobody_took_is_not_given_back() -> None:
    quota = Quota(total=3, per_key=2)
    with pytest.raises(ValueError, match="'a' has no place"):
        quota.give_back("a")


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=60))
def test_quota_is_never_exceeded_and_forgets_who_left(calls: list[tuple[str, bool]]) -> None:
    quota, taken = Quota(total=5, per_key=2), dict.fromkeys("abcd", 0)
    for key, takes in calls:
        if takes:
            room = taken[key] < 2 and sum(taken.values()) < 5
            assert quota.take(key) is room
            taken[key] += room
        elif taken[key]:
            quota.give_back(key)
            taken[key] -= 1
    assert dict(quota._taken) == {key: count for key, count in taken.items() if count}


def test_bucket_lets_a_burst_pass_and_then_the_rate() -> None:
    now = 0.0
    bucket = TokenBucket(10, 20, lambda: now)
    assert bucket.take(20) == 0
    assert bucket.take(5) == pytest.approx(0.5)
    now += 0.5
    assert bucket.take(0) == 0
    assert bucket.take(1) == pytest.approx(0.1)
    now += 1000
    assert bucket.take(20) == 0, "a pause earns one burst"
    assert bucket.take(1) > 0, "and no more"


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 10)), max_size=50))
def test_who_waits_as_told_never_exceeds_rate_and_burst(steps: list[tuple[int, float]]) -> None:
    now, taken, last = 0.0, 0, 0
    bucket = TokenBucket(10, 20, lambda: now)
    for amount, pause in steps:
        wait = bucket.take(amount)
        taken, last = taken + amount, amount
        assert taken - last <= 20 + 10 * now + 1e-6
        now += wait + pause


def test_pauses_double_up_to_the_longest_and_differ() -> None:
    limits = PeerLimits(reconnect_seconds=1, reconnect_most_seconds=60)
    one, other = (list(islice(pauses(limits, random.Random(seed)), 12)) for seed in (1, 2))
    for found in (one, other):
        assert all(2**n / 2 <= pause <= 2**n for n, pause in enumerate(found[:6]))
        assert all(30 <= pause <= 60 for pause in found[6:])
    assert one != other


@pytest.mark.parametrize("files", [256, 400, 1024])
def test_connections_leave_file_descriptors_for_the_rest(monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    limits = within_file_limit(PeerLimits())
    assert limits.max_inbound + limits.max_handshakes + RESERVED_FILES <= files
    assert 3 * BACKLOG < RESERVED_FILES, "three batches are about to be turned away"
    assert min(limits.max_inbound, limits.max_handshakes) >= 1
    assert files < 1024 or limits == PeerLimits()


def test_soft_file_limit_is_raised_where_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 100_000))
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: raised.append(pair))
    assert within_file_limit(PeerLimits()) == PeerLimits()
    assert raised == [(200 + 100 + RESERVED_FILES, 100_000)]
