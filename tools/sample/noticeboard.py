#!/usr/bin/env python3
"""Noticeboard: a small web application with a database, made to be upgraded.

It is what Pawl's tests and its quickstart upgrade. One file serves every release; the file
RELEASE beside it says which one this is, and so how it behaves:

    1.0.0, 1.0.1  schema 1: one table
    2.0.0         migrates to schema 2 at start: author table, view, trigger, routine (MySQL)
    2.0.1 sick    migrates on to schema 3, which destroys data; /health answers 500
    2.0.2 crash   migrates half of what it wants and exits 3
    2.1.0 slow    migrates to schema 4 for 30 s, one progress line a second; then healthy

Any other 1.x behaves as 1.0.0 and anything later as 2.0.0. A database that an unfit release left
behind is not repaired: as with most applications, a migration that was cut off is not repeatable.

Environment:
    NOTICEBOARD_DATABASE           sqlite:///PATH (default noticeboard.db here), or
                                   mysql://USER@HOST:PORT/NAME
    NOTICEBOARD_DATABASE_PASSWORD  for mysql; never printed
    NOTICEBOARD_DATABASE_WAIT      seconds to wait for the database at start (60)
    NOTICEBOARD_SLOW_SECONDS       how long 2.1.0 migrates (30)
    NOTICEBOARD_ADDRESS, PORT      where to listen (0.0.0.0, 8080)

Exit status: 0 after SIGTERM, 1 when it cannot start, 3 when 2.0.2 crashes.
"""

import html
import json
import os
import signal
import socketserver
import sys
import time
import traceback
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY_LIMIT_BYTES = 64 * 1024
AUTHOR_LIMIT, NOTICE_LIMIT = 80, 500
LISTED_LIMIT = 200

SEED = [
    ("Ada", "Welcome to the noticeboard. Pin up what everyone should know.", "2026-01-05 08:30:00"),
    ("Grace", "The coffee machine on floor 3 works again.", "2026-01-12 14:05:00"),
    ("Ada", "Fire drill on Thursday at ten.", "2026-02-02 09:00:00"),
]


def log(level, message):
    """Errors go to standard error, so that both streams of a container's log are in use."""
    stream = sys.stderr if level == "ERROR" else sys.stdout
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(f"{moment} {level} {message}", file=stream, flush=True)


class Release:
    """What the RELEASE file says, and what follows from it."""

    def __init__(self, version):
        self.version = version
        self.is_sick = version == "2.0.1"
        self.crashes = version == "2.0.2"
        special = {"2.0.1": 3, "2.1.0": 4}
        self.schema = special.get(version, 1 if version.startswith("1.") else 2)

    @classmethod
    def beside_this_program(cls):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "RELEASE")
        try:
            with open(path, encoding="ascii") as file:
                return cls(file.read().strip())
        except OSError as error:
            sys.exit(f"cannot read the release from {path}: {error.strerror}; "
                     "make a release with tools/sample/package")


# --- Databases -----------------------------------------------------------------------------------


class SQLite:
    """One connection to an SQLite file."""

    words = {
        "id": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "on_notice": "",
        "seconds": "CAST(strftime('%s', posted_at) AS INTEGER)",
    }

    def __init__(self, path):
        import sqlite3

        # Autocommit: each step of a migration stands for itself, as it does in MySQL.
        self.connection = sqlite3.connect(path, timeout=10, isolation_level=None)

    def execute(self, sql, *arguments):
        return self.connection.execute(sql, arguments).fetchall()

    def has_table(self, name):
        return bool(self.execute("SELECT 1 FROM sqlite_master WHERE name = ?", name))

    def close(self):
        self.connection.close()


class MySQL:
    """One connection to MySQL or MariaDB."""

    words = {
        "id": "INTEGER PRIMARY KEY AUTO_INCREMENT",
        "on_notice": "ON notice",
        # Not UNIX_TIMESTAMP, which depends on the session's time zone.
        "seconds": "TIMESTAMPDIFF(SECOND, '1970-01-01 00:00:00', posted_at)",
    }

    def __init__(self, url):
        import pymysql

        self.connection = pymysql.connect(
            host=url.hostname, port=url.port or 3306, user=url.username,
            password=os.environ.get("NOTICEBOARD_DATABASE_PASSWORD", ""),
            database=url.path.lstrip("/"), charset="utf8mb4", autocommit=True,
            # A write waits on a database that is held read-only, but not for ever.
            connect_timeout=5, read_timeout=30, write_timeout=30)

    def execute(self, sql, *arguments):
        with self.connection.cursor() as cursor:
            cursor.execute(sql.replace("?", "%s"), arguments or None)
            return cursor.fetchall()

    def has_table(self, name):
        return bool(self.execute(
            "SELECT 1 FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND table_name = ?", name))

    def close(self):
        self.connection.close()


