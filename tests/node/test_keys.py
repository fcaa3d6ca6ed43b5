"""The node's keys and networks."""

from __future__ import annotations

import hashlib

import pytest

from boltnode.keys import LatchedKey, NodeKey, derive, derive_key
from boltnode.network import NETWORKS, UnsupportedNetwork, network_named
from boltnode.storage.latch import SigningLatch, SigningStopped
from boltwire.bolt11 import Invoice, decode
from boltwire.secp256k1 import PublicKey

SEED = bytes(range(32))
DIGEST = hashlib.sha256(b"digest").digest()


def invoice() -> Invoice:
    return Invoice(
        currency=NETWORKS["regtest"].currency, timestamp=7, payment_hash=DIGEST, payment_secret=DIGEST, description=""
    )


def test_node_id_follows_from_the_seed() -> None:
    one, same = NodeKey(SEED, SigningLatch()), NodeKey(SEED, SigningLatch())
    other = NodeKey(bytes(32), SigningLatch())
    assert one.node_id == same.node_id == one.static_key.public_key.encoded
    assert one.node_id != other.node_id
    assert len(one.node_id) == 33


def test_purposes_give_unrelated_secrets() -> None:
    assert derive(SEED, "node 0") != derive(SEED, "node 1")
    assert derive(SEED, "node 0") == derive(SEED, "node 0")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_seed_has_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match=f"32 bytes, not {size}"):
        NodeKey(bytes(size), SigningLatch())


def test_signs_while_the_latch_is_open_and_not_afterwards() -> None:
    latch = SigningLatch()
    key = NodeKey(SEED, latch)
    assert PublicKey(key.node_id).verify(DIGEST, key.sign(DIGEST))
    assert decode(key.sign_invoice(invoice())).payee == key.node_id
    latch.close("the disk is full")
    for use in (lambda: key.sign(DIGEST), lambda: key.sign_invoice(invoice())):
        with pytest.raises(SigningStopped, match="the disk is full"):
            use()


def test_any_other_key_signs_under_the_latch_too() -> None:
    latch = SigningLatch()
    key = LatchedKey(derive_key(SEED, "funding 1"), latch)
    assert key.public_key.verify(DIGEST, key.sign(DIGEST))
    latch.close("the disk is full")
    with pytest.raises(SigningStopped):
        key.sign(DIGEST)
    assert derive_key(SEED, "funding 1").secret.hex() not in repr(key)


def test_secret_is_not_shown() -> None:
    key = NodeKey(SEED, SigningLatch())
    assert key.static_key.secret.hex() not in repr(key) + repr(key.static_key)


@pytest.mark.parametrize("name", ["bitcoin", "mainnet", "testnet", "testnet4", "", "Regtest"])
def test_networks_where_coins_are_worth_something_or_unknown_ones_are_refused(name: str) -> None:
    with pytest.raises(UnsupportedNetwork, match="runs on regtest and signet only, where coins are worth nothing"):
        network_named(name)


@pytest.mark.parametrize("name", ["regtest", "signet"])
def test_networks_for_experiments(name: str) -> None:
    network = network_named(name)
    assert network.name == name
    assert len(network.chain_hash) == 32
    assert network.currency.prefix == {"regtest": "lnbcrt", "signet": "lntbs"}[name]
