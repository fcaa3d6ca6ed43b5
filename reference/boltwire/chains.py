"""Chains by ``chain_hash``: the hash of the genesis block, in the byte order of Bitcoin's own messages (BOLT 0)."""

from typing import Final

BITCOIN_CHAIN_HASH: Final = bytes.fromhex("6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000")
"""Bitcoin's main network (B07-channel-announcement-o-02)."""

CHAIN_HASHES: Final = {
    "bitcoin": BITCOIN_CHAIN_HASH,
    "testnet": bytes.fromhex("43497fd7f826957108f4a30fd9cec3aeba79972084e90ead01ea330900000000"),
    "testnet4": bytes.fromhex("43f08bdab050e35b567c864b91f47f50ae725ae2de53bcfbbaf284da00000000"),
    "signet": bytes.fromhex("f61eee3b63a380a477a063af32b2bbc97c9ff9f01f2c4225e973988108000000"),
    "regtest": bytes.fromhex("06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f"),
}
"""Networks by the name that Bitcoin's software gives them."""

DEFAULT_PORTS: Final = {"bitcoin": 9735, "testnet": 19735, "signet": 39735}
"""TCP port that a node listens on, by network (BOLT 1, Overview)."""


def chain_hash(network: str) -> bytes:
    """The ``chain_hash`` that messages about channels on ``network`` carry.

    B02-open-channel-s-01, B07-channel-announcement-o-01, B07-query-scids-s-03, B07-query-range-s-03,
    B07-timestamp-filter-s-01. KeyError for a network that is not in the table.
    """
    return CHAIN_HASHES[network]
