"""The table of commands: checked parameters, help, and functions that take what the table says."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from boltnode.rpc.command import Command, Parameter, refused, required
from boltnode.rpc.errors import Code, RpcError
from boltnode.rpc.kinds import ABSENT, BOOLEAN, TEXT, U16
from boltnode.rpc.table import WITH_ENGINE, WITHOUT_ENGINE

PROMISED = (
    "getinfo newaddr listfunds connect disconnect fundchannel listpeers listpeerchannels invoice listinvoices"
    " decode pay listpays close withdraw help stop"
)


async def nothing(_: object) -> dict[str, object]:
    return {}


COMMAND = Command(
    "play",
    "test",
    "Play.",
    nothing,
    (
        required("name", TEXT, "The tune."),
        Parameter("volume", U16, "How loud.", default=5),
        refused("tempo", "It follows from the tune."),
        Parameter("loop", BOOLEAN, "Again and again.", default=False),
        Parameter("checked", U16, "Nothing follows from it.", passed=False),
    ),
)


def error(params: Any) -> str:
    with pytest.raises(RpcError) as found:
        COMMAND.arguments(params)
    assert found.value.code is Code.INVALID_PARAMS
    return found.value.message


@pytest.mark.parametrize(
    "params",
    [
        ["x", 7],
        {"name": "x", "volume": 7},
        {"name": "x", "volume": "7", "loop": None},
        ["x", 7, None, False],
        ["x", 7, None, None, 3],
    ],
)
def test_same_values_by_position_and_by_name(params: Any) -> None:
    assert COMMAND.arguments(params) == {"name": "x", "volume": 7, "loop": False}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ([], "missing required parameter: name; usage: play name [volume] [tempo] [loop] [checked]"),
        ({"volume": 7}, "missing required parameter: name"),
        ({"name": None}, "missing required parameter: name"),
        ({"name": "x", "colour": 1}, "unknown parameter: colour; usage: play"),
        (["x", 1, None, True, 1, 1], "too many parameters: got 6, expected 5"),
        (["x", -1], "volume: should be an unsigned 16 bit integer: invalid token '-1'"),
        (["x", 1, 2], "tempo: should be absent: this node does not support it: invalid token '2'"),
        (["x", 1, None, "maybe"], "loop: should be 'true' or 'false': invalid token 'maybe'"),
        (["x", 1, None, True, "y"], "checked: should be an unsigned 16 bit integer: invalid token 'y'"),
        ([["x"]], "name: should be a string of at most 10000 characters: invalid token '['x']'"),
    ],
)
def test_bad_parameter_is_named_with_what_was_expected(params: Any, message: str) -> None:
    assert error(params).startswith(message)


def test_error_repeats_no_more_than_a_piece_of_what_was_given() -> None:
    assert len(error({"name": "x" * 100_000})) < 250
    assert len(error({"y" * 100_000: 1})) < 250


def test_every_promised_command_is_there_and_no_other() -> None:
    assert set(PROMISED.split()) == set(WITH_ENGINE)
    assert set(WITHOUT_ENGINE) < set(WITH_ENGINE)


@pytest.mark.parametrize("command", WITH_ENGINE.values(), ids=lambda command: command.name)
def test_function_takes_what_the_table_passes(command: Command) -> None:
    taken = inspect.signature(command.run).parameters
    names = [name for name, entry in taken.items() if entry.kind is entry.KEYWORD_ONLY]
    assert names == [entry.name for entry in command.parameters if entry.passed]


@pytest.mark.parametrize("command", WITH_ENGINE.values(), ids=lambda command: command.name)
def test_row_is_complete(command: Command) -> None:
    assert command.summary.endswith(".")
    assert all(entry.doc.endswith(".") for entry in command.parameters)
    needed = [entry.required for entry in command.parameters]
    assert needed == sorted(needed, reverse=True), "required parameters come first"
    assert not any(entry.required and (entry.default is not None or not entry.passed) for entry in command.parameters)
    assert all(not entry.passed for entry in command.parameters if entry.kind is ABSENT)