class Connector:
    """Opens connections: one a request, so that a database that restarted is no trouble."""

    def __init__(self, address):
        self.url = urllib.parse.urlsplit(address)
        if self.url.scheme not in ("sqlite", "mysql") or not self.url.path.lstrip("/"):
            sys.exit("NOTICEBOARD_DATABASE must be sqlite:///PATH or mysql://USER@HOST:PORT/NAME")
        if self.url.password:
            sys.exit("NOTICEBOARD_DATABASE must not contain the password: "
                     "give it in NOTICEBOARD_DATABASE_PASSWORD")

    def open(self):
        if self.url.scheme == "mysql":
            return MySQL(self.url)
        return SQLite(urllib.parse.unquote(self.url.path))

    def open_patiently(self, limit_seconds):
        """The database's container may start later than this one."""
        deadline = time.monotonic() + limit_seconds
        is_first = True
        while True:
            try:
                return self.open()
            except ImportError:
                sys.exit("MySQL needs PyMySQL: install the package python3-pymysql")
            except Exception as error:  # each database has its own errors
                if time.monotonic() > deadline:
                    log("ERROR", f"no database after {limit_seconds} s: {error}")
                    sys.exit(1)
                if is_first:
                    log("INFO", f"Waiting up to {limit_seconds} s for the database: {error}")
                is_first = False
                time.sleep(0.2)


# --- Schema --------------------------------------------------------------------------------------

SCHEMA_1 = [
    "CREATE TABLE notice (id {id}, author VARCHAR(80) NOT NULL, body VARCHAR(500) NOT NULL, "
    "posted_at VARCHAR(19) NOT NULL)",
    "CREATE INDEX notice_posted_at ON notice (posted_at)",
]

VIEW = (
    "CREATE VIEW notice_with_author AS SELECT notice.id, author.name AS author, notice.body{time} "
    "FROM notice JOIN author ON author.id = notice.author_id")
VIEW_WITH_TIME = VIEW.replace("{time}", ", notice.posted_seconds")
VIEW_WITHOUT_TIME = VIEW.replace("{time}", "")

RECOUNT = ("UPDATE author SET notices = "
           "(SELECT COUNT(*) FROM notice WHERE notice.author_id = author.id)")

# Every step is what the log says, and the statements that do it.
TO_SCHEMA_2 = [
    ("create table author", [
        "CREATE TABLE author (id {id}, name VARCHAR(80) NOT NULL UNIQUE, "
        "notices INTEGER NOT NULL DEFAULT 0)"]),
    ("fill author from notice", [
        "INSERT INTO author (name) SELECT DISTINCT author FROM notice ORDER BY author"]),
    ("give notice an author_id", [
        "ALTER TABLE notice ADD COLUMN author_id INTEGER",
        "UPDATE notice SET author_id = "
        "(SELECT author.id FROM author WHERE author.name = notice.author)"]),
    ("turn posted_at into seconds", [
        "ALTER TABLE notice ADD COLUMN posted_seconds BIGINT",
        "UPDATE notice SET posted_seconds = {seconds}",
        "DROP INDEX notice_posted_at {on_notice}",
        "CREATE INDEX notice_posted_seconds ON notice (posted_seconds)"]),
    ("drop the columns that were replaced", [
        "ALTER TABLE notice DROP COLUMN posted_at",
        "ALTER TABLE notice DROP COLUMN author"]),
    ("create view notice_with_author", [VIEW_WITH_TIME]),
    ("create trigger notice_counted", [
        "CREATE TRIGGER notice_counted AFTER INSERT ON notice FOR EACH ROW "
        "BEGIN UPDATE author SET notices = notices + 1 WHERE id = NEW.author_id; END"]),
    ("count the notices of every author", [RECOUNT]),
]

TO_SCHEMA_2_ON_MYSQL = [
    ("create procedure recount_notices", [f"CREATE PROCEDURE recount_notices() {RECOUNT}"]),
]

