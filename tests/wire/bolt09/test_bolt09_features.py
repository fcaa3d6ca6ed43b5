"""Feature bits (BOLT 9)."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.features import (
    BY_NAME,
    FEATURES,
    Context,
    FeatureBits,
    check_origin,
    check_peer,
    dependencies,
    negotiated,
    restrict,
    with_dependencies,
)

ANYSEGWIT, SIMPLE_CLOSE = "option_shutdown_anysegwit", "option_simple_close"
bits = st.frozensets(st.integers(0, 300))


@given(bits)
def test_bit_map_round_trip_is_minimal(found: frozenset[int]) -> None:
    """B01-init-s-01 B01-init-s-06 B07-channel-announcement-o-14 B07-node-announcement-o-16"""
    data = FeatureBits(found).to_bytes()
    assert not data.startswith(b"\0")
    assert FeatureBits.from_bytes(data) == FeatureBits.from_bytes(b"\0\0" + data) == found
    assert int.from_bytes(data, "big") == sum(1 << bit for bit in found)


def test_longest_bit_map_takes_linear_time() -> None:
    data = b"\xff" * 65535
    start = time.perf_counter()
    assert FeatureBits.from_bytes(data).to_bytes() == data
    assert time.perf_counter() - start < 5


def test_table_is_well_formed() -> None:
    assert [feature.bit for feature in FEATURES] == sorted({feature.bit for feature in FEATURES})
    assert all(feature.bit % 2 == 0 for feature in FEATURES)
    assert all(set(feature.contexts) <= {context.value for context in Context} for feature in FEATURES)
    assert all(bool(feature.contexts) is not feature.assumed for feature in FEATURES)
    assert all(needed in BY_NAME for feature in FEATURES for needed in feature.dependencies)


def test_support_is_odd_and_requirement_is_even() -> None:
    """B09-features-o-01 B09-features-o-02"""
    assert FeatureBits.of(optional=["option_anchors"]) == FeatureBits({23})
    assert FeatureBits.of(required=["option_anchors"]) == FeatureBits({22})
    for found in ({22}, {23}, {22, 23}):
        assert FeatureBits(found).has("option_anchors")
    assert FeatureBits({22, 23}).requires("option_anchors")
    assert not FeatureBits({23}).requires("option_anchors")
    assert not FeatureBits().has("option_anchors")


def test_variable_onions_are_always_supported() -> None:
    """B09-features-o-07"""
    assert FeatureBits().has("var_onion_optin")
    check_peer(FeatureBits({8}), supported=[])


@pytest.mark.parametrize("bit", [2, 3, 64, 1000])
def test_bits_outside_the_table_are_not_presented(bit: int) -> None:
    """B09-features-o-03 B01-init-s-03 B01-init-s-04"""
    with pytest.raises(ValueError, match=rf"bits \[{bit}\]"):
        check_origin({bit}, Context.INIT)


@pytest.mark.parametrize("context", Context)
def test_features_appear_in_their_contexts_only(context: Context) -> None:
    """B09-features-o-04 B07-channel-announcement-o-13 B07-node-announcement-o-15"""
    for feature in FEATURES:
        if feature.assumed:
            continue
        listed = context.value in feature.contexts
        assert restrict({feature.bit + 1}, context) == FeatureBits({feature.bit + 1} if listed else ())
        found = with_dependencies({feature.bit + 1})
        if listed:
            check_origin(found, context)
        else:
            with pytest.raises(ValueError, match=f"not presented in context {context}"):
                check_origin(found, context)


def test_assumed_features_may_still_be_presented() -> None:
    check_origin({0, 8, 12, 14, 44}, Context.INIT)
    check_origin({12, 22}, Context.CHANNEL_TYPE)
    check_origin({8, 14}, Context.INVOICE)
    with pytest.raises(ValueError, match="not presented"):
        check_origin({0}, Context.INVOICE)


def test_one_bit_of_a_pair() -> None:
    """B09-features-o-05"""
    check_origin({22}, Context.INIT)
    with pytest.raises(ValueError, match=r"both bits of a pair are set: \[22\]"):
        check_origin({22, 23}, Context.INIT)


def test_dependencies_are_set_as_well() -> None:
    """B09-features-o-06"""
    assert list(dependencies(SIMPLE_CLOSE)) == [ANYSEGWIT]
    check_origin(FeatureBits.of(optional=[SIMPLE_CLOSE, ANYSEGWIT]), Context.INIT)
    with pytest.raises(ValueError, match=f"{SIMPLE_CLOSE} depends on {ANYSEGWIT}"):
        check_origin(FeatureBits.of(optional=[SIMPLE_CLOSE]), Context.INIT)
    assert with_dependencies(FeatureBits.of(required=[SIMPLE_CLOSE])) == FeatureBits({60, 27})
    assert FeatureBits({17}).missing_dependencies() == []


@given(bits)
def test_closure_of_dependencies_is_complete_and_adds_nothing_else(found: frozenset[int]) -> None:
    """B09-features-o-06"""
    closed = with_dependencies(found)
    assert closed.missing_dependencies() == []
    assert closed >= found
    assert with_dependencies(closed) == closed


@pytest.mark.parametrize(
    ("local", "remote", "expected"),
    [
        ({23}, {23}, True),
        ({23}, {22}, True),
        ({22}, set(), True),
        ({23}, set(), False),
        (set(), {22}, False),
    ],
)
def test_negotiation(local: set[int], remote: set[int], expected: bool) -> None:
    """B01-init-r-03"""
    assert negotiated("option_anchors", FeatureBits(local), FeatureBits(remote)) is expected


def test_names_and_unknown_bits() -> None:
    """B01-init-r-04 B01-init-r-05"""
    found = FeatureBits({22, 25, 100, 101, 103})
    assert list(found.names()) == ["option_anchors", "option_route_blinding"]
    assert found.unknown_required() == [100]
    assert found.unknown_required(["option_route_blinding"]) == [22, 100]
    assert repr(FeatureBits({3, 1})) == "FeatureBits([1, 3])"


def test_every_feature_that_a_message_names_is_in_the_table() -> None:
    from boltwire.messages import rows

    named = {feature for row in rows() if row.feature for feature in row.feature.split("|")}
    assert named <= set(BY_NAME)


def test_every_feature_of_the_requirements_is_in_the_table() -> None:
    path = Path(__file__).parents[3] / "spec" / "boltspec" / "requirements"
    named: set[str] = set()
    for table in path.glob("bolt*.tsv"):
        lines = table.read_text().splitlines()[1:]
        named |= {part for line in lines for part in line.split("\t")[5].replace("+", "|").split("|")}
    assert named - set(BY_NAME) == {"base"}, json.dumps(sorted(named))
