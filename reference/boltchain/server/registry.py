"""The RPC methods by name, and how one is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from boltchain.server.node import RegtestNode
from boltchain.server.parameters import METHOD_UNKNOWN, MISC, Failure

Method = Callable[..., Any]
"""Takes the node and its parameters, and gives what is to be JSON, or an awaitable of that."""

METHODS: dict[str, Method] = {}
"""The methods by name."""


def method(function: Method) -> Method:
    """Enter a function into the registry under its own name."""
    METHODS[function.__name__] = function
    return function


async def call(node: RegtestNode, name: str, parameters: Sequence[Any] | dict[str, Any]) -> Any:
    """Carry out a call; Failure if that is impossible."""
    method = METHODS.get(name)
    if method is None:
        raise Failure(METHOD_UNKNOWN, f"Method not found: {name!r}. `help` lists those that there are.")
    signature = inspect.signature(method)
    try:
        if isinstance(parameters, dict):
            bound = signature.bind(node, **parameters)
        else:
            bound = signature.bind(node, *parameters)
    except TypeError as failure:
        raise Failure(MISC, f"{failure}; usage: {usage(name)}") from failure
    result = method(*bound.args, **bound.kwargs)
    return await result if inspect.isawaitable(result) else result


def usage(name: str) -> str:
    """How a method is called."""
    _, *parameters = inspect.signature(METHODS[name]).parameters.values()
    optional = inspect.Parameter.empty
    return " ".join([name, *(each.name if each.default is optional else f"[{each.name}]" for each in parameters)])
