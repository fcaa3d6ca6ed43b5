"""The ``init`` message put together and judged (BOLT 1, The init Message)."""

from collections.abc import Iterable

from boltwire.addresses import Address, encode_remote_addr
from boltwire.features import BY_NAME, Context, FeatureBits, check_origin, check_peer, combine
from boltwire.messages import Init


def init(features: FeatureBits, chain_hashes: Iterable[bytes], remote_addr: Address | None = None) -> Init:
    """Our first message: features, all chains of interest (B01-init-s-07), and how we see the peer's address.

    The features have to be what a node may present (ValueError otherwise, see :func:`boltwire.features.check_origin`);
    the legacy bit map stays empty, so that it has no bit above 13 (B01-init-s-05).
    """
    check_origin(features, Context.INIT)
    return Init(
        globalfeatures=b"",
        features=features.to_bytes(),
        networks=tuple(chain_hashes),
        remote_addr=None if remote_addr is None else encode_remote_addr(remote_addr),
    )


def accept_init(message: Init, supported: Iterable[str] = BY_NAME) -> FeatureBits:
    """The features that a peer offers; :class:`boltwire.errors.MessageError` if the connection is to be closed.

    B01-init-r-02 (both bit maps count), B01-init-r-04, B01-init-r-05, B01-init-r-07.
    """
    offered = combine(message.globalfeatures, message.features)
    check_peer(offered, supported)
    return offered


def has_common_chain(message: Init, chain_hashes: Iterable[bytes]) -> bool:
    """Whether the peer is interested in one of our chains; without ``networks`` it may be."""
    return message.networks is None or not frozenset(message.networks).isdisjoint(chain_hashes)
