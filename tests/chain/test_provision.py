"""Finding a bitcoind, and unpacking one from Debian."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from boltchain import provision
from boltchain.debian_package import AptSource, CannotUnpack, machine_sources, unpack, write_wrapper

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

STANZAS = f"""\
Types: deb
# a comment
URIs: http://archive.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: {KEYRING}

Types: deb
URIs: http://archive.test/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://disabled.test/debian
Suites: bookworm
Components: main
"""

ONE_LINERS = f"""\
# deb http://commented.test/debian bookworm main
deb http://vendor.test/apt bookworm main
deb-src http://source.test/debian bookworm main
deb [arch=amd64 signed-by={KEYRING}] http://archive.test/debian/ bookworm main contrib
deb http://other.test/debian bookworm main
"""


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    directory = tmp_path / "apt"
    (directory / "sources.list.d").mkdir(parents=True)
    return directory


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No bitcoind anywhere, nothing on the PATH; gives the cache directory."""
    monkeypatch.delenv("BITCOIND", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    cache = tmp_path / "cache"
    monkeypatch.setattr(provision, "cache_directory", lambda: cache)
    return cache


def program(path: Path, output: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return path


def test_stanzas_yield_the_debian_archive_only(apt: Path) -> None:
    (apt / "sources.list.d" / "debian.sources").write_text(STANZAS)
    assert machine_sources(apt) == [AptSource("http://archive.test/debian", KEYRING)]


def test_one_line_sources_yield_the_debian_archives_only(apt: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINERS)
    sources = machine_sources(apt)
    assert [source.line("unstable") for source in sources] == [
        f"deb [signed-by={KEYRING}] http://archive.test/debian/ unstable main\n",
        "deb http://other.test/debian unstable main\n",
    ]


def test_machine_without_apt_is_told_apart(bare_machine: Path, apt: Path) -> None:
    with pytest.raises(CannotUnpack, match="not a Debian machine: no apt-get and no dpkg-deb"):
        unpack("bitcoin-knots", "unstable", bare_machine, apt)


def test_machine_without_a_debian_archive_is_told_apart(
    tmp_path: Path, apt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    with pytest.raises(CannotUnpack, match="no Debian archive among the apt sources"):
        unpack("bitcoin-knots", "unstable", tmp_path / "out", apt)


def test_wrapper_runs_the_program_through_its_own_loader_and_can_be_moved(tmp_path: Path) -> None:
    root = tmp_path / "tree" / "root"
    program(root / "usr/lib64/ld-linux-test.so.2", "loader").write_text('#!/bin/sh\necho "$@"\n')
    (root / "usr/lib/test-linux-gnu").mkdir(parents=True)
    program(root / "usr/bin/bitcoind")
    write_wrapper(root, "usr/bin/bitcoind", tmp_path / "tree" / "bin" / "bitcoind")
    moved = (tmp_path / "tree").rename(tmp_path / "moved")
    done = subprocess.run([moved / "bin" / "bitcoind", "-x y"], check=True, capture_output=True, text=True)
    base = moved / "bin" / ".." / "root"
    assert done.stdout == f"--library-path {base}/usr/lib/test-linux-gnu {base}/usr/bin/bitcoind -x y\n"


def test_wrapper_needs_the_program(tmp_path: Path) -> None:
    with pytest.raises(CannotUnpack, match=r"lack usr/bin/bitcoind or a loader"):
        write_wrapper(tmp_path, "usr/bin/bitcoind", tmp_path / "bitcoind")


def test_nothing_is_found_on_a_bare_machine(bare_machine: Path) -> None:
    assert provision.find_bitcoind() is None


def test_search_prefers_the_variable_then_the_path_then_the_cache(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = program(bare_machine / "bin" / "bitcoind")
    assert provision.find_bitcoind() == cached
    on_path = program(tmp_path / "empty" / "bitcoind")
    assert provision.find_bitcoind() == on_path
    named = program(tmp_path / "named" / "my-bitcoind")
    monkeypatch.setenv("BITCOIND", str(named))
    assert provision.find_bitcoind() == named


def test_variable_that_names_no_program_is_an_error(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare_machine / "bin" / "bitcoind")
    monkeypatch.setenv("BITCOIND", "/no/such/program")
    with pytest.raises(FileNotFoundError, match="/no/such/program"):
        provision.find_bitcoind()


def test_command_says_what_was_looked_for(bare_machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provision.main() == 1
    said = capsys.readouterr()
    assert said.out == ""
    for part in ("$BITCOIND", "the PATH", str(bare_machine), "not a Debian machine", provision.HOW_TO_PROVIDE):
        assert part in said.err


def test_command_prints_the_path(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    cached = program(bare_machine / "bin" / "bitcoind", "Test daemon version 1")
    assert provision.main() == 0
    said = capsys.readouterr()
    assert said.out == f"{cached}\n"
    assert "Test daemon version 1" in said.err


def test_command_refuses_a_program_that_does_not_run(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = program(bare_machine / "bin" / "bitcoind")
    broken.write_text("#!/bin/sh\nexit 3\n")
    monkeypatch.setenv("PATH", os.defpath)
    assert provision.main() == 1
    assert "does not run" in capsys.readouterr().err
