"""A command as a row of a table, and what follows from the row: checked parameters, usage, the manual."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from boltnode.rpc.errors import Code, RpcError, bad_parameter
from boltnode.rpc.kinds import ABSENT, Kind

Result: TypeAlias = Mapping[str, object]
"""The ``result`` of a response."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a command."""

    name: str
    kind: Kind
    doc: str
    """What it means, for the manual."""
    required: bool = False
    default: Any = None
    """What the command gets without it."""
    passed: bool = True
    """The command gets it; else it is checked, and nothing follows from it."""

    def read(self, value: object) -> Any:
        """The value of the parameter; :class:`boltnode.rpc.errors.RpcError` that names it for anything else."""
        try:
            return self.kind.parse(value)
        except (ValueError, TypeError, KeyError) as error:
            raise bad_parameter(self.name, self.kind.expected, value) from error


def required(name: str, kind: Kind, doc: str) -> Parameter:
    """A parameter that has to be given."""
    return Parameter(name, kind, doc, required=True)


def refused(name: str, doc: str) -> Parameter:
    """A parameter of Core Lightning's that this node has no use for; it keeps its place in the order."""
    return Parameter(name, ABSENT, doc, passed=False)


@dataclass(frozen=True, slots=True)
class Command:
    """One command."""

    name: str
    category: str
    summary: str
    """One sentence."""
    run: Callable[..., Awaitable[Result]]
    """Called with the node's services and, by keyword, each parameter of the table."""
    parameters: tuple[Parameter, ...] = ()

    @property
    def usage(self) -> str:
        """The command with its parameters, optional ones in brackets."""
        words = (entry.name if entry.required else f"[{entry.name}]" for entry in self.parameters)
        return " ".join((self.name, *words))

    def arguments(self, params: Sequence[object] | Mapping[str, object]) -> dict[str, Any]:
        """The values of all parameters, by name.

        ``params`` is an array, in the order of the table, or an object; null is as good as absent. Raises
        :class:`boltnode.rpc.errors.RpcError` that says which parameter is missing, unknown or wrong.
        """
        given = params if isinstance(params, Mapping) else self._named(params)
        if unknown := next((name for name in given if all(name != entry.name for entry in self.parameters)), None):
            raise RpcError(Code.INVALID_PARAMS, f"unknown parameter: {unknown[:40]}; usage: {self.usage}")
        found = {}
        for entry in self.parameters:
            value = given.get(entry.name)
            if value is None and entry.required:
                raise RpcError(Code.INVALID_PARAMS, f"missing required parameter: {entry.name}; usage: {self.usage}")
            read = entry.default if value is None else entry.read(value)
            if entry.passed:
                found[entry.name] = read
        return found

    def _named(self, params: Sequence[object]) -> Mapping[str, object]:
        if len(params) > len(self.parameters):
            expected = len(self.parameters)
            raise RpcError(Code.INVALID_PARAMS, f"too many parameters: got {len(params)}, expected {expected}")
        return {entry.name: value for entry, value in zip(self.parameters, params, strict=False)}
