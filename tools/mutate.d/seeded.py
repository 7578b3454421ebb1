"""Seeded bugs as they lie in this folder: patches with a head (README.md)."""

import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


class Unusable(Exception):
    """What keeps this from being asked at all."""


@dataclass
class Hunk:
    """Lines to be found, and lines to stand there instead."""

    path: str
    old: list = field(default_factory=list)
    new: list = field(default_factory=list)


@dataclass
class Mutant:
    """One seeded bug."""

    name: str
    bug: str
    heads: dict
    hunks: list

    @property
    def invariant(self):
        return self.heads["Invariant"]

    @property
    def filter(self):
        return self.heads["Caught-by"]

    @property
    def target(self):
        """The test target, which a filter begins with."""
        return re.split(r"[./]", self.filter)[0]

    @property
    def words(self):
        return self.heads["Asserts"]

    @property
    def needs(self):
        return self.heads.get("Needs", "")

    @property
    def paths(self):
        return sorted({hunk.path for hunk in self.hunks})


def read_patch(path):
    """The mutant that a patch's head and hunks describe."""
    lines = path.read_text().split("\n")
    start = next((i for i, line in enumerate(lines) if line.startswith("--- a/")), None)
    if start is None:
        raise Unusable(f"{path.name} changes nothing")
    heads, bug = {}, []
    for line in lines[:start]:
        match = re.fullmatch(r"(Invariant|Caught-by|Asserts|Needs): (.+)", line)
        if match:
            heads[match[1]] = match[2].strip()
        elif line.strip():
            bug.append(line.strip())
    missing = {"Invariant", "Caught-by", "Asserts"} - heads.keys()
    if heads.get("Needs", "root") not in ("root", "testbed"):
        raise Unusable(f"{path.name} needs {heads['Needs']}, and nobody knows what that is")
    if missing or not bug:
        raise Unusable(f"{path.name} does not say: {', '.join(sorted(missing)) or 'its bug'}")
    return Mutant(path.stem, " ".join(bug), heads, read_hunks(path.name, lines[start:]))


def read_hunks(name, lines):
    hunks, target = [], ""
    for line in lines:
        if line.startswith("--- "):
            continue
        if line.startswith("+++ b/"):
            target = line.removeprefix("+++ b/")
            if not target.startswith(("Sources/", "migrations/")):
                raise Unusable(f"{name} changes {target}, which is no part of the product")
        elif line.startswith("@@"):
            hunks.append(Hunk(target))
        elif hunks and line:
            if line[0] in " -":
                hunks[-1].old.append(line[1:])
            if line[0] in " +":
                hunks[-1].new.append(line[1:])
    return hunks


def patched(mutant, read):
    """The changed files' texts by path; a hunk's lines have to stand in exactly one place.

    git apply would take the nearest of several places, which after other changes is the wrong one.
    """
    texts = {}
    for hunk in mutant.hunks:
        lines = texts.get(hunk.path) or read(hunk.path).split("\n")
        size = len(hunk.old)
        places = [i for i in range(len(lines) - size + 1) if lines[i : i + size] == hunk.old]
        if len(places) != 1:
            raise Unusable(
                f"{mutant.name}.patch does not apply any more: its lines stand in {len(places)} "
                f"places of {hunk.path}:\n    " + "\n    ".join(hunk.old)
            )
        texts[hunk.path] = lines[: places[0]] + hunk.new + lines[places[0] + size :]
    return {path: "\n".join(lines) for path, lines in texts.items()}


def load():
    """All of them, by name."""
    return [read_patch(path) for path in sorted(FOLDER.glob("*.patch"))]
