"""Per-commitment secrets (BOLT 3, Appendix D)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.per_commitment_secrets import FIRST_INDEX, SecretError, SecretStore, generate_from_seed, secret_index

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt03_secrets.json").read_text())
SEED = bytes(range(32))


@pytest.mark.parametrize("case", VECTORS["generate"], ids=lambda case: case["id"])
def test_generation(case: dict[str, Any]) -> None:
    """B03-per-commitment-secret-n-04"""
    assert generate_from_seed(bytes.fromhex(case["seed"]), case["index"]).hex() == case["secret"]


@pytest.mark.parametrize("case", VECTORS["store"], ids=lambda case: case["id"])
def test_storage(case: dict[str, Any]) -> None:
    """B03-per-commitment-secret-r-02"""
    store = SecretStore()
    for insert in case["inserts"]:
        index, secret = insert["index"], bytes.fromhex(insert["secret"])
        before = store.buckets()
        if insert["accepted"]:
            store.insert(index, secret)
            assert store.lookup(index) == secret
        else:
            with pytest.raises(SecretError, match="does not yield"):
                store.insert(index, secret)
            assert store.buckets() == before


def filled(count: int) -> SecretStore:
    store = SecretStore()
    for number in range(count):
        store.insert(secret_index(number), generate_from_seed(SEED, secret_index(number)))
    return store


@given(st.integers(1, 300), st.data())
def test_every_received_secret_is_found_again(count: int, data: st.DataObject) -> None:
    """B03-per-commitment-secret-n-03, B03-per-commitment-secret-r-02"""
    store = filled(count)
    index = secret_index(data.draw(st.integers(0, count - 1)))
    assert store.lookup(index) == generate_from_seed(SEED, index)
    assert store.next_index == secret_index(count)
    assert SecretStore(store.buckets()).buckets() == store.buckets()
    assert len(store.buckets()) <= count.bit_length()


def test_secret_that_was_not_received_is_not_found() -> None:
    store = filled(5)
    assert store.lookup(secret_index(4)) == generate_from_seed(SEED, secret_index(4))
    with pytest.raises(SecretError, match="has not been received"):
        store.lookup(secret_index(5))


def test_first_secret_has_the_highest_index() -> None:
    """B03-per-commitment-secret-n-03"""
    assert secret_index(0) == FIRST_INDEX == SecretStore().next_index == 281474976710655


@pytest.mark.parametrize("skipped", [-1, 1])
def test_secret_out_of_order_is_refused(skipped: int) -> None:
    """B03-per-commitment-secret-n-03"""
    store = filled(3)
    index = store.next_index - skipped
    with pytest.raises(SecretError, match="the next secret has index"):
        store.insert(index, generate_from_seed(SEED, index))


def test_store_is_not_restored_from_inconsistent_buckets() -> None:
    buckets = list(filled(8).buckets())
    assert SecretStore(buckets).next_index == secret_index(8)
    index, secret = buckets[0]
    with pytest.raises(SecretError, match="does not yield"):
        SecretStore([(index, bytes(32)), *buckets[1:]])
    with pytest.raises(SecretError, match="bucket"):
        SecretStore([(index - 1, secret), *buckets[1:]])


def test_seed_itself_yields_everything() -> None:
    """The last index, 0, has the seed as its secret, which no earlier secret may contradict."""
    store = SecretStore((1 << place, generate_from_seed(SEED, 1 << place)) for place in range(48))
    assert store.next_index == 0
    store.insert(0, SEED)
    assert store.next_index == -1
    assert store.lookup(0) == SEED
    assert store.lookup(FIRST_INDEX) == generate_from_seed(SEED, FIRST_INDEX)


@pytest.mark.parametrize("index", [-1, FIRST_INDEX + 1])
def test_index_outside_48_bits_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match=r"2\^48-1"):
        generate_from_seed(SEED, index)
    with pytest.raises(ValueError, match=r"2\^48-1"):
        filled(1).lookup(index)


@pytest.mark.parametrize("size", [31, 33])
def test_secret_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SecretStore().insert(FIRST_INDEX, bytes(size))
    with pytest.raises(ValueError, match="32 bytes"):
        generate_from_seed(bytes(size), 0)
