"""The scripts of BOLT 3: funding, ``to_local``, ``to_remote``, anchors, offered and received HTLCs; and p2wpkh, p2wsh.

Keys are 33-byte compressed points, ``payment_hash`` is 32 bytes, delays are in blocks, expiries are heights. Point of
view of BOLT 3: *local* owns the commitment transaction. Two scripts have the same bytes exactly if the two peers build
the same transaction, so every opcode stands here in the order of the BOLT.

The stacks that unlock these scripts are in :mod:`boltwire.witnesses`.
"""

from boltwire.hashes import hash160, ripemd160, sha256

OP_0 = b"\x00"
OP_1 = b"\x51"
OP_2 = b"\x52"
OP_16 = b"\x60"
OP_IF = b"\x63"
OP_NOTIF = b"\x64"
OP_ELSE = b"\x67"
OP_ENDIF = b"\x68"
OP_RETURN = b"\x6a"
OP_IFDUP = b"\x73"
OP_DROP = b"\x75"
OP_DUP = b"\x76"
OP_SWAP = b"\x7c"
OP_SIZE = b"\x82"
OP_EQUAL = b"\x87"
OP_EQUALVERIFY = b"\x88"
OP_HASH160 = b"\xa9"
OP_CHECKSIG = b"\xac"
OP_CHECKSIGVERIFY = b"\xad"
OP_CHECKMULTISIG = b"\xae"
OP_CHECKLOCKTIMEVERIFY = b"\xb1"
OP_CHECKSEQUENCEVERIFY = b"\xb2"

_PUSH_20 = b"\x14"
_PUSH_32 = b"\x20"
_PUSH_33 = b"\x21"
_REVOCATION_BRANCH_END = OP_EQUAL + OP_IF + OP_CHECKSIG + OP_ELSE
_SIZE_IS_32 = OP_SWAP + OP_SIZE + b"\x01\x20" + OP_EQUAL
_ONE_BLOCK_DELAY = OP_1 + OP_CHECKSEQUENCEVERIFY + OP_DROP


PAY_TO_ANCHOR = OP_1 + b"\x02\x4e\x73"
"""The pay-to-anchor output script: anybody can spend it."""


def push_number(value: int) -> bytes:
    """The shortest push of a number from 0 to 2^39-1 as Bitcoin scripts count: little-endian, sign in the top bit."""
    if not 0 <= value < 2**39:
        raise ValueError(f"a number that locks a script is between 0 and 2^39-1, not {value}")
    if value == 0:
        return OP_0
    if value <= 16:
        return bytes((0x50 + value,))
    size = value.bit_length() // 8 + 1
    return bytes((size,)) + value.to_bytes(size, "little")


def p2wsh(witness_script: bytes) -> bytes:
    """The 34-byte output script that pays to a witness script (BIP 141)."""
    return OP_0 + _PUSH_32 + sha256(witness_script)


def p2wpkh(pubkey: bytes) -> bytes:
    """The 22-byte output script that pays to a key (BIP 141)."""
    return OP_0 + _PUSH_20 + hash160(pubkey)


def p2tr(output_key: bytes) -> bytes:
    """The 34-byte output script that pays to a taproot output key of 32 bytes (BIP 341)."""
    return OP_1 + _PUSH_32 + output_key


def is_witness_program(script_pubkey: bytes) -> bool:
    """Whether an output script is a version opcode (0 to 16) and one push of 2 to 40 bytes: any segwit output."""
    version, size = script_pubkey[:1], len(script_pubkey)
    is_version = version == OP_0 or OP_1 <= version <= OP_16
    return 4 <= size <= 42 and is_version and script_pubkey[1] == size - 2


def p2wpkh_script_code(pubkey: bytes) -> bytes:
    """What stands for the script when the signature of a p2wpkh input is hashed (BIP 143): p2pkh of the key."""
    return OP_DUP + OP_HASH160 + _PUSH_20 + hash160(pubkey) + OP_EQUALVERIFY + OP_CHECKSIG


