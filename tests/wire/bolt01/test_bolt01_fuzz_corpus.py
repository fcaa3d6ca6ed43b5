"""The fuzzer's corpus again, random changes of it, and inputs of full size: time and memory are bounded."""

import importlib.util
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FUZZ = Path(__file__).parents[2] / "fuzz"
FULL_SIZE = 65535


def load_fuzzer() -> Any:
    spec = importlib.util.spec_from_file_location("fuzz_messages", FUZZ / "fuzz_messages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_messages"] = module
    spec.loader.exec_module(module)
    return module


FUZZER = load_fuzzer()
TARGETS: dict[str, Callable[[bytes], None]] = FUZZER.TARGETS
INPUTS = [(name, file) for name in TARGETS for file in sorted((FUZZ / "corpus" / f"wire_{name}").iterdir())]


@pytest.mark.parametrize(("name", "file"), INPUTS, ids=lambda part: part.name if isinstance(part, Path) else part)
def test_corpus_again(name: str, file: Path) -> None:
    TARGETS[name](file.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_some_random_changes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    FUZZER.run_mutator(name, 30 if name == "acts" else 500, 1)
    assert "no failure" in capsys.readouterr().out


def stretched(data: bytes) -> list[bytes]:
    """``data`` brought to full size in ways that keep a parser busy: repeated, followed by small records, by zeros."""
    records = b"".join(b"\xfd" + type_.to_bytes(2, "big") + b"\0" for type_ in range(0xFD, FULL_SIZE // 4, 2))
    return [
        (data * (FULL_SIZE // max(1, len(data)) + 1))[:FULL_SIZE],
        (data + records)[:FULL_SIZE],
        data.ljust(FULL_SIZE, b"\0"),
    ]


@pytest.mark.parametrize("name", TARGETS)
def test_full_size_takes_bounded_time_and_memory(name: str) -> None:
    for data in stretched(max(FUZZER.corpus(name), key=len)):
        start = time.process_time()
        TARGETS[name](data)
        assert time.process_time() - start < 2
        tracemalloc.start()
        TARGETS[name](data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1000 * FULL_SIZE
