"""Docker's API over its socket, as far as the sweep asks it (Docker Engine API 1.40)."""

import http.client
import json
import socket
import threading
import time
import urllib.parse


class EngineError(Exception):
    """The engine refuses, or is not there."""


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("docker", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    """One question at a time, each over a connection of its own."""

    def __init__(self, socket_path):
        self.path = socket_path

    def ask(self, method, path, body=None, missing_is_fine=False, timeout=120):
        connection = Connection(self.path, timeout)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, f"/v1.40{path}", content,
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        if answer.status == 404 and missing_is_fine:
            return None
        if answer.status >= 400:
            raise EngineError(f"{method} {path}: {answer.status} {text.strip()}")
        return json.loads(text) if text.lstrip()[:1] in ("{", "[") else text

    def answers(self):
        try:
            self.ask("GET", "/version", timeout=5)
            return True
        except EngineError:
            return False

    def containers(self, prefix):
        """All containers whose names begin so, as inspected, by name."""
        found = {}
        for entry in self.ask("GET", "/containers/json?all=1"):
            if not any(name.startswith(f"/{prefix}") for name in entry["Names"]):
                continue
            # One that goes between the list and the look is none.
            details = self.ask("GET", f"/containers/{entry['Id']}/json", missing_is_fine=True)
            if details:
                found[details["Name"].lstrip("/")] = details
        return found

    def container(self, name):
        return self.ask("GET", f"/containers/{name}/json", missing_is_fine=True)

    def image(self, name):
        return self.ask("GET", f"/images/{name}/json", missing_is_fine=True)

    def remove(self, name):
        self.ask("DELETE", f"/containers/{name}?force=1&v=1", missing_is_fine=True)

    def start(self, name):
        self.ask("POST", f"/containers/{name}/start")

    def create(self, name, body):
        return self.ask("POST", f"/containers/create?name={name}", body)["Id"]

    def tag(self, image, repository, tag):
        query = urllib.parse.urlencode({"repo": repository, "tag": tag})
        self.ask("POST", f"/images/{image}/tag?{query}")

    def remove_image(self, name):
        """With every name that it has, also that by its digest."""
        image = self.image(name)
        if image:
            self.ask("DELETE", f"/images/{image['Id']}?force=1", missing_is_fine=True)


class Events:
    """What the engine says it does, kept while it happens; it goes on with the next engine.

    Source: GET /events, over HTTP 1.0, so that the answer has no chunks.
    """

    def __init__(self, socket_path):
        self.path = socket_path
        self.kept = []
        self.is_wanted = True
        # Begins before the engine is asked to do anything.
        self.connected = threading.Event()
        threading.Thread(target=self.listen, daemon=True).start()
        self.connected.wait(10)

    def listen(self):
        since = time.time()
        while self.is_wanted:
            try:
                connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                connection.connect(self.path)
                connection.sendall(
                    f"GET /events?since={since:.9f} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
                self.connected.set()
                for line in connection.makefile("rb"):
                    if line.startswith(b"{"):
                        self.kept.append(json.loads(line))
                        since = self.kept[-1]["timeNano"] / 1e9 + 1e-6
                connection.close()
            except OSError:
                pass
            # The engine was killed, and comes back.
            time.sleep(0.02)

    def end(self):
        self.is_wanted = False

    def of_containers(self, action, since=0.0):
        """Container events with this action, from a moment on, oldest first."""
        return [
            event for event in list(self.kept)
            if event["Type"] == "container" and event["Action"] == action
            and event["timeNano"] / 1e9 >= since
        ]

    def is_restart(self, start):
        """Whether the engine did it by the restart policy: the container had ended unasked."""
        before = [
            event["Action"] for event in list(self.kept)
            if event["Type"] == "container" and event["timeNano"] < start["timeNano"]
            and event["Actor"]["ID"] == start["Actor"]["ID"]
            and event["Action"] in ("start", "kill", "die")
        ]
        return before[-2:] == ["start", "die"]


def name_of(event):
    return event["Actor"]["Attributes"].get("name", "")


def is_candidate(event):
    """Whether a container is one that an upgrade has made."""
    return "io.pawl.upgrade" in event["Actor"]["Attributes"]
