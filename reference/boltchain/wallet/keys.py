"""The wallet's keys and addresses: pay to witness public key hash (BIP 84) and taproot key path (BIP 86).

Paths are m / purpose' / coin type' / 0' / branch / index, so that any wallet that knows these standards finds the money
from the seed. Signatures are deterministic; ECDSA signatures are ground until they take exactly 71 bytes, so that the
weight of a transaction is known before it is signed.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from bitcointx.core import Hash160
from coincurve import PrivateKey, PublicKey
from coincurve._libsecp256k1 import ffi  # type: ignore[import-not-found]

from boltchain.addresses import address_of
from boltchain.descriptors import with_checksum
from boltchain.spending import SIGHASH_ALL, Draft
from boltchain.transaction import Output
from boltchain.wallet.hd import HARDENED, ExtendedKey, tagged_hash
from boltchain.wallet.sighash import taproot_digest

ECDSA_SIGNATURE_SIZE = 71
"""Bytes of every ECDSA signature that is made here: DER with 32-byte r and s, and the byte SIGHASH_ALL."""

_GROUP_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_NO_AUXILIARY_RANDOMNESS = bytes(32)
_MAIN_COIN_TYPE, _TEST_COIN_TYPE = 0, 1


class KeyKind(StrEnum):
    """The forms of output scripts that the wallet has keys for."""

    P2WPKH = "p2wpkh"
    P2TR = "p2tr"


class Branch(IntEnum):
    """Which addresses are shown to others, and which the wallet pays to itself."""

    RECEIVE = 0
    CHANGE = 1


_PURPOSE = {KeyKind.P2WPKH: 84, KeyKind.P2TR: 86}
_DESCRIPTOR = {KeyKind.P2WPKH: "wpkh", KeyKind.P2TR: "tr"}


@dataclass(frozen=True, slots=True)
class KeyPath:
    """Which key: kind, branch, and index from 0 on."""

    kind: KeyKind
    branch: Branch
    index: int

    def __str__(self) -> str:
        return f"{self.kind}/{int(self.branch)}/{self.index}"

    @classmethod
    def parse(cls, text: str) -> KeyPath:
        """Read what `str` wrote."""
        kind, branch, index = text.split("/")
        return cls(KeyKind(kind), Branch(int(branch)), int(index))


class WalletKeys:
    """All keys of a seed (16 to 64 bytes) on a network of `boltchain.addresses.NETWORKS`."""

    def __init__(self, seed: bytes, network: str) -> None:
        self.network = network
        """Bitcoin Core's name of the network."""
        master = ExtendedKey.from_seed(seed)
        self._fingerprint = master.fingerprint
        self._coin_type = _MAIN_COIN_TYPE if network == "main" else _TEST_COIN_TYPE
        self._accounts = {
            kind: master.descend(purpose + HARDENED, self._coin_type + HARDENED, HARDENED)
            for kind, purpose in _PURPOSE.items()
        }
        self._branches = {
            (kind, branch): account.child(branch) for kind, account in self._accounts.items() for branch in Branch
        }

    def script(self, path: KeyPath) -> bytes:
        """The output script that pays to a key: 22 bytes (p2wpkh) or 34 (p2tr)."""
        private = self._private(path)
        if path.kind is KeyKind.P2WPKH:
            return b"\x00\x14" + bytes(Hash160(private.public_key.format()))
        return b"\x51\x20" + _taproot_output_key(private)[1].format()[1:]

    def address(self, path: KeyPath) -> str:
        """The address of a key."""
        return address_of(self.script(path), self.network)

    def witness(self, path: KeyPath, draft: Draft, index: int, spent: Sequence[Output]) -> list[bytes]:
        """The witness that opens input `index` of a draft, which spends an output of this key.

        `spent` holds the outputs that all inputs spend, in order.
        """
        private = self._private(path)
        if path.kind is KeyKind.P2TR:
            secret, _ = _taproot_output_key(private)
            return [secret.sign_schnorr(taproot_digest(draft, index, spent), _NO_AUXILIARY_RANDOMNESS)]
        public = private.public_key.format()
        script_code = b"\x76\xa9\x14" + bytes(Hash160(public)) + b"\x88\xac"
        return [_ecdsa_signature(private, draft.digest(index, script_code, spent[index].amount_sat)), public]

    def descriptor(self, kind: KeyKind, branch: Branch) -> str:
        """The output descriptor of a branch, with its checksum: for watching the wallet with other programs."""
        origin = f"[{self._fingerprint.hex()}/{_PURPOSE[kind]}h/{self._coin_type}h/0h]"
        account = self._accounts[kind].public_text(self.network)
        return with_checksum(f"{_DESCRIPTOR[kind]}({origin}{account}/{int(branch)}/*)")

    def _private(self, path: KeyPath) -> PrivateKey:
        return self._branches[path.kind, path.branch].child(path.index).private


def _taproot_output_key(internal: PrivateKey) -> tuple[PrivateKey, PublicKey]:
    """The key of an output that commits to no scripts (BIP 341, BIP 86): private and public."""
    public = internal.public_key.format()
    even = internal if public[0] == 2 else PrivateKey.from_int(_GROUP_ORDER - internal.to_int())
    tweaked = even.add(tagged_hash("TapTweak", public[1:]))
    return tweaked, tweaked.public_key


def _ecdsa_signature(private: PrivateKey, digest: bytes) -> bytes:
    """A signature of exactly `ECDSA_SIGNATURE_SIZE` bytes, deterministic."""
    attempt = 0
    while True:
        extra = ffi.new("unsigned char[32]", struct.pack("<Q", attempt) + bytes(24)) if attempt else ffi.NULL
        signature = private.sign(digest, hasher=None, custom_nonce=(ffi.NULL, extra)) + bytes((SIGHASH_ALL,))
        if len(signature) == ECDSA_SIGNATURE_SIZE:
            return signature
        attempt += 1
