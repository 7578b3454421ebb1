"""The four kinds of kills, each with what comes back after it by itself."""

import signal
import subprocess
import time

import host

# Docker's own systemd unit rests for 2 s (RestartSec), and a daemon needs some to be up again.
DAEMON_AWAY_IN_SECONDS = 5
# Pawl goes on with a daemon that has come back; no upgrade here takes so long.
END_IN_SECONDS = 240


class Kill:
    """What a kill did: when, and what a boot has started since."""

    def __init__(self, kind):
        self.kind = kind
        # What the engine does in between is not Pawl's doing.
        self.began = time.time()
        self.ended = self.began
        self.came_back = []
        # How Pawl ended, where it lived on.
        self.status = None

    def perform(self, catch):
        KINDS[self.kind](catch, self)
        if self.kind in ("pawl", "children"):
            self.ended = time.time()

    def __str__(self):
        words = [self.kind]
        if self.status is not None:
            words.append(f"Pawl itself ended with {self.status}")
        if self.came_back:
            words.append(f"started again: {', '.join(self.came_back)}")
        return "; ".join(words)


def family(catch):
    """Pawl, its descendants, and its client programs in the database's container."""
    return [catch.pid, *host.descendants(catch.pid), *catch.stack.testbed.clients_of_pawl()]


def kill_pawl(catch, _):
    host.send(catch.pid, signal.SIGKILL)
    catch.let_go()
    catch.process.wait(timeout=30)


def kill_children(catch, _):
    # Stopped first, so that it starts no other meanwhile.
    host.send(catch.pid, signal.SIGSTOP)
    victims = family(catch)
    for pid in victims:
        host.send(pid, signal.SIGKILL)
    catch.let_go()
    catch.process.wait(timeout=30)
    host.wait_until(lambda: not any(host.is_alive(pid) for pid in victims), 15,
                    "a program of Pawl's survives SIGKILL")


def kill_daemon(catch, kill):
    """Pawl meets the missing daemon for as long as its unit would leave it away."""
    testbed = catch.stack.testbed
    testbed.kill_daemon()
    catch.let_go()
    try:
        kill.status = catch.process.wait(timeout=DAEMON_AWAY_IN_SECONDS)
    except subprocess.TimeoutExpired:
        # A daemon answers nobody before it has started its containers.
        host.freeze(catch.pid)
    kill.came_back = testbed.boot()
    kill.ended = time.time()
    host.send(catch.pid, signal.SIGCONT)
    kill.status = catch.process.wait(timeout=END_IN_SECONDS)


def cut_power(catch, kill):
    testbed = catch.stack.testbed
    victims = family(catch)
    if catch.tracer is not None:
        # What strace holds goes nowhere, and dies with it.
        host.send(catch.pid, signal.SIGKILL)
        catch.end_tracer()
    testbed.cut_power(victims)
    catch.let_go()
    catch.process.wait(timeout=30)
    kill.came_back = testbed.boot()
    kill.ended = time.time()


KINDS = {
    "pawl": kill_pawl, "children": kill_children, "daemon": kill_daemon, "power": cut_power,
}
