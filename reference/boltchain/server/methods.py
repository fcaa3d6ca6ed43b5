"""The RPC methods of a served chain: a part of Bitcoin Core's, with its parameters, answers and error codes.

A method takes the node and its parameters and gives what is to be JSON; whatever is wrong is a `Failure` with Bitcoin
Core's code. Those that may take long (`generate...`) are asynchronous and let others in between two blocks.
"""

from __future__ import annotations

from boltchain.server import chain_methods, mining_methods, node_methods, pool_methods
from boltchain.server.registry import METHODS, call, usage

FAMILIES = (chain_methods, pool_methods, mining_methods, node_methods)
"""The modules that fill the registry."""

__all__ = ["FAMILIES", "METHODS", "call", "usage"]