TO_SCHEMA_3 = [
    ("create table audit_trail", [
        "CREATE TABLE audit_trail (id {id}, event VARCHAR(200) NOT NULL)"]),
    ("shorten every notice", ["UPDATE notice SET body = SUBSTR(UPPER(body), 1, 12)"]),
    ("drop notice.posted_seconds", [
        "DROP VIEW notice_with_author",
        "DROP INDEX notice_posted_seconds {on_notice}",
        "ALTER TABLE notice DROP COLUMN posted_seconds",
        VIEW_WITHOUT_TIME]),
    ("note it in audit_trail", [
        "INSERT INTO audit_trail (event) VALUES ('notices shortened')"]),
]

FROM_SCHEMA_3_TO_4 = [
    ("bring back notice.posted_seconds", [
        "ALTER TABLE notice ADD COLUMN posted_seconds BIGINT NOT NULL DEFAULT 0",
        "CREATE INDEX notice_posted_seconds ON notice (posted_seconds)",
        "DROP VIEW notice_with_author",
        VIEW_WITH_TIME]),
]


class Migration:
    """Brings a database to the schema that a release needs, one logged step at a time."""

    def __init__(self, database, release):
        self.database = database
        self.release = release

    def schema(self):
        if self.database.has_table("schema_version"):
            return self.database.execute("SELECT MAX(version) FROM schema_version")[0][0]
        return 1 if self.database.has_table("notice") else 0

    def run(self):
        """Returns the schema that the database has afterwards."""
        schema = self.schema()
        if schema == 0:
            self.create()
            schema = 1
        if schema == 1 and self.release.schema >= 2:
            is_mysql = isinstance(self.database, MySQL)
            self.steps(1, 2, TO_SCHEMA_2 + (TO_SCHEMA_2_ON_MYSQL if is_mysql else []))
            self.database.execute(
                "CREATE TABLE schema_version (version INTEGER NOT NULL, made_by VARCHAR(20))")
            schema = self.reached(2)
        if self.release.crashes:
            self.crash_half_way()
        if schema == 2 and self.release.schema == 3:
            self.steps(2, 3, TO_SCHEMA_3)
            schema = self.reached(3)
        if schema in (2, 3) and self.release.schema == 4:
            if schema == 3:
                self.steps(3, 4, FROM_SCHEMA_3_TO_4)
            self.index_slowly()
            schema = self.reached(4)
        return schema

    def create(self):
        log("INFO", "Creating schema 1")
        for statement in SCHEMA_1:
            self.database.execute(statement.format(**self.database.words))
        for notice in SEED:
            self.database.execute(
                "INSERT INTO notice (author, body, posted_at) VALUES (?, ?, ?)", *notice)

    def steps(self, old, new, steps):
        for number, (what, statements) in enumerate(steps, start=1):
            log("INFO", f"Migrating schema {old} to {new}, step {number} of {len(steps)}: {what}")
            for statement in statements:
                self.database.execute(statement.format(**self.database.words))

    def reached(self, schema):
        self.database.execute("INSERT INTO schema_version (version, made_by) VALUES (?, ?)",
                              schema, self.release.version)
        log("INFO", f"Migrated to schema {schema}")
        return schema

    def crash_half_way(self):
        log("INFO", "Migrating schema 2 to 3, step 1 of 2: create table attachment")
        self.database.execute(
            "CREATE TABLE IF NOT EXISTS attachment (id {id}, notice_id INTEGER NOT NULL)"
            .format(**self.database.words))
        log("INFO", "Migrating schema 2 to 3, step 2 of 2: fill attachment")
        raise RuntimeError("attachment cannot be filled: no folder with attachments is configured")

    def index_slowly(self):
        seconds = int(os.environ.get("NOTICEBOARD_SLOW_SECONDS", "30"))
        # Begun anew after an interruption: this one migration may be repeated.
        self.database.execute("DROP TABLE IF EXISTS search_word")
        self.database.execute(
            "CREATE TABLE search_word (word VARCHAR(80) NOT NULL, notice_id INTEGER NOT NULL)")
        notices = self.database.execute("SELECT id, body FROM notice ORDER BY id")
        done = 0
        for second in range(1, seconds + 1):
            time.sleep(1)
            share = len(notices) * second // seconds
            self.index(notices[done:share])
            done = share
            log("INFO", f"Indexing notices for search: {done} of {len(notices)}, "
                        f"{second} of {seconds} s")
        self.index(notices[done:])

    def index(self, notices):
        for notice_id, body in notices:
            for word in sorted({word.strip(".,:;!?").lower()[:80] for word in body.split()}):
                self.database.execute("INSERT INTO search_word (word, notice_id) VALUES (?, ?)",
                                      word, notice_id)


