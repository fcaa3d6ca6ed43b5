"""Unpacks a Debian package with all libraries it needs into a private directory, on any Debian release.

The package may come from a newer suite than the machine's, so it brings its own C library and runs through that one's
loader. apt does the work, with its own checks of signatures and hashes, but on a private state: the machine's package
lists and installed packages are neither used nor changed. The source line is the machine's own one, with the suite
replaced.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class CannotUnpack(Exception):
    """The package cannot be had on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class AptSource:
    """Where packages come from: the archive's address and the key that signs it (empty: apt's trusted keys)."""

    uri: str
    signed_by: str

    def line(self, suite: str) -> str:
        """The one-line form for the main component of a suite."""
        options = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return f"deb {options}{self.uri} {suite} main\n"


def machine_sources(apt_directory: Path) -> list[AptSource]:
    """The Debian archives (not security archives, not other vendors) that the machine's apt is set up to use."""
    parts = sorted((apt_directory / "sources.list.d").glob("*"))
    found: list[AptSource] = []
    for path in [apt_directory / "sources.list", *parts]:
        if path.suffix == ".list" and path.is_file():
            found.extend(_one_line_sources(path.read_text()))
        elif path.suffix == ".sources":
            found.extend(_stanza_sources(path.read_text()))
    return [source for source in found if source.uri.rstrip("/").endswith("/debian")]


def _one_line_sources(text: str) -> Iterator[AptSource]:
    for line in text.splitlines():
        found = re.match(r"deb\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<uri>\S+)\s+\S+\s+.*\bmain\b", line)
        if found:
            signed_by = re.search(r"signed-by=(\S+)", found["options"] or "")
            yield AptSource(found["uri"], signed_by[1] if signed_by else "")


def _stanza_sources(text: str) -> Iterator[AptSource]:
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, flags=re.MULTILINE))
        is_debian = "deb" in fields.get("Types", "").split() and "main" in fields.get("Components", "").split()
        signed_by = fields.get("Signed-By", "")
        if is_debian and fields.get("Enabled", "yes") != "no":
            for uri in fields.get("URIs", "").split():
                yield AptSource(uri, signed_by if signed_by.startswith("/") else "")


def unpack(package: str, suite: str, directory: Path, apt_directory: Path = Path("/etc/apt")) -> Path:
    """Download `package` of `suite` with its dependencies and unpack them; gives the root of the unpacked files.

    `directory` is emptied first. CannotUnpack if this is not a Debian machine or the download fails.
    """
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        msg = f"not a Debian machine: no {' and no '.join(missing)}"
        raise CannotUnpack(msg)
    sources = machine_sources(apt_directory)
    if not sources:
        msg = f"no Debian archive among the apt sources in {apt_directory}"
        raise CannotUnpack(msg)
    shutil.rmtree(directory, ignore_errors=True)
    state, root = directory / "apt", directory / "root"
    apt = _private_apt(state, sources[0].line(suite))
    _run([*apt, "update"])
    _run([*apt, "install", "--download-only", "--no-install-recommends", "--yes", package])
    root.mkdir()
    for archive in sorted((state / "archives").glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(archive), str(root)])
    shutil.rmtree(state)
    return root


def _private_apt(state: Path, source_line: str) -> list[str]:
    """The apt-get command on a state of its own, in which nothing is installed: it then fetches every library."""
    for folder in ("lists/partial", "archives/partial", "parts"):
        (state / folder).mkdir(parents=True)
    (state / "status").touch()
    (state / "sources.list").write_text(source_line)
    settings = {
        "Dir::Etc::SourceList": state / "sources.list",
        "Dir::Etc::SourceParts": state / "parts",
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": state,
        "APT::Sandbox::User": "root",  # the download user may not be able to enter our directory
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    options = [f"--option={name}={value}" for name, value in settings.items()]
    return ["apt-get", "--quiet", *options]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own fixed commands
    if done.returncode:
        output = (done.stdout + done.stderr).strip().splitlines()[-5:]
        msg = f"{shlex.join(command)} failed: " + " / ".join(output)
        raise CannotUnpack(msg)


def write_wrapper(root: Path, program: str, wrapper: Path) -> None:
    """Write a shell script that runs `program` (a path below `root`) with the unpacked loader and libraries.

    It finds them relative to itself, so that the whole tree can be moved. CannotUnpack if the program or a loader is
    missing below `root`.
    """
    loaders = sorted(root.glob("usr/lib*/ld-linux*.so.*")) + sorted(root.glob("usr/lib/*/ld-linux*.so.*"))
    if not loaders or not (root / program).is_file():
        msg = f"the unpacked packages in {root} lack {program} or a loader"
        raise CannotUnpack(msg)
    libraries = ":".join(f"$root/{path.relative_to(root)}" for path in sorted(root.glob("usr/lib/*-linux-gnu*")))
    loader = loaders[0].relative_to(root)
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    wrapper.write_text(
        f"""#!/bin/sh
root="$(dirname "$0")/{os.path.relpath(root, wrapper.parent)}"
exec "$root/{loader}" --library-path "{libraries}" "$root/{program}" "$@"
"""
    )
    wrapper.chmod(0o755)
