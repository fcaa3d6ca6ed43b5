"""The networks that the node runs on: those whose coins are worth nothing.

The node is made to be read and experimented with. Its rules are checked, its operation is not hardened: no watchtower,
no backup, no review by people who run nodes for a living. So it takes part in no network with real money, and there is
no option to make it.
"""

from dataclasses import dataclass
from typing import Final

from boltwire.bolt11 import REGTEST, SIGNET, Currency
from boltwire.chains import DEFAULT_PORTS, chain_hash

REGTEST_PORT: Final = 19846
"""TCP port on regtest, which BOLT 1 does not name; that of Core Lightning."""


class UnsupportedNetwork(ValueError):
    """Not a network for this node."""


@dataclass(frozen=True, slots=True)
class Network:
    """A Bitcoin network, as the layers of the node name it."""

    name: str
    """Bitcoin's name, and that of the folder."""
    currency: Currency
    """Prefix of invoices and addresses."""
    default_port: int

    @property
    def chain_hash(self) -> bytes:
        """32 bytes, as in messages."""
        return chain_hash(self.name)


NETWORKS: Final = {
    "regtest": Network("regtest", REGTEST, REGTEST_PORT),
    "signet": Network("signet", SIGNET, DEFAULT_PORTS["signet"]),
}
"""By name."""


def network_named(name: str) -> Network:
    """The network; :class:`UnsupportedNetwork` says why another is refused."""
    if name not in NETWORKS:
        raise UnsupportedNetwork(
            f"{name!r} is not supported: this node is for experiments and runs on {' and '.join(NETWORKS)} only,"
            " where coins are worth nothing"
        )
    return NETWORKS[name]