# --- The board -----------------------------------------------------------------------------------


class Board:
    """The notices, read and written in the schema of this release."""

    def __init__(self, connector, release, schema):
        self.connector = connector
        self.release = release
        self.schema = schema

    def query(self, sql, *arguments):
        database = self.connector.open()
        try:
            return database.execute(sql, *arguments)
        finally:
            database.close()

    def check(self):
        """Raises when the notices cannot be read."""
        if self.schema > self.release.schema:
            raise RuntimeError(f"the database has schema {self.schema}, but release "
                               f"{self.release.version} knows up to {self.release.schema}")
        self.query("SELECT COUNT(*) FROM notice")

    def newest(self):
        """What the health check of 2.0.1 asks: its own migration dropped the column."""
        return self.query("SELECT MAX(posted_seconds) FROM notice")

    def notices(self):
        source = {
            1: "id, author, body, posted_at FROM notice",
            3: "id, author, body, NULL FROM notice_with_author",
        }.get(self.release.schema, "id, author, body, posted_seconds FROM notice_with_author")
        rows = self.query(f"SELECT {source} ORDER BY id DESC LIMIT {LISTED_LIMIT}")
        return [{"id": row[0], "author": row[1], "body": row[2], "posted_at": self.shown_time(row[3])}
                for row in rows]

    def shown_time(self, stored):
        if isinstance(stored, int):
            return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(stored))
        return stored

    def post(self, author, body):
        now = int(time.time())
        if self.release.schema == 1:
            self.query("INSERT INTO notice (author, body, posted_at) VALUES (?, ?, ?)",
                       author, body, self.shown_time(now))
            return
        author_id = self.author_id(author)
        if self.release.schema == 3:
            self.query("INSERT INTO notice (body, author_id) VALUES (?, ?)", body, author_id)
        else:
            self.query("INSERT INTO notice (body, author_id, posted_seconds) VALUES (?, ?, ?)",
                       body, author_id, now)

    def author_id(self, name):
        """Asked for apart: MySQL's trigger must not change a table that its statement reads."""
        rows = self.query("SELECT id FROM author WHERE name = ?", name)
        if not rows:
            self.query("INSERT INTO author (name) VALUES (?)", name)
            rows = self.query("SELECT id FROM author WHERE name = ?", name)
        return rows[0][0]


STYLE = """
body { margin: 0; background: #f4f1ea; color: #2b2a27; font: 16px/1.5 system-ui, sans-serif }
main { max-width: 44rem; margin: 0 auto; padding: 2.5rem 1.5rem 5rem }
h1 { font-size: 2rem; margin: 0 0 1.5rem; letter-spacing: -.02em }
form { display: grid; grid-template-columns: 10rem 1fr auto; gap: .6rem; margin-bottom: 2rem }
input, button { font: inherit; padding: .55rem .8rem; border: 1px solid #cfc8b8;
                border-radius: 8px }
button { background: #2f5d50; border-color: #2f5d50; color: #fff; cursor: pointer }
article { background: #fff; border-left: 4px solid #e0a526; border-radius: 8px; margin: 0 0 .9rem;
          padding: .9rem 1.2rem; box-shadow: 0 1px 3px #0002 }
article p { margin: 0 0 .3rem; overflow-wrap: anywhere } article small { color: #7a7466 }
footer { position: fixed; right: 1rem; bottom: .7rem; color: #7a7466; font-size: .85rem }
"""


def page(notices, version):
    def one(notice):
        body, author = html.escape(notice["body"]), html.escape(notice["author"])
        moment = f", {notice['posted_at']}" if notice["posted_at"] else ""
        return f"<article><p>{body}</p><small>{author}{moment}</small></article>"

    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Noticeboard</title>
