"""The ``filter`` of a request: which parts of the result the client wants to have."""

from collections.abc import Mapping, Sequence

from boltnode.rpc.errors import Code, RpcError


def filtered(value: object, wanted: object) -> object:
    """The parts of ``value`` for which ``wanted`` has ``true``; an array's pattern has one element, for each of them.

    :class:`boltnode.rpc.errors.RpcError` for a pattern that is neither ``true`` nor an object nor such an array.
    """
    if wanted is True:
        return value
    if isinstance(wanted, Mapping):
        if not isinstance(value, Mapping):
            return value
        return {name: filtered(value[name], inner) for name, inner in wanted.items() if name in value}
    if isinstance(wanted, list) and len(wanted) == 1:
        if not isinstance(value, Sequence) or isinstance(value, str):
            return value
        return [filtered(item, wanted[0]) for item in value]
    raise RpcError(Code.INVALID_REQUEST, "filter: should be true, an object, or an array of one element")