def funding_script(pubkey1: bytes, pubkey2: bytes) -> bytes:
    """The witness script of the funding output: both keys sign, lesser key first whatever the arguments' order."""
    first, second = sorted((pubkey1, pubkey2))
    return OP_2 + _PUSH_33 + first + _PUSH_33 + second + OP_2 + OP_CHECKMULTISIG


def to_local_script(revocationpubkey: bytes, to_self_delay: int, local_delayedpubkey: bytes) -> bytes:
    """The ``to_local`` output, and the output of both HTLC transactions.

    Remote takes it at once with the revocation key, local after ``to_self_delay`` blocks.
    """
    penalty = OP_IF + _PUSH_33 + revocationpubkey
    delayed = OP_ELSE + push_number(to_self_delay) + OP_CHECKSEQUENCEVERIFY + OP_DROP + _PUSH_33 + local_delayedpubkey
    return penalty + delayed + OP_ENDIF + OP_CHECKSIG


def to_remote_anchors_script(remotepubkey: bytes) -> bytes:
    """The ``to_remote`` output with ``option_anchors``: remote after one block; without, it is :func:`p2wpkh`."""
    return _PUSH_33 + remotepubkey + OP_CHECKSIGVERIFY + OP_1 + OP_CHECKSEQUENCEVERIFY


def anchor_script(funding_pubkey: bytes) -> bytes:
    """An anchor output: the holder of the funding key at once, anybody after 16 blocks."""
    anybody = OP_IFDUP + OP_NOTIF + OP_16 + OP_CHECKSEQUENCEVERIFY + OP_ENDIF
    return _PUSH_33 + funding_pubkey + OP_CHECKSIG + anybody


def offered_htlc_script(
    revocationpubkey: bytes,
    local_htlcpubkey: bytes,
    remote_htlcpubkey: bytes,
    payment_hash: bytes,
    *,
    has_anchors: bool,
) -> bytes:
    """An HTLC that local offered: remote by preimage or revocation, local by the HTLC-timeout transaction."""
    revocation = OP_DUP + OP_HASH160 + _PUSH_20 + hash160(revocationpubkey) + _REVOCATION_BRANCH_END
    either = _PUSH_33 + remote_htlcpubkey + _SIZE_IS_32
    timeout = OP_NOTIF + OP_DROP + OP_2 + OP_SWAP + _PUSH_33 + local_htlcpubkey + OP_2 + OP_CHECKMULTISIG
    preimage = OP_ELSE + OP_HASH160 + _PUSH_20 + ripemd160(payment_hash) + OP_EQUALVERIFY + OP_CHECKSIG + OP_ENDIF
    return revocation + either + timeout + preimage + (_ONE_BLOCK_DELAY if has_anchors else b"") + OP_ENDIF


def received_htlc_script(
    revocationpubkey: bytes,
    local_htlcpubkey: bytes,
    remote_htlcpubkey: bytes,
    payment_hash: bytes,
    cltv_expiry: int,
    *,
    has_anchors: bool,
) -> bytes:
    """An HTLC that local received: remote by time-out or revocation, local by the HTLC-success transaction."""
    revocation = OP_DUP + OP_HASH160 + _PUSH_20 + hash160(revocationpubkey) + _REVOCATION_BRANCH_END
    either = _PUSH_33 + remote_htlcpubkey + _SIZE_IS_32
    preimage = OP_IF + OP_HASH160 + _PUSH_20 + ripemd160(payment_hash) + OP_EQUALVERIFY
    success = preimage + OP_2 + OP_SWAP + _PUSH_33 + local_htlcpubkey + OP_2 + OP_CHECKMULTISIG
    expiry = OP_DROP + push_number(cltv_expiry) + OP_CHECKLOCKTIMEVERIFY + OP_DROP
    timeout = OP_ELSE + expiry + OP_CHECKSIG + OP_ENDIF
    return revocation + either + success + timeout + (_ONE_BLOCK_DELAY if has_anchors else b"") + OP_ENDIF
