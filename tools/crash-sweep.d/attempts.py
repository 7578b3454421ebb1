"""One upgrade that is killed and resumed, and what came of it."""

import json
import pathlib
import random
import shutil
import sqlite3
import subprocess
import time

import checks
import host
import kills
import pawllog
import points
from engine import EngineError
from stack import Trouble

# A point that was not hit is no verdict; one that is never hit is a failure of the sweep.
TRIES = 5
RESUME_LIMIT_IN_SECONDS = 240
# What may go wrong in looking.
TROUBLE = (Trouble, EngineError, OSError, RuntimeError, sqlite3.Error, host.Deadline,
           subprocess.SubprocessError)
ENDS = {checks.VERIFIED: "verified", checks.ROLLED_BACK: "rolled back", 11: "HALTED"}


class Attempt:
    """An upgrade from its beginning to its end, with the kills in between."""

    def __init__(self, stack, version, directory, earlier=()):
        self.stack = stack
        self.version = version
        self.directory = pathlib.Path(directory)
        # Of an earlier sweep with the same output.
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.output = self.directory / "pawl.txt"
        self.earlier = earlier
        self.kills = []
        self.findings = checks.Findings()
        self.status = None
        self.end = None
        self.began = 0.0

    def prepare(self):
        try:
            self.stack.reset(self.version, with_earlier=bool(self.earlier))
        except EngineError:
            # It may not have got over the kill before; a new one has.
            self.stack.testbed.restart_docker()
            self.stack.reset(self.version, with_earlier=bool(self.earlier))
        self.began = time.time()

    def say(self, text):
        with open(self.output, "a") as file:
            file.write(f"--- {text}\n")

    def resume(self, stack, *options):
        self.say(f"pawl resume {' '.join(options)}")
        process = stack.pawl("resume", *options, output=self.output)
        try:
            status = process.wait(timeout=RESUME_LIMIT_IN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = "nothing for too long"
        self.say(f"ended {status}")
        return status

    def kill(self, kind, catch):
        kill = kills.Kill(kind)
        self.kills.append(kill)
        try:
            kill.perform(catch)
        except TROUBLE as error:
            # A Pawl that hangs, say.
            self.findings.expect(False, f"at the kill: {error!r}")
        self.say(f"killed: {kill}")

    def conclude(self):
        """How it ends, and whether as it should; trouble in looking is a finding, too."""
        try:
            self.resume_and_check()
        except TROUBLE as error:
            self.end = self.end or "unknown"
            self.findings.expect(False, f"the sweep could not look: {error!r}")

    def resume_and_check(self):
        """By `pawl resume` alone, and once: no design says that it takes another one."""
        self.status = self.resume(self.stack)
        entries = pawllog.snapshot(self.stack.log)
        prefix = ""
        if self.is_halted_by_engine(entries):
            prefix = "halted by the engine, then "
            self.restart_engine()
        if any(kill.came_back for kill in self.kills):
            self.wait_for_boot()
        if not entries:
            # Killed before there was a plan: nothing was asked for yet.
            self.findings.expect(self.status == 0, f"resume ends {self.status} without an upgrade")
            self.status = checks.ROLLED_BACK
            checks.check_data_identical(self.stack, self.findings)
            checks.check_service(self.stack, "1.0.0", self.findings)
            self.end = "not begun"
            return
        self.end = prefix + ENDS.get(self.status, f"exit {self.status}")
        if self.status in (checks.VERIFIED, checks.ROLLED_BACK):
            checks.check_all(
                self.stack, self.version, self.status, self, self.findings)
        else:
            causes = [f"{entry.kind}: {entry.message}" for entry in entries
                      if entry.kind in ("halted", "failed")]
            self.findings.expect(False, f"it ends with {self.status}: {'; '.join(causes)}")

    def is_halted_by_engine(self, entries):
        """The one halt that is right: no program but the engine itself can let the port go."""
        return (self.status == 11 and entries[-1].code == "port-in-use"
                and self.stack.testbed.keeps_port(self.stack.port))

    def restart_engine(self):
        """What Pawl's message advises, and then the command that it names."""
        restart = kills.Kill("the engine is restarted in order")
        self.kills.append(restart)
        restart.came_back = self.stack.testbed.restart_docker()
        restart.ended = time.time()
        self.status = self.resume(self.stack, "--retry", "--reason", "the engine was restarted")

    def wait_for_boot(self):
        """What a boot starts is up in a while, also where Pawl has nothing to do with it."""
        limit = 60
        host.wait_until(self.stack.database_answers, limit, "the database is not up", pause=0.1)
        try:
            host.wait_until(self.stack.version, limit, "the service is not up", pause=0.1)
        except host.Deadline as late:
            self.findings.expect(False, str(late))

    def keep_evidence(self):
        """All that somebody needs who looks into it later."""
        stack, directory = self.stack, self.directory
        pawllog.keep(stack.log, directory)
        (directory / "findings.txt").write_text("\n".join(self.findings.all) + "\n")
        (directory / "story.txt").write_text(
            "\n".join(map(str, pawllog.snapshot(stack.log))) + "\n")
        events = [event for event in stack.events.kept if event["time"] >= int(self.began)]
        (directory / "engine-events.json").write_text(json.dumps(events, indent=1))
        if not stack.engine.answers():
            return
        containers = stack.engine.containers(f"{stack.name}_")
        (directory / "containers.json").write_text(json.dumps(containers, indent=1))
        for name in containers:
            text = subprocess.run(
                ["docker", "--host", f"unix://{stack.engine.path}", "logs", "--tail", "200", name],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
            (directory / f"{name}.log").write_bytes(text)


def reach(catch, cell):
    """Begins an upgrade and holds it at the point; why it was missed, or None."""
    try:
        catch.begin("upgrade", cell.version)
        points.REACH[cell.point](catch, cell)
        return points.expected_log(cell, pawllog.snapshot(catch.stack.log))
    except (points.Missed, *TROUBLE) as miss:
        return f"{type(miss).__name__}: {miss}"


def run_cell(stack, cell, directory):
    """A cell's result, as a dictionary for the report."""
    began, missed = time.monotonic(), []
    for number in range(1, TRIES + 1):
        place = directory / cell.name.replace(":", "-") / str(number)
        earlier = stack.earlier if cell.step == "tidy" else ()
        attempt = Attempt(stack, cell.version, place, earlier)
        attempt.prepare()
        catch = points.Catch(stack, attempt.output)
        try:
            miss = reach(catch, cell)
            if miss is None:
                attempt.kill(cell.kill, catch)
        finally:
            catch.end()
        if miss is not None:
            missed.append(miss)
            attempt.say(f"missed: {miss}")
            continue
        attempt.conclude()
        return result_of(attempt, began, cell=cell.name, missed=missed)
    return {"cell": cell.name, "end": "missed", "good": False, "findings": missed,
            "missed": missed, "evidence": str(directory / cell.name.replace(":", "-")),
            "seconds": round(time.monotonic() - began, 1)}


def result_of(attempt, began, **more):
    if attempt.status == checks.VERIFIED and attempt.version == "2.0.1":
        attempt.findings.expect(False, "an unfit release was taken for verified")
    good = not attempt.findings.all
    result = {
        **more, "end": attempt.end, "good": good, "findings": attempt.findings.all,
        "kills": [str(kill) for kill in attempt.kills],
        "seconds": round(time.monotonic() - began, 1),
    }
    if not good:
        attempt.keep_evidence()
        result["evidence"] = str(attempt.directory)
    return result


# --- Kills at random times -----------------------------------------------------------------------

RANDOM_VERSIONS = ["2.0.0", "2.0.1", "2.1.0"]


def run_undisturbed(stack, version, directory):
    """How long an upgrade takes that nobody kills; the checks hold for it, or they are wrong."""
    began = time.monotonic()
    attempt = Attempt(stack, version, directory / f"undisturbed-{version}")
    attempt.prepare()
    start = time.monotonic()
    status = stack.pawl("upgrade", version, output=attempt.output).wait(
        timeout=RESUME_LIMIT_IN_SECONDS)
    seconds = time.monotonic() - start
    attempt.conclude()
    wanted = checks.ROLLED_BACK if version == "2.0.1" else checks.VERIFIED
    attempt.findings.expect(status == wanted, f"it ended with {status}")
    return seconds, result_of(attempt, began, cell=f"undisturbed {version}", missed=[])


def run_random(stack, number, seed, durations, directory):
    """A kill at a time between 0 and 1.1 times what an upgrade takes, by a seed of its own."""
    began = time.monotonic()
    chance = random.Random(f"{seed}/{number}")
    version = RANDOM_VERSIONS[number // len(kills.KINDS) % len(RANDOM_VERSIONS)]
    kind = list(kills.KINDS)[number % len(kills.KINDS)]
    share = chance.uniform(0, 1.1)
    attempt = Attempt(stack, version, directory / f"random-{seed}-{number}")
    attempt.prepare()
    catch = points.Catch(stack, attempt.output)
    try:
        start = time.monotonic()
        catch.begin("upgrade", version)
        while time.monotonic() - start < share * durations[version]:
            time.sleep(0.001)
        attempt.kill(kind, catch)
    finally:
        catch.end()
    attempt.conclude()
    return result_of(attempt, began, cell=f"random {seed}/{number}", version=version, kill=kind,
                     share=round(share, 4), missed=[])
