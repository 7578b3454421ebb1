"""Where Pawl is caught: each of the five points, without its help.

A reading transaction on the log keeps Pawl from its next commit; strace holds it within one; a
sign in the world, looked for while Pawl goes on bit by bit, says that an effect is half done.
"""

import pathlib
import platform
import signal
import subprocess
import time

import host
import pawllog
import signs

LIMIT_IN_SECONDS = 90
# Pawl's turns between two looks for a sign.
TURN_IN_SECONDS = 0.0005
# Its number in the kernel's tables.
FTRUNCATE = {"x86_64": b"77 ", "aarch64": b"46 "}[platform.machine()]


class Missed(Exception):
    """Pawl had passed the point, or ended before it: the cell is tried again."""


class Catch:
    """A Pawl that is held at a point."""

    def __init__(self, stack, output):
        self.stack = stack
        self.output = output
        self.watch = pawllog.Watch(stack.log)
        self.process = None
        self.tracer = None
        self.is_frozen = False
        self.undo = []

    def begin(self, *words):
        self.process = self.stack.pawl(*words, output=self.output)

    @property
    def pid(self):
        return self.process.pid

    def require_alive(self, deadline, what):
        if self.process.poll() is not None:
            raise Missed(f"Pawl ended with {self.process.returncode} before {what}")
        if time.monotonic() > deadline:
            raise Missed(f"no sign of {what} within {LIMIT_IN_SECONDS} s")

    # --- By a reading transaction -----------------------------------------------------------------

    def hold_at(self, is_wanted, what):
        """Keeps Pawl from its next commit as soon as the log ends as wanted."""
        deadline = time.monotonic() + LIMIT_IN_SECONDS
        while not self.watch.is_holding:
            self.watch.look(is_wanted)
            self.require_alive(deadline, what)
            if not self.watch.is_holding:
                time.sleep(0.0005)

    def hold_at_intent(self, step):
        self.hold_at(ends_with_intent(step), f"the intent of {step}")

    def wait_for_commit(self, what):
        """Until the effect is done and the commit of its outcome waits for the reader to end."""
        deadline = time.monotonic() + LIMIT_IN_SECONDS
        while self.pid not in host.lock_waiters(self.stack.log):
            self.require_alive(deadline, what)
            time.sleep(0.001)

    # --- By strace --------------------------------------------------------------------------------

    def hold_in_commit(self, where):
        """Lets the commit that waits go on, to the `ftruncate` that makes it permanent.

        Before that the rollback journal undoes it, after it there is nothing to undo it with
        (sqlite.org/atomiccommit.html, 3.11).
        """
        report = pathlib.Path(f"{self.output}.strace")
        self.tracer = subprocess.Popen(
            ["strace", "-f", "-p", str(self.pid), "-o", report, "-e", "trace=ftruncate",
             "-e", f"inject=ftruncate:{where}=60s:when=1"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while b"attached" not in self.tracer.stderr.readline():
            if self.tracer.poll() is not None:
                raise Missed("strace could not attach to Pawl")
        self.watch.close()
        journal = pathlib.Path(f"{self.stack.log}-journal")
        deadline = time.monotonic() + LIMIT_IN_SECONDS
        is_past = where == "delay_exit"
        while not (is_stopped_in_ftruncate(self.pid)
                   and (journal.stat().st_size == 0) == is_past):
            self.require_alive(deadline, "the commit's end")
            time.sleep(0.002)

    # --- By signs ---------------------------------------------------------------------------------

    def go_on_until(self, sign, step):
        """Lets Pawl go on bit by bit until the sign is there, and leaves it stopped."""
        deadline = time.monotonic() + LIMIT_IN_SECONDS
        while True:
            self.stop()
            if self.process.poll() is None:
                entries = self.watch.look(lambda _: False)
                if entries is not None and not is_open(entries, step):
                    raise Missed(f"{step} was over: {pawllog.story(entries[-3:])}")
                if entries is not None and sign():
                    return
            host.send(self.pid, signal.SIGCONT)
            self.is_frozen = False
            time.sleep(TURN_IN_SECONDS)
            self.require_alive(deadline, f"the sign within {step}")

    def stop(self):
        host.freeze(self.pid)
        self.is_frozen = True

    # --- Letting go -------------------------------------------------------------------------------

    def let_go(self):
        """Lets Pawl go on, or what is left of it; nothing of the sweep's is in its way any more."""
        self.watch.close()
        self.end_tracer()
        if self.is_frozen:
            host.send(self.pid, signal.SIGCONT)
            self.is_frozen = False
        for action in self.undo:
            action()
        self.undo = []

    def end_tracer(self):
        """What strace has stopped goes on, or dies where it was killed meanwhile (ptrace(2))."""
        if self.tracer is not None:
            self.tracer.kill()
            self.tracer.wait(timeout=30)
            self.tracer.stderr.close()
            self.tracer = None

    def end(self):
        """However a cell ends, nothing of it goes on."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        self.let_go()
        if self.process is not None:
            self.process.wait(timeout=30)


def ends_with_intent(step):
    return lambda entries: entries[-1].kind == "began" and entries[-1].step == step


def is_open(entries, step):
    return pawllog.open_step(entries) == step


def is_stopped_in_ftruncate(pid):
    """Whether strace has stopped a thread at this call, before or after it (proc(5), `syscall`)."""
    return any(
        state == "t" and host.read(f"/proc/{pid}/task/{thread}/syscall").startswith(FTRUNCATE)
        for thread, state in host.thread_states(pid).items())


# --- The points ----------------------------------------------------------------------------------


def before_intent(catch, cell):
    if cell.step_before is None:
        catch.hold_at(lambda entries: entries[-1].kind == "planned", "the plan")
    else:
        catch.hold_at_intent(cell.step_before)
    catch.wait_for_commit(f"the commit with the intent of {cell.step}")
    catch.hold_in_commit("delay_enter")


def after_intent(catch, cell):
    catch.hold_at_intent(cell.step)
    catch.stop()


def during(catch, cell):
    sign = signs.of(cell.step, catch)
    catch.hold_at_intent(cell.step)
    sign.begin()
    catch.watch.release()
    catch.go_on_until(sign.is_there, cell.step)


def after_effect(catch, cell):
    catch.hold_at_intent(cell.step)
    catch.wait_for_commit(f"the commit of the outcome of {cell.step}")


def after_outcome(catch, cell):
    after_effect(catch, cell)
    catch.hold_in_commit("delay_exit")


REACH = {
    "before-intent": before_intent, "after-intent": after_intent, "during": during,
    "after-effect": after_effect, "after-outcome": after_outcome,
}


def expected_log(cell, entries):
    """Why a log that a kill has left does not show its point; None where it does."""
    shown = pawllog.open_step(entries)
    if cell.point == "before-intent":
        wanted = cell.step_before
        if cell.step_before is None and entries and entries[-1].kind != "planned":
            return f"it ends with {entries[-1]}"
    elif cell.point == "after-outcome":
        wanted = cell.step_after
        if not any(entry.kind == "done" and entry.step == cell.step for entry in entries):
            return f"{cell.step} has no outcome"
    else:
        wanted = cell.step
    return None if shown == wanted else f"{shown} is open, not {wanted}"
