"""The secrets of one channel: all from the node's seed and the channel's random key id (BOLT 3, Keys).

Nothing of them is stored: the key id is, with the channel's record.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from boltnode.keys import derive, derive_key
from boltwire.channel_terms import Announced
from boltwire.keys import BasepointSecrets
from boltwire.per_commitment_secrets import generate_from_seed, secret_index
from boltwire.secp256k1 import PrivateKey, PublicKey

KEY_ID_SIZE: Final = 16
"""Random bytes that tell the keys of one channel from those of all others."""


@dataclass(frozen=True, slots=True)
class ChannelKeys:
    """All secrets of one channel."""

    funding_key: PrivateKey
    basepoint_secrets: BasepointSecrets
    per_commitment_seed: bytes
    """32 bytes; all per-commitment secrets follow from it (B03-per-commitment-secret-n-04)."""
    announced: Announced
    """The public half, as the peer gets it."""

    @classmethod
    def of(cls, seed: bytes, key_id: bytes) -> Self:
        """The keys that belong to a key id, from the seed of the node."""
        name = f"channel {key_id.hex()}"
        secrets = BasepointSecrets(
            *(derive_key(seed, f"{name} {part}") for part in ("revocation", "payment", "delayed payment", "htlc"))
        )
        funding_key = derive_key(seed, f"{name} funding")
        per_commitment_seed = derive(seed, f"{name} per-commitment seed")
        return cls(funding_key, secrets, per_commitment_seed, Announced(funding_key.public_key, secrets.basepoints()))

    def secret_of(self, number: int) -> PrivateKey:
        """The per-commitment secret of our commitment of that number. ValueError unless it has one."""
        return _secret(self.per_commitment_seed, number)

    def point_of(self, number: int) -> PublicKey:
        """The ``per_commitment_point`` of our commitment of that number."""
        return self.secret_of(number).public_key

    def __repr__(self) -> str:
        """Without the secrets, so that no log shows them."""
        return f"ChannelKeys({self.funding_key.public_key.encoded.hex()})"


@lru_cache(maxsize=256)
def _secret(seed: bytes, number: int) -> PrivateKey:
    return PrivateKey(generate_from_seed(seed, secret_index(number)))
