"""A tree in which a seeded bug is built and asked about, and what a test said of it."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from seeded import Mutant, Unusable, patched

ROOT = Path(__file__).resolve().parent.parent.parent
BUILT = ["Package.swift", "Sources", "Tests", "migrations"]
BUILD_LIMIT = 1800
TEST_LIMIT = 240


def output_of(*command):
    return subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def changed_here():
    """What is not committed of all that is built."""
    return output_of("git", "status", "--porcelain", "--", *BUILT).splitlines()


def copy_of_checkout():
    """A copy that is kept, so that the next run builds only what has changed since."""
    tree = ROOT / ".build-mutate" / "tree"
    names = output_of("git", "ls-files", "-z", "-co", "--exclude-standard").split("\0")
    wanted = {name for name in names if name and (ROOT / name).is_file()}
    wanted |= {"Package.resolved"} if (ROOT / "Package.resolved").exists() else set()
    for name in sorted(wanted):
        source, target = ROOT / name, tree / name
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    for path in [path for part in BUILT for path in (tree / part).rglob("*") if path.is_file()]:
        if str(path.relative_to(tree)) not in wanted:
            path.unlink()
    return tree


NARROWED = """
@MainActor func needs(of name: String) -> Set<String> {{
    let target = package.targets.first {{ $0.name == name }}
    let direct: [String] = (target?.dependencies ?? []).compactMap {{
        if case .byNameItem(let name, _) = $0 {{ name }} else {{ nil }}
    }}
    return direct.reduce([name]) {{ $0.union(needs(of: $1)) }}
}}
let kept = needs(of: "{target}")
package.products = []
package.targets.removeAll {{ !kept.contains($0.name) }}
let packages = package.targets.flatMap(\\.dependencies).compactMap {{
    if case .productItem(_, let package, _, _) = $0 {{ package }} else {{ nil }}
}}
package.dependencies.removeAll {{ dependency in
    !packages.contains {{ dependency.isOf($0) }}
}}
extension Package.Dependency {{
    func isOf(_ package: String) -> Bool {{
        guard case .sourceControl(_, let location, _) = kind else {{ return false }}
        return location.hasSuffix("/\\(package)")
    }}
}}
"""


# --- Building and testing ------------------------------------------------------------------------


class Bench:
    """A tree in which one mutant at a time is built and tested, and which is put back."""

    def __init__(self, tree):
        self.tree = tree
        self.originals = {}
        self.process = None
        self.has_planted = False

    def plant(self, mutant):
        self.has_planted = True
        for path, text in patched(mutant, lambda name: (self.tree / name).read_text()).items():
            self.originals[path] = (self.tree / path).read_bytes()
            (self.tree / path).write_text(text)

    def put_back(self):
        while self.originals:
            path, content = self.originals.popitem()
            (self.tree / path).write_bytes(content)

    def run(self, limit, *command):
        """Exit status and output; the status is None where it had to be ended."""
        # Into a file: what a mutated test leaves behind might hold a pipe open for long.
        with tempfile.TemporaryFile() as output:
            self.process = process = subprocess.Popen(
                command, cwd=self.tree, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                self.end()
            output.seek(0)
            return status, output.read().decode(errors="replace")

    def end(self):
        """Ends what runs now, with all its children."""
        process, self.process = self.process, None
        if process is not None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def build(self):
        return self.run(BUILD_LIMIT, "swift", "build", "--build-tests")

    def narrow(self, target):
        """Leaves of a copy's package what one test target needs: so it is built sooner."""
        if self.tree != ROOT:
            manifest = (ROOT / "Package.swift").read_text()
            (self.tree / "Package.swift").write_text(manifest + NARROWED.format(target=target))

    def test(self, *filters):
        """Runs what matches one of the filters."""
        chosen = [word for one in filters for word in ("--filter", f"^{one}")]
        return self.run(
            TEST_LIMIT * len(filters), "swift", "test", "--skip-build", "--no-parallel",
            "--disable-xctest", *chosen,
        )

    def tests(self, target):
        return self.tree / "Tests" / target


