"""The fuzzer's corpus of BOLT 12, and some of its random changes, replayed."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest

FUZZ = Path(__file__).parents[2] / "fuzz"
INPUTS = sorted((FUZZ / "corpus" / "bolt12").iterdir())


@pytest.fixture(scope="module")
def fuzzer() -> ModuleType:
    """The script, which is not part of a package."""
    spec = importlib.util.spec_from_file_location("fuzz_strings", FUZZ / "fuzz_strings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_input_raises_nothing_undocumented(fuzzer: ModuleType, path: Path) -> None:
    fuzzer.fuzz_bolt12(path.read_bytes())


def test_changed_inputs_raise_nothing_undocumented(fuzzer: ModuleType) -> None:
    chance = random.Random(12)
    seeds = fuzzer.corpus("bolt12")
    for _ in range(1000):
        fuzzer.fuzz_bolt12(fuzzer.mutate(seeds, chance))


def test_fuzzer_notices_a_wrong_exception(fuzzer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(offer: object) -> None:
        raise KeyError(offer)

    monkeypatch.setattr(fuzzer, "check_offer", broken)
    with pytest.raises(KeyError):
        fuzzer.fuzz_bolt12((FUZZ / "corpus" / "bolt12" / "offer_minimal").read_bytes())
