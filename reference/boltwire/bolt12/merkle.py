"""The Merkle tree over the records of a TLV stream (BOLT 12, Signature Calculation).

Each record is a leaf beside a nonce leaf that depends on the first record: who is shown a part of the tree cannot guess
the records that are hidden from him. The two children of a node are ordered by value, so proofs need no directions.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from boltwire.bigsize import encode_bigsize
from boltwire.tlv import TlvRecord, encode_tlv_stream

SIGNATURE_TYPES: Final = range(240, 1001)
"""Types of records that hold signatures; they are not part of the tree."""


def tagged_hash(tag: bytes, message: bytes) -> bytes:
    """H(tag, message) of the BOLT, BIP 340's tagged hash (32 bytes); here, a tag can be any bytes."""
    prefix = hashlib.sha256(tag).digest()
    return hashlib.sha256(prefix + prefix + message).digest()


def merkle_root(records: Sequence[TlvRecord]) -> bytes:
    """The root (32 bytes) over all ``records`` but signatures; ValueError when there is nothing else."""
    signed = [record for record in records if record.type not in SIGNATURE_TYPES]
    if not signed:
        raise ValueError("a stream without records has no Merkle root")
    nodes = merkle_leaves(signed)
    while len(nodes) > 1:
        nodes = _next_level(nodes)
    return nodes[0]


def merkle_leaves(records: Sequence[TlvRecord]) -> list[bytes]:
    """For each of ``records`` (at least one, no signatures) the parent of its leaf and its nonce leaf."""
    nonce_tag = b"LnNonce" + encode_tlv_stream(records[:1])
    return [
        merkle_branch(
            tagged_hash(b"LnLeaf", encode_tlv_stream([record])), tagged_hash(nonce_tag, encode_bigsize(record.type))
        )
        for record in records
    ]


def merkle_branch(one: bytes, other: bytes) -> bytes:
    """The parent of two nodes, the lesser one first."""
    return tagged_hash(b"LnBranch", min(one, other) + max(one, other))


def _next_level(nodes: list[bytes]) -> list[bytes]:
    """Parents of neighbours; a last node without neighbour goes up alone, so the tree is deepest at its start."""
    parents = [merkle_branch(one, other) for one, other in zip(nodes[::2], nodes[1::2], strict=False)]
    return parents + nodes[len(parents) * 2 :]
