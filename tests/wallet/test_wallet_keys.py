"""Keys and addresses against the vectors of BIPs 32, 84, 86 and 341, and against bitcoind's descriptors."""

from __future__ import annotations

import pytest
from bitcointx import ChainParams
from bitcointx.core import CTransaction, CTxOut
from bitcointx.core.script import CScript, SignatureHashSchnorr
from coincurve import PublicKeyXOnly
from hypothesis import given
from hypothesis import strategies as st

from boltchain.addresses import address_of, script_of
from boltchain.bitcoind import BitcoindChain
from boltchain.spending import Draft
from boltchain.transaction import Input, OutPoint, Output, Txid, parse_transaction
from boltchain.wallet.hd import HARDENED, ExtendedKey
from boltchain.wallet.keys import ECDSA_SIGNATURE_SIZE, Branch, KeyKind, KeyPath, WalletKeys
from boltchain.wallet.sighash import taproot_digest

BIP32_SEED = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
ABANDON_SEED = bytes.fromhex(
    "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc1"
    "9a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4"
)
"""The seed of BIP 84's and BIP 86's vectors: eleven times "abandon", then "about"."""


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            (),
            "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
        ),
        (
            (HARDENED,),
            "xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6LHhwBZeNK1VTsfTFUHCdrfp1bgwQ9xv5ski8PX9rL2dZXvgGDnw",
        ),
        (
            (HARDENED, 1, 2 + HARDENED, 2, 1_000_000_000),
            "xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy",
        ),
    ],
)
def test_bip32_vector_one(path: tuple[int, ...], text: str) -> None:
    assert ExtendedKey.from_seed(BIP32_SEED).descend(*path).public_text("main") == text


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("p2wpkh/0/0", "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"),
        ("p2wpkh/0/1", "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g"),
        ("p2wpkh/1/0", "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el"),
        ("p2tr/0/0", "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"),
        ("p2tr/0/1", "bc1p4qhjn9zdvkux4e44uhx8tc55attvtyu358kutcqkudyccelu0was9fqzwh"),
        ("p2tr/1/0", "bc1p3qkhfews2uk44qtvauqyr2ttdsw7svhkl9nkm9s9c3x4ax5h60wqwruhk7"),
    ],
)
def test_addresses_of_bip84_and_bip86(path: str, address: str) -> None:
    keys = WalletKeys(ABANDON_SEED, "main")
    assert keys.address(KeyPath.parse(path)) == address
    assert script_of(address, "main") == keys.script(KeyPath.parse(path))


@pytest.mark.parametrize("kind", KeyKind)
@pytest.mark.parametrize("branch", Branch)
def test_bitcoind_derives_the_same_addresses_from_the_descriptor(
    bitcoind: BitcoindChain, kind: KeyKind, branch: Branch
) -> None:
    keys = WalletKeys(b"some other seed of ours", "regtest")
    derived = bitcoind.rpc.call("deriveaddresses", keys.descriptor(kind, branch), [0, 5])
    assert derived == [keys.address(KeyPath(kind, branch, index)) for index in range(6)]


@pytest.mark.parametrize("size", [0, 15, 65])
def test_seeds_of_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        WalletKeys(bytes(size), "regtest")


def test_nothing_secret_is_shown() -> None:
    key = ExtendedKey.from_seed(BIP32_SEED)
    assert key.private.secret.hex() not in repr(key)
    assert key.chain_code.hex() not in repr(key)


def test_addresses_of_other_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="not an address of regtest"):
        script_of("bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", "regtest")
    with pytest.raises(ValueError, match="no address"):
        address_of(b"\x51", "regtest")


scripts = st.binary(min_size=1, max_size=40)
amounts = st.integers(0, 2_100_000_000_000_000)
drafts = st.builds(
    Draft,
    st.lists(
        st.builds(
            Input,
            st.builds(OutPoint, st.binary(min_size=32, max_size=32).map(Txid), st.integers(0, 9)),
            st.integers(0, 2**32 - 1),
        ),
        min_size=1,
        max_size=4,
    ).map(tuple),
    st.lists(st.builds(Output, amounts, scripts), min_size=1, max_size=4).map(tuple),
    st.integers(0, 2**32 - 1),
)


@given(drafts, st.data())
def test_taproot_digest_is_that_of_an_independent_implementation(draft: Draft, data: st.DataObject) -> None:
    spent = [data.draw(st.builds(Output, amounts, scripts)) for _ in draft.inputs]
    index = data.draw(st.integers(0, len(spent) - 1))
    with ChainParams("bitcoin/regtest"):
        transaction = CTransaction.deserialize(draft.with_witnesses([[b"\x01"]] * len(spent)))
        outputs = [CTxOut(output.amount_sat, CScript(output.script_pubkey)) for output in spent]
        expected = SignatureHashSchnorr(transaction, index, outputs)
    assert taproot_digest(draft, index, spent) == expected


@given(drafts, st.integers(0, 50))
def test_witnesses_have_the_promised_size_and_verify(draft: Draft, index: int) -> None:
    keys = WalletKeys(ABANDON_SEED, "regtest")
    tr, wpkh = KeyPath(KeyKind.P2TR, Branch.RECEIVE, index), KeyPath(KeyKind.P2WPKH, Branch.CHANGE, index)
    spent = [Output(1_000, keys.script(tr))] * len(draft.inputs)
    (schnorr,) = keys.witness(tr, draft, 0, spent)
    output_key = PublicKeyXOnly(keys.script(tr)[2:])
    assert output_key.verify(schnorr, taproot_digest(draft, 0, spent))
    ecdsa, public = keys.witness(wpkh, draft, 0, spent)
    assert (len(schnorr), len(ecdsa), len(public)) == (64, ECDSA_SIGNATURE_SIZE, 33)
    assert keys.witness(wpkh, draft, 0, spent) == [ecdsa, public]
    assert parse_transaction(draft.with_witnesses([[ecdsa, public]] * len(spent))).locktime == draft.locktime
