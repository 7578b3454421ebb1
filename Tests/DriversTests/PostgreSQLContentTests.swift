import Testing
import UpgradeMachine

@testable import Drivers

/// What is made of a schema-only dump; its text is one of `pg_dump` 15.18's.
struct PostgreSQLContentTests {
    private static func dump(
        check: String = "CHECK (((code)::text = ANY ((ARRAY['a'::character varying, "
            + "'b'::character varying])::text[])))",
        key: String = "abc", order: [Int] = [0, 1, 2], end: String = footer
    ) -> String {
        let entries = [
            """
            --
            -- Name: t; Type: TABLE; Schema: public; Owner: app
            --

            CREATE TABLE public.t (
                code character varying,
                CONSTRAINT c \(check)
            );
            """,
            """
            --
            -- Name: f(); Type: FUNCTION; Schema: public; Owner: app
            --

            CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS $$ SELECT (1) $$;
            """,
            """
            --
            -- Name: x; Type: DATABASE PROPERTIES; Schema: -; Owner: app
            --

            ALTER DATABASE x SET work_mem TO '5MB';
            """,
        ]
        return """
            --
            -- PostgreSQL database dump
            --

            \\restrict \(key)

            -- Dumped from database version 15.18
            -- Dumped by pg_dump version 15.18

            \(order.map { entries[$0] }.joined(separator: "\n\n\n"))

            \\unrestrict \(key)
            \(end)
            """
    }

    private static let footer = """
        --
        -- PostgreSQL database dump complete
        --
        """

    @Test("Each object has a digest, under its kind and name")
    func titles() throws {
        let definitions = try #require(PostgreSQLDefinitions(dump: Self.dump()))
        #expect(
            definitions.lines.map { String($0.prefix { $0 != "\u{0}" }) }
                == ["DATABASE PROPERTIES x", "FUNCTION public.f()", "TABLE public.t"])
    }

    @Test("Neither order nor the keys of a dump count")
    func noise() {
        let one = PostgreSQLDefinitions(dump: Self.dump())
        #expect(one == PostgreSQLDefinitions(dump: Self.dump(key: "xyz", order: [2, 0, 1])))
    }

    @Test("One that is cut off is none")
    func cut() {
        #expect(PostgreSQLDefinitions(dump: Self.dump(end: "")) == nil)
    }

    @Test("The server's second way to print a list of words is as good as its first")
    func lists() {
        let first = PostgreSQLDefinitions(dump: Self.dump())
        let second =
            "CHECK (((code)::text = ANY (ARRAY[('a'::character varying)::text, "
            + "('b'::character varying)::text])))"
        #expect(first == PostgreSQLDefinitions(dump: Self.dump(check: second)))
        let other = second.replacing("'b'", with: "'c'")
        #expect(first != PostgreSQLDefinitions(dump: Self.dump(check: other)))
        // Elsewhere brackets count.
        #expect(PostgreSQLDefinitions.normalised("CHECK ((a))") == "CHECK ((a))")
    }

    @Test("What differs is named")
    func differences() throws {
        let old = PostgreSQLManifest(
            definitions: ["TABLE public.t\u{0}1", "VIEW public.v\u{0}1", "TYPE public.m\u{0}1"],
            sequences: ["public.s 7 t", "public.r 1 f"], roles: [])
        let new = PostgreSQLContent(
            tables: [],
            definitions: PostgreSQLDefinitions(
                lines: ["TABLE public.t\u{0}2", "TYPE public.m\u{0}1", "INDEX public.i\u{0}1"]),
            sequences: ["public.s 8 t", "public.r 1 f"], roles: [])
        #expect(
            PostgreSQLContent.differences(old, new) == [
                "INDEX public.i (new)", "TABLE public.t (definition)", "VIEW public.v (missing)",
                "sequence public.s",
            ])
    }

    @Test("Answers are told apart by their order, without the tables that are held")
    func reading() throws {
        let inventory = PostgreSQLInventory(answer: [
            ["public.t", "r", "a,b", ""], ["public.s", "S", "last_value", ""],
            ["public.config", "r", "a", "WHERE a > 1"], ["public.empty", "r", "", ""],
        ])
        #expect(
            inventory.tables.map(\.name) == [
                "public.config", "public.empty", "public.s", "public.t",
            ])
        let held = ["public.t": BackupManifest.Table(name: "public.t", rows: 9, checksum: "9")]
        let questions = inventory.questions(without: held)
        #expect(
            questions == [
                """
                COPY (SELECT count(*), COALESCE(sum(hashtextextended(ROW(a)::text COLLATE "C", \
                0)), 0) FROM ONLY public.config WHERE a > 1) TO STDOUT;
                COPY (SELECT count(*), COALESCE(sum(0), 0) FROM ONLY public.empty ) TO STDOUT;
                COPY (SELECT last_value, is_called FROM public.s) TO STDOUT;

                """
            ])
        let (tables, sequences) = try inventory.read(
            [["1", "11"], ["2", "0"], ["7", "t"]], held: held)
        #expect(
            tables.map { "\($0.name) \($0.rows) \($0.checksum)" } == [
                "public.config 1 11", "public.empty 2 0", "public.t 9 9",
            ])
        #expect(sequences == ["public.s 7 t"])
        #expect(throws: Failure.self) { try inventory.read([["1", "11"]], held: held) }
    }
}
