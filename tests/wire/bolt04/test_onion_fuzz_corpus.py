"""The inputs that fuzzing starts from, and those that it found worth keeping, through the same checks once more."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FUZZ = Path(__file__).parents[2] / "fuzz"


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FUZZER = load(FUZZ / "fuzz_onion.py")
INPUTS = [(name, file) for name in FUZZER.TARGETS for file in sorted((FUZZ / "corpus" / f"onion_{name}").iterdir())]


@pytest.mark.parametrize(("target", "file"), INPUTS, ids=[f"{name}/{file.name}" for name, file in INPUTS])
def test_input_gives_a_value_or_the_documented_error(target: str, file: Path) -> None:
    FUZZER.TARGETS[target](file.read_bytes())


def test_every_target_has_inputs() -> None:
    assert {name for name, _ in INPUTS} == set(FUZZER.TARGETS)
