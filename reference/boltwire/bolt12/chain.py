"""The chain of an offer or request, which is left out of the message when it is Bitcoin."""

from collections.abc import Sequence

from boltwire.chains import BITCOIN_CHAIN_HASH


def offer_chains(chains: Sequence[bytes]) -> tuple[bytes, ...] | None:
    """The field ``offer_chains`` for an offer that can be paid on ``chains``, given by chain hash.

    They are listed (B12-offers-w-02) unless Bitcoin is the only one (B12-offers-w-03). ValueError without any chain.
    """
    if not chains:
        raise ValueError("an offer is for at least one chain")
    return None if list(chains) == [BITCOIN_CHAIN_HASH] else tuple(chains)


def invreq_chain(chain: bytes) -> bytes | None:
    """The field ``invreq_chain`` for a payment on ``chain``; left out for Bitcoin.

    B12-invoice-requests-w-03, B12-invoice-requests-w-19.
    """
    return None if chain == BITCOIN_CHAIN_HASH else chain