<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>
<body><main><h1>Noticeboard</h1>
<form method="post" action="/notices">
<input name="author" placeholder="Your name" maxlength="{AUTHOR_LIMIT}" required>
<input name="body" placeholder="What should everyone know?" maxlength="{NOTICE_LIMIT}" required>
<button>Pin up</button></form>
{"".join(one(notice) for notice in notices)}
</main><footer>Version {html.escape(version)}</footer></body></html>
"""


# --- The web -------------------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    """Answers one connection. Requests are not logged: the log is for what an upgrade looks at."""

    timeout = 30
    board = None

    def do_GET(self):
        routes = {"/": self.get_page, "/health": self.get_health, "/version": self.get_version,
                  "/notices": self.get_notices}
        self.answer(routes.get(urllib.parse.urlsplit(self.path).path))

    def do_POST(self):
        self.answer({"/notices": self.post_notice}.get(urllib.parse.urlsplit(self.path).path))

    def answer(self, route):
        if route is None:
            return self.send_json(404, {"error": f"there is no {self.path}"})
        try:
            route()
        except ConnectionError:
            pass  # The client went away; there is nobody to answer.
        except Exception as error:  # each database has its own errors
            log("ERROR", f"{self.command} {self.path}: {error}")
            self.send_json(503, {"error": str(error)})

    def get_page(self):
        self.send(200, "text/html; charset=utf-8",
                  page(self.board.notices(), self.board.release.version))

    def get_version(self):
        self.send_json(200, {"version": self.board.release.version})

    def get_notices(self):
        self.send_json(200, self.board.notices())

    def get_health(self):
        version = self.board.release.version
        if self.board.release.is_sick:
            try:
                self.board.newest()
            except Exception as error:
                log("ERROR", f"GET /health: {error}\n{traceback.format_exc().rstrip()}")
                return self.send_json(500, {"ok": False, "version": version})
        try:
            self.board.check()
        except Exception as error:
            log("ERROR", f"GET /health: {error}")
            return self.send_json(503, {"ok": False, "version": version, "error": str(error)})
        return self.send_json(200, {"ok": True, "version": version})

    def post_notice(self):
        try:
            author, body = self.posted()
        except ValueError as error:
            return self.send_json(400, {"error": str(error)})
        self.board.post(author, body)
        if "text/html" not in self.headers.get("Accept", ""):
            return self.send_json(201, {"author": author, "body": body})
        # Back to the list, so that reloading the page does not post again.
        return self.send(201, "text/html; charset=utf-8", "Pinned up.", {"Refresh": "0; url=/"})

    def posted(self):
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 < length <= BODY_LIMIT_BYTES:
            raise ValueError(f"the body must have 1 to {BODY_LIMIT_BYTES} bytes")
        text = self.rfile.read(length).decode("utf-8")
        if self.headers.get("Content-Type", "").startswith("application/json"):
            fields = json.loads(text)
        else:
            fields = dict(urllib.parse.parse_qsl(text))
        if not isinstance(fields, dict):
            raise ValueError("the body must be an object with author and body")
        author, body = str(fields.get("author", "")).strip(), str(fields.get("body", "")).strip()
        if not 0 < len(author) <= AUTHOR_LIMIT or not 0 < len(body) <= NOTICE_LIMIT:
            raise ValueError(f"author needs 1 to {AUTHOR_LIMIT} characters, "
                             f"body 1 to {NOTICE_LIMIT}")
        return author, body

    def send_json(self, status, value):
        self.send(status, "application/json", json.dumps(value) + "\n")

    def send(self, status, content_type, text, headers=None):
        content = text.encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def server_bind(self):
        # HTTPServer's own asks the DNS for this host's name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


def stop_at_once(*_):
    # os.write, because print may be what was interrupted.
    os.write(1, b"Noticeboard stops\n")
    os._exit(0)


def main():
    signal.signal(signal.SIGTERM, stop_at_once)
    signal.signal(signal.SIGINT, stop_at_once)
    release = Release.beside_this_program()
    port = int(os.environ.get("PORT", "8080"))
    log("INFO", f"Noticeboard {release.version} starts")

    connector = Connector(os.environ.get("NOTICEBOARD_DATABASE")
                          or "sqlite://" + os.path.abspath("noticeboard.db"))
    database = connector.open_patiently(int(os.environ.get("NOTICEBOARD_DATABASE_WAIT", "60")))
    try:
        schema = Migration(database, release).run()
    except Exception as error:
        log("ERROR", f"Cannot start: {error}\n{traceback.format_exc().rstrip()}")
        sys.exit(3 if release.crashes else 1)
    database.close()

    Handler.board = Board(connector, release, schema)
    try:
        server = Server((os.environ.get("NOTICEBOARD_ADDRESS", "0.0.0.0"), port), Handler)
    except OSError as error:
        log("ERROR", f"Cannot listen on port {port}: {error.strerror}")
        sys.exit(1)
    log("INFO", f"Noticeboard {release.version} ready on port {port}")
    server.serve_forever()


if __name__ == "__main__":
    main()