# --- Judging -------------------------------------------------------------------------------------

SUMMARY = re.compile(r"Test run with (\d+) tests? .*(passed|failed) after")


def tests_run(output):
    """How many tests ran to the end of the run; none where the run did not come to its end."""
    match = SUMMARY.search(output)
    return int(match[1]) if match else 0


@dataclass
class Issue:
    """An assertion that failed."""

    text: str
    source: str

    def is_by(self, words):
        return squeezed(words) in squeezed(self.source) or squeezed(words) in squeezed(self.text)


def issues(output, tests):
    """What failed in the run of a test target, whose sources are in the folder `tests`."""
    found = []
    for line in output.split("\n"):
        match = re.match(r"\S .* recorded an issue .*?(\S+\.swift):(\d+):\d+: (.*)", line)
        if match:
            found.append(Issue(f"{match[1]}:{match[2]}: {match[3]}", statement(tests, match)))
        elif found and not re.match(r"[^\s↳] ", line):
            found[-1].text += " " + line.strip()
    return found


def statement(tests, place):
    """The lines of a source that an assertion stands in: the run shows them with values put in."""
    for path in tests.rglob(place[1]):
        lines = path.read_text().split("\n")[int(place[2]) - 1 :]
        text = ""
        for line in lines[:30]:
            text += line + " "
            if text.count("(") <= text.count(")") and text.count("{") <= text.count("}"):
                break
        return text
    return ""


def squeezed(text):
    return re.sub(r"\s+", "", text)


@dataclass
class Verdict:
    """What came of one mutant."""

    mutant: Mutant
    is_caught: bool
    found: str
    build_seconds: float = 0
    test_seconds: float = 0


def judge(mutant, status, output, tests):
    """Whether the named assertion failed, and what was found."""
    all_issues = issues(output, tests)
    named = [issue for issue in all_issues if issue.is_by(mutant.words)]
    if status is None:
        return False, f"the test was ended after {TEST_LIMIT} s"
    if tests_run(output) == 0:
        return False, "the run did not come to its end: " + tail(output, 3)
    if status == 0:
        return False, f"SURVIVED: {tests_run(output)} tests passed"
    if not named:
        others = "; ".join(brief(issue.text, 200) for issue in all_issues[:3])
        return False, f"other assertions failed: {others or tail(output, 3)}"
    return True, brief(named[0].text, 200)


def brief(text, limit):
    text = re.sub(r"\s+", " ", text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def errors_of(output):
    """What a compiler says that is to the point; the end of all where it says nothing."""
    errors = dict.fromkeys(line for line in output.split("\n") if " error: " in line)
    return " / ".join(list(errors)[:3]) or tail(output, 3)


def tail(output, count):
    return " / ".join(output.strip().split("\n")[-count:])


def examine(bench, mutant):
    began = time.monotonic()
    bench.plant(mutant)
    try:
        status, output = bench.build()
        built = time.monotonic()
        if status != 0:
            return Verdict(
                mutant, False, f"does not compile: {errors_of(output)}", built - began)
        status, output = bench.test(mutant.filter)
        is_caught, found = judge(mutant, status, output, bench.tests(mutant.target))
        return Verdict(
            mutant, is_caught, found, built - began, time.monotonic() - built)
    finally:
        bench.put_back()


def control(bench, mutants):
    """Without a bug every one of the tests passes, or it would catch anything."""
    status, output = bench.build()
    if status != 0:
        raise Unusable("this checkout does not build: " + errors_of(output))
    chosen = sorted({mutant.filter for mutant in mutants})
    status, output = bench.test(*chosen)
    if status != 0 or tests_run(output) < len(chosen):
        found = issues(output, bench.tests(mutants[0].target))[:3]
        told = [issue.text for issue in found] or [tail(output, 5)]
        raise Unusable("without a bug not all of these pass:\n" + "\n".join(chosen + told))
    print(f"passes    {tests_run(output)} tests", flush=True)
