"""The witness stacks of BOLT 3: what unlocks each script of :mod:`boltwire.scripts`, path by path.

Items go from the bottom of the stack to the top; the last one is the witness script. Signatures are items as they stand
in a witness: DER with the sighash byte (:mod:`boltwire.sighash`). Where one signature is enough it comes first, and the
functions named ``..._tail`` give what follows it (see :class:`boltwire.spend.Spend`).
"""

Witness = tuple[bytes, ...]
"""A witness stack, or its end."""

_EMPTY = b""
_ONE = b"\x01"


def funding_witness(
    signature1: bytes, funding_pubkey1: bytes, signature2: bytes, funding_pubkey2: bytes, script: bytes
) -> Witness:
    """Both peers spend the funding output: signatures in the order of the keys, whichever is given first."""
    (_, first), (_, second) = sorted(((funding_pubkey1, signature1), (funding_pubkey2, signature2)))
    return _EMPTY, first, second, script


def htlc_success_witness(remotehtlcsig: bytes, localhtlcsig: bytes, payment_preimage: bytes, script: bytes) -> Witness:
    """The HTLC-success transaction spends a received HTLC."""
    return _EMPTY, remotehtlcsig, localhtlcsig, payment_preimage, script


def htlc_timeout_witness(remotehtlcsig: bytes, localhtlcsig: bytes, script: bytes) -> Witness:
    """The HTLC-timeout transaction spends an offered HTLC."""
    return _EMPTY, remotehtlcsig, localhtlcsig, _EMPTY, script


def delayed_tail(script: bytes) -> Witness:
    """Local takes ``to_local`` or the output of an HTLC transaction; ``nSequence`` must be ``to_self_delay``."""
    return _EMPTY, script


def revocation_tail(script: bytes) -> Witness:
    """Remote takes a revoked ``to_local`` or the output of a revoked HTLC transaction."""
    return _ONE, script


def p2wpkh_tail(pubkey: bytes) -> Witness:
    """The holder of a key takes a p2wpkh output: remote ``to_remote`` without ``option_anchors``."""
    return (pubkey,)


def key_tail(script: bytes) -> Witness:
    """Nothing but the signature: remote takes ``to_remote`` with anchors (``nSequence`` 1), or an anchor's owner it."""
    return (script,)


def htlc_preimage_tail(payment_preimage: bytes, script: bytes) -> Witness:
    """Remote takes an HTLC that local offered."""
    return payment_preimage, script


def htlc_expired_tail(script: bytes) -> Witness:
    """Remote takes back an HTLC that local received; ``nLockTime`` must be at least ``cltv_expiry``."""
    return _EMPTY, script


def htlc_revocation_tail(revocationpubkey: bytes, script: bytes) -> Witness:
    """Remote takes any HTLC output of a revoked commitment transaction."""
    return revocationpubkey, script


def anchor_anybody_witness(script: bytes) -> Witness:
    """Anybody takes an anchor, without a signature; ``nSequence`` must be 16."""
    return _EMPTY, script
