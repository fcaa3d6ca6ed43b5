"""Every command says which of its parameters is wrong, and no parameter is taken that nothing follows from."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import boltnode.channels
from boltnode.engine import CloseChannel, FundChannel, Withdraw
from boltnode.rpc.command import Command, Parameter
from boltnode.rpc.errors import Code, RpcError
from boltnode.rpc.kinds import ABSENT
from boltnode.rpc.table import WITH_ENGINE

NODE = "02" + "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
NOT_ONE: dict[str, tuple[object, ...]] = {
    "string": (7, [], {}, "a\0b", "x" * 10_001, "\ud800"),
    "label": ([], "", True, 1.5),
    "boolean": (1, "yes", []),
    "u16": (-1, 65_536, "x", True, 1.5, [1]),
    "u32": (-1, 2**32, "x", True),
    "u64": (-1, 2**63, "x", True),
    "seconds": (-1, 2**32, "soon"),
    "port": (0, 65_536, "http"),
    "percent": (-1, 101, "half", "1e1"),
    "msat": (-1, "1.5", "1eur", True, 10**30),
    "msat or any": (-1, 0, "some", True),
    "sat or all": (-1, 0, "1msat", "most", True),
    "feerate": (0, "fast", "1persat", True),
    "hash": ("00", 7, "zz" * 32),
    "pubkey": ("00", NODE[:-2], 7, "02" + "ff" * 32),
    "short_channel_id": ("1x2", 7, "1x2x3x4", "x"),
    "array of outpoint": ("x", [7], ["00:1"], ["00" * 32 + ":x"], [f"{'00' * 32}:1"] * 101),
    "array of string": ("x", [7], ["a"] * 101),
    "unsupported": (0, "", "x", True, []),
}
"""For each kind of parameter what is none of it."""
CASES = [
    (command, entry, value)
    for command in WITH_ENGINE.values()
    for entry in command.parameters
    for value in NOT_ONE[entry.kind.name]
]


def right(command: Command, but: str) -> dict[str, object]:
    """Values for all parameters that are required, but one."""
    found: dict[str, object] = {}
    for entry in command.parameters:
        if entry.required and entry.name != but:
            values: dict[str, object] = {
                "pubkey": NODE, "sat or all": 1_000, "msat or any": 1_000, "label": "x", "string": NODE,
            }  # fmt: skip
            found[entry.name] = values[entry.kind.name]
    return found


@pytest.mark.parametrize(
    ("command", "entry", "value"),
    CASES,
    ids=[f"{command.name}-{entry.name}-{str(value)[:12]!r}" for command, entry, value in CASES],
)
def test_command_names_the_parameter_that_is_wrong(command: Command, entry: Parameter, value: object) -> None:
    with pytest.raises(RpcError) as refused:
        command.arguments(right(command, entry.name) | {entry.name: value})
    assert refused.value.code == Code.INVALID_PARAMS
    assert refused.value.message.startswith(f"{entry.name}: should be {entry.kind.expected}")


@pytest.mark.parametrize("command", WITH_ENGINE.values(), ids=WITH_ENGINE)
def test_command_names_the_parameter_that_is_missing_or_unknown_or_too_many(command: Command) -> None:
    for entry in command.parameters:
        if entry.required:
            with pytest.raises(RpcError, match=f"missing required parameter: {entry.name};"):
                command.arguments(right(command, entry.name))
    with pytest.raises(RpcError, match="unknown parameter: nonsense"):
        command.arguments(right(command, "") | {"nonsense": 1})
    with pytest.raises(RpcError, match="too many parameters"):
        command.arguments([None] * (len(command.parameters) + 1))


def test_every_kind_of_parameter_is_in_the_table_of_this_test() -> None:
    kinds = {entry.kind.name for command in WITH_ENGINE.values() for entry in command.parameters}
    assert kinds <= NOT_ONE.keys()
    assert len(CASES) > 200


@pytest.mark.parametrize("command", WITH_ENGINE.values(), ids=WITH_ENGINE)
def test_every_parameter_is_refused_or_reaches_the_command(command: Command) -> None:
    """What is checked and not passed on has one value only, which says what happens anyway."""
    taken = set(inspect.signature(command.run).parameters) - {"context", "_context"}
    assert {entry.name for entry in command.parameters if entry.passed} == taken
    for entry in command.parameters:
        if not entry.passed and entry.kind is not ABSENT:
            assert (entry.name, entry.kind.expected) == ("index", "one of created")


@pytest.mark.parametrize("request_", [FundChannel, CloseChannel, Withdraw])
def test_engine_looks_at_everything_that_it_is_asked_for(request_: type[Any]) -> None:
    read = {
        node.attr
        for path in Path(boltnode.channels.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "request"
    }
    assert {entry.name for entry in fields(request_)} <= read
