"""The command line, taken apart; the process and its exit statuses are in test_daemon.py."""

from __future__ import annotations

from typing import Any

import pytest

from boltnode.cli import WrongUse, parameters, take_apart


@pytest.mark.parametrize(
    ("words", "flags", "params"),
    [
        ([], set(), []),
        (["10sat", "tea", "a cup"], set(), ["10sat", "tea", "a cup"]),
        (["1", "-1", "true", "null", "[1]", '{"a":1}'], set(), [1, -1, True, None, [1], {"a": 1}]),
        (["007", "1.5", "[x", "nullx", "True", ""], set(), ["007", "1.5", "[x", "nullx", "True", ""]),
        (["[x]"], set(), ["[x]"]),
        (["label=7", "x=y=z"], set(), {"label": 7, "x": "y=z"}),
        (["label=7"], {"order"}, ["label=7"]),
        (["label=7"], {"keywords"}, {"label": 7}),
        ([], {"keywords"}, {}),
        (["x y=7"], set(), ["x y=7"]),
        (["a", "label=7"], set(), ["a", "label=7"]),
    ],
)
def test_parameters(words: list[str], flags: set[str], params: Any) -> None:
    assert parameters(words, flags) == params


@pytest.mark.parametrize(
    ("words", "flags", "message"),
    [
        (["x"], {"keywords"}, "not name=value: x"),
        (["a=1", "b"], set(), "not name=value: b"),
        (["a=1", "a=2"], set(), "a is given twice"),
    ],
)
def test_parameters_that_make_no_sense(words: list[str], flags: set[str], message: str) -> None:
    with pytest.raises(WrongUse, match=message):
        parameters(words, flags)


@pytest.mark.parametrize(
    ("arguments", "options", "flags", "words"),
    [
        (["getinfo"], {}, set(), ["getinfo"]),
        (["--network", "signet", "-k", "pay", "--x"], {"network": ["signet"]}, {"keywords"}, ["pay", "--x"]),
        (["--network=signet", "pay", "-k"], {"network": ["signet"]}, set(), ["pay", "-k"]),
        (["daemon", "--addr", "a:1", "--addr=b:2"], {"addr": ["a:1", "b:2"]}, set(), ["daemon"]),
        (["-R", "-h"], {}, {"raw", "help"}, []),
    ],
)
def test_line(arguments: list[str], options: dict[str, list[str]], flags: set[str], words: list[str]) -> None:
    line = take_apart(arguments)
    assert (line.options, line.flags, line.words) == (options, flags, words)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--colour", "red"], "no option --colour"),
        (["-x", "getinfo"], "no option -x"),
        (["--network"], "--network needs a value"),
        (["daemon", "--loud"], "no option --loud"),
    ],
)
def test_line_that_makes_no_sense(arguments: list[str], message: str) -> None:
    with pytest.raises(WrongUse, match=message):
        take_apart(arguments)
