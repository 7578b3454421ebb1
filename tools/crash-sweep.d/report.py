"""The matrix, as JSON and as Markdown."""

import json
import pathlib

from cells import KILLS, POINTS, STEPS, all_cells


def write(results, randoms, directory):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    document = {"format": "pawl.crash-sweep/1", "cells": results, "random": randoms,
                "summary": summary(results, randoms)}
    (directory / "matrix.json").write_text(json.dumps(document, indent=1) + "\n")
    (directory / "matrix.md").write_text(markdown(results, randoms))


def read(directories):
    """Cells and random kills of several sweeps; of one cell the last result counts."""
    cells, randoms = {}, {}
    for directory in directories:
        document = json.loads((pathlib.Path(directory) / "matrix.json").read_text())
        for result in document["cells"]:
            cells[result["cell"]] = result
        for result in document["random"]:
            randoms[result["cell"]] = result
    order = {cell.name: number for number, cell in enumerate(all_cells())}
    return sorted(cells.values(), key=lambda result: order[result["cell"]]), \
        list(randoms.values())


def summary(results, randoms):
    lines = []
    for what, some in (("cells", results), ("kills at random times", randoms)):
        if some:
            good = sum(result["good"] for result in some)
            lines.append(f"{good} of {len(some)} {what} ended as they should")
    not_run = len(all_cells()) - len(results)
    if results and not_run:
        lines.append(f"{not_run} other cells were not run")
    return "; ".join(lines)


def markdown(results, randoms):
    by_name = {result["cell"]: result for result in results}
    lines = [f"**{summary(results, randoms)}.**", ""]
    for kill, words in KILLS.items():
        if not any(name.endswith(f":{kill}") for name in by_name):
            continue
        lines += [f"### {words}", "", "| step | " + " | ".join(POINTS) + " |",
                  "|---" * (len(POINTS) + 1) + "|"]
        for step in STEPS:
            marks = [mark(by_name.get(f"{step}:{point}:{kill}")) for point in POINTS]
            lines.append(f"| {step} | " + " | ".join(marks) + " |")
        lines.append("")
    if randoms:
        lines += random_table(randoms)
    for result in results + randoms:
        if not result["good"]:
            lines += [f"* `{result['cell']}` ({result['evidence']}): "
                      + "; ".join(result["findings"])]
    return "\n".join(lines) + "\n"


def mark(result):
    if result is None:
        return "not run"
    return result["end"] if result["good"] else f"**{result['end']}, WRONG**"


def random_table(randoms):
    ends = sorted({result["end"] for result in randoms})
    lines = ["### Kills at random times", "",
             "| kill | upgrade to | kills | " + " | ".join(ends) + " | as they should |",
             "|---" * (len(ends) + 4) + "|"]
    for kill in KILLS:
        for version in sorted({result["version"] for result in randoms}):
            some = [result for result in randoms
                    if (result["kill"], result["version"]) == (kill, version)]
            if some:
                counts = [str(sum(result["end"] == end for result in some)) for end in ends]
                good = sum(result["good"] for result in some)
                lines.append(f"| {kill} | {version} | {len(some)} | " + " | ".join(counts)
                             + f" | {good} |")
    return lines + [""]
