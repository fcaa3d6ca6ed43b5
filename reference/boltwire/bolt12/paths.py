"""Blinded paths as they stand in the fields of BOLT 12; the path itself is BOLT 4's."""

from boltwire.errors import TlvError
from boltwire.onion.blinded_path import BlindedPath
from boltwire.secp256k1 import CurveError, PublicKey


def encode_paths(paths: tuple[BlindedPath, ...]) -> bytes:
    """The paths, one after the other; ValueError for one that has no encoding."""
    return b"".join(path.encode() for path in paths)


def decode_paths(data: bytes) -> tuple[BlindedPath, ...]:
    """All paths in ``data``; :class:`TlvError` for a truncated one or a key that is not a point.

    A path without hops has an encoding; whether it may be used is up to the rules of the message.
    """
    paths = []
    offset = 0
    while offset < len(data):
        path, offset = BlindedPath.decode_at(data, offset)
        _require_points(path)
        paths.append(path)
    return tuple(paths)


def _require_points(path: BlindedPath) -> None:
    """A path is encrypted along its keys, so all of them have to be on the curve."""
    keys = {"first_path_key": path.first_path_key}
    if isinstance(path.first_node_id, bytes):
        keys["first_node_id"] = path.first_node_id
    for number, hop in enumerate(path.path):
        keys[f"path[{number}].blinded_node_id"] = hop.blinded_node_id
    for name, key in keys.items():
        try:
            PublicKey(key)
        except CurveError as error:
            raise TlvError(error.reason, field=name) from error
