"""The event log, read row by row without Pawl's own code."""

import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile

# What each step leaves.
STEP_OF_RECEIPT = {
    "pulled": "pull", "fenceRaised": "raiseFence", "backedUp": "backUp", "stopped": "stop",
    "fenceLifted": "liftFence", "started": "start", "verified": "verify", "tidied": "tidy",
    "candidateRemoved": "removeCandidate", "dataSaved": "saveData",
    "dataRestored": "restoreData", "previousStarted": "startPrevious",
    "previousVerified": "verifyPrevious",
}
CLOSING = ("done", "failed", "withdrawn", "halted", "rollbackOrdered")


class Entry:
    """One row, as far as the sweep looks into it."""

    def __init__(self, sequence, kind, body):
        data = json.loads(body)["data"].get(kind) or {}
        self.sequence = sequence
        self.kind = kind
        self.is_adopted = data.get("adopted", False)
        failure = data.get("failure") or data.get("cause") or {}
        self.code = failure.get("code", "")
        self.message = failure.get("message", "")
        if "effect" in data:
            self.step = next(iter(data["effect"]))
        elif "receipt" in data:
            self.step = STEP_OF_RECEIPT[next(iter(data["receipt"]))]
        else:
            self.step = data.get("step", "")

    def __str__(self):
        adopted = " (found)" if self.is_adopted else ""
        return f"{self.kind} {self.step or self.code}".strip() + adopted


def open_step(entries):
    """The step whose intent is recorded and whose outcome is not."""
    step = None
    for entry in entries:
        if entry.kind == "began":
            step = entry.step
        elif entry.kind in CLOSING:
            step = None
    return step


def story(entries):
    return ", ".join(str(entry) for entry in entries)


def fetch(connection, after=0):
    rows = connection.execute(
        "SELECT seq, type, body FROM event WHERE seq > ? ORDER BY seq", (after,)).fetchall()
    return [Entry(*row) for row in rows]


def snapshot(path):
    """All entries, as the next program to open the log will find them.

    A copy is read, journal and all, since reading rolls back what a commit has left half written.
    Another process copies: closing a file here would drop the locks that this process has on it.
    """
    if not path.exists():
        return []
    with tempfile.TemporaryDirectory() as directory:
        copy = pathlib.Path(directory) / path.name
        subprocess.run(["cp", "--", str(path), str(copy)], check=True)
        journal = pathlib.Path(f"{path}-journal")
        if journal.exists():
            subprocess.run(["cp", "--", str(journal), f"{copy}-journal"], check=True)
        connection = sqlite3.connect(copy)
        try:
            return fetch(connection)
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
        finally:
            connection.close()


class Watch:
    """Looks into the log of a running Pawl, and can keep it from its next commit.

    Beside a rollback journal a reading transaction makes the writer's commit wait (for 30 s):
    the moment cannot be missed once it was seen.
    """

    def __init__(self, path):
        self.path = path
        self.connection = None
        self.is_holding = False
        # Nothing that was read once can change.
        self.entries = []

    def connect(self):
        if self.connection is None and os.path.exists(self.path):
            self.connection = sqlite3.connect(
                f"file:{self.path}?mode=ro", uri=True, isolation_level=None, timeout=0)
        return self.connection is not None

    def look(self, is_wanted):
        """Reads all entries; where `is_wanted` says so the transaction stays open.

        Returns them, or None where there is no answer now: it is being made, or written to.
        """
        if not self.connect():
            return None
        try:
            self.connection.execute("BEGIN")
            last = self.entries[-1].sequence if self.entries else 0
            self.entries += fetch(self.connection, after=last)
        except sqlite3.OperationalError:
            self.release()
            return None
        if self.entries and is_wanted(self.entries):
            self.is_holding = True
        else:
            self.release()
        return self.entries

    def release(self):
        self.is_holding = False
        if self.connection is not None and self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def close(self):
        self.release()
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def keep(path, directory):
    """Copies a log aside, with the journal that may belong to it."""
    for name in (path, pathlib.Path(f"{path}-journal")):
        if name.exists():
            shutil.copy2(name, directory)
