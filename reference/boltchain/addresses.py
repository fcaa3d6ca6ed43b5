"""Addresses: the strings that people use for output scripts. The parsing and the checksums are `python-bitcointx`'s."""

from __future__ import annotations

from bitcointx import ChainParams
from bitcointx.core.script import CScript
from bitcointx.wallet import CCoinAddress, CCoinAddressError

NETWORKS = {"main": "bitcoin", "test": "bitcoin/testnet", "signet": "bitcoin/signet", "regtest": "bitcoin/regtest"}
"""Bitcoin Core's names of networks (as in `getblockchaininfo`), and bitcointx's."""


def script_of(address: str, network: str) -> bytes:
    """The output script that an address of `network` stands for.

    ValueError if it is none: misspelt, of another network, or of a kind that is not known. LookupError for a network
    that is not in `NETWORKS`.
    """
    with ChainParams(NETWORKS[network]):
        try:
            return bytes(CCoinAddress(address).to_scriptPubKey())
        except CCoinAddressError as error:
            msg = f"not an address of {network}: {address!r}"
            raise ValueError(msg) from error


def address_of(script_pubkey: bytes, network: str) -> str:
    """The address of an output script. ValueError if there is none for such a script."""
    with ChainParams(NETWORKS[network]):
        try:
            return str(CCoinAddress.from_scriptPubKey(CScript(script_pubkey)))
        except CCoinAddressError as error:
            msg = f"no address for the script {script_pubkey.hex()}"
            raise ValueError(msg) from error
