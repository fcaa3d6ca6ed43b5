"""Requests out of a stream of bytes, wherever it is cut."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltnode.rpc.errors import RpcError
from boltnode.rpc.framing import MAX_NESTING, MAX_REQUEST_BYTES, FramingError, RequestReader, encode_response
from boltnode.rpc.reply_filter import filtered

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
REQUESTS = st.lists(st.dictionaries(st.text(), JSON, max_size=3) | st.lists(JSON, max_size=3), max_size=5)
SPACES = st.sampled_from(["", " ", "\n\n", "\t\r\n"])


@given(REQUESTS, SPACES, st.lists(st.integers(1, 30), min_size=1), st.booleans())
def test_requests_survive_any_cutting_and_any_space(
    requests: list[Any], space: str, cuts: list[int], ascii_: bool
) -> None:
    stream = space.join(json.dumps(request, ensure_ascii=ascii_) for request in requests)
    data = (space + stream + space).encode("utf-8", "surrogatepass" if ascii_ else "replace")
    reader, found, turn = RequestReader(), [], 0
    while data:
        size = cuts[turn % len(cuts)]
        found += reader.feed(data[:size])
        data, turn = data[size:], turn + 1
    assert found == requests


def test_fractions_are_decimals() -> None:
    assert RequestReader().feed(b'{"x":0.1}') == [{"x": Decimal("0.1")}]


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"7",
        b'"x"',
        b"null",
        b"}",
        b"{]",
        b"{'x':1}",
        b'{"x":NaN}',
        b'{"x":Infinity}',
        b'{"x":01}',
        b'{"x"}',
        b"\xff{}",
        b'{"x":"\xff"}',
        b"[1,]",
        b'{"x":"\n"}',
    ],
)
def test_what_is_no_json_object_ends_it(data: bytes) -> None:
    reader = RequestReader()
    with pytest.raises(FramingError) as first:
        reader.feed(data)
    with pytest.raises(FramingError) as second:
        reader.feed(b"{}")
    assert first.value is second.value


def test_requests_before_nonsense_still_count() -> None:
    reader = RequestReader()
    assert reader.feed(b'{"a":1}{"b":2}x{"c":3}') == [{"a": 1}, {"b": 2}]
    with pytest.raises(FramingError):
        reader.require_intact()


def test_nesting_has_a_limit() -> None:
    assert len(RequestReader().feed(b"[" * MAX_NESTING + b"]" * MAX_NESTING)) == 1
    with pytest.raises(FramingError, match="nested more than 40 deep"):
        RequestReader().feed(b"[" * (MAX_NESTING + 1))


def test_request_has_a_greatest_length() -> None:
    reader = RequestReader()
    assert reader.feed(b'{"x":"' + b"y" * (MAX_REQUEST_BYTES - 6)) == []
    with pytest.raises(FramingError, match="more than 1048576 bytes"):
        reader.feed(b"y")


def test_complete_requests_do_not_count_against_the_length() -> None:
    reader = RequestReader()
    one = b'{"x":"' + b"y" * 400_000 + b'"}'
    assert sum(len(reader.feed(one)) for _ in range(5)) == 5


def test_response_ends_as_clients_expect() -> None:
    data = encode_response({"jsonrpc": "2.0", "id": 1, "result": {"x": "ü\n\n"}})
    assert data.endswith(b"}\n\n")
    assert data.count(b"\n\n") == 1
    assert json.loads(data)["result"]["x"] == "ü\n\n"


RESULT = {"peers": [{"id": "a", "connected": True}, {"id": "b", "connected": False}], "total": 2}


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (True, RESULT),
        ({"total": True}, {"total": 2}),
        ({"peers": [{"id": True}]}, {"peers": [{"id": "a"}, {"id": "b"}]}),
        ({"peers": True, "nothing": True}, {"peers": RESULT["peers"]}),
        ({}, {}),
        ({"total": {"x": True}}, {"total": 2}),
        ({"total": [True]}, {"total": 2}),
    ],
)
def test_filter_keeps_what_was_asked_for(wanted: object, kept: object) -> None:
    assert filtered(RESULT, wanted) == kept


@pytest.mark.parametrize("wanted", [False, "x", {"total": 0}, {"peers": []}, {"peers": [True, True]}])
def test_filter_that_makes_no_sense(wanted: object) -> None:
    with pytest.raises(RpcError, match="filter: should be"):
        filtered(RESULT, wanted)
