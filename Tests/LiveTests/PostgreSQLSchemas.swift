/// What a database of PostgreSQL's can hold, for tests that compare it before and after.
enum PostgreSQLSchemas {
    /// Tables with rows of their own in ``everything``, partitions counted one by one.
    static let tables = 9

    static let everything = #"""
        CREATE ROLE owner; CREATE ROLE reader; CREATE ROLE "Odd role";
        CREATE SCHEMA "Größe Schema" AUTHORIZATION owner;
        CREATE EXTENSION pgcrypto; CREATE EXTENSION hstore WITH SCHEMA "Größe Schema";
        CREATE TYPE mood AS ENUM ('sad', 'it''s \ ok');
        CREATE DOMAIN percent AS numeric CHECK (VALUE BETWEEN 0 AND 100);
        CREATE TYPE pair AS (a int, b text);
        CREATE TABLE everything (
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          small smallint, real real, double double precision, exact numeric,
          money money, text text, code varchar(9) CHECK (code IN ('a', 'b]', '(c)', 'it''s')),
          fixed char(5), bytes bytea, day date, moment timestamp, zoned timestamptz,
          clock time, span interval, flag boolean, mood mood, share percent, pair pair,
          numbers int[], words text[], document jsonb, raw json, tree xml, address inet,
          unique_id uuid, bits bit varying(9), box box, range int4range, vector tsvector,
          keys "Größe Schema".hstore,
          doubled numeric GENERATED ALWAYS AS (exact * 2) STORED);
        INSERT INTO everything (small, real, double, exact, money, text, code, fixed, bytes, day,
            moment, zoned, clock, span, flag, mood, share, pair, numbers, words, document, raw,
            tree, address, unique_id, bits, box, range, vector, keys) VALUES
          (1, 0.1, 1e-300, 'NaN', 12.34, E'tab\t nl\n \\ "q" '' 👩‍👩‍👧 \u0301', 'a', 'x', '\x00ff5c27',
            '4713-01-01 BC', 'infinity', '2026-02-28 12:00+02',
            '24:00', '-1 mon 2 days', true, 'it''s \ ok', 99.999, '(1,"a,b")', '{{1,2},{3,NULL}}',
            '{"a,b",NULL,""}', '{"b": 1, "a": [1.10, "\u00e9"]}', '{"b":1 ,"a":2}',
            '<a>1</a>', '::1/64', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', B'101', '(1,2),(0,0)',
            '[1,5)', 'a fat cat'::tsvector, 'a=>1, b=>NULL');
        INSERT INTO everything (real, double, exact, zoned) VALUES
          ('-Infinity', 'NaN', -0.00000000000000000001, '-infinity'), (1e38, '-0', 1e100, NULL);
        INSERT INTO everything DEFAULT VALUES;
        CREATE TABLE "Größe Schema"."Mixed ""Case""" ("Key" int PRIMARY KEY, "Größe" text);
        INSERT INTO "Größe Schema"."Mixed ""Case""" VALUES (1, 'ä'), (2, NULL);
        CREATE TABLE child (
          id serial PRIMARY KEY, parent bigint REFERENCES everything ON DELETE CASCADE,
          other int REFERENCES "Größe Schema"."Mixed ""Case""" DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO child (parent, other) SELECT 1, 1 FROM generate_series(1, 50);
        DELETE FROM child WHERE id > 40;
        CREATE TABLE measured (city int, day date, degrees int) PARTITION BY RANGE (day);
        CREATE TABLE measured_1 PARTITION OF measured
          FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
        CREATE TABLE measured_2 PARTITION OF measured DEFAULT;
        INSERT INTO measured SELECT n, '2026-01-01'::date + n, n FROM generate_series(0, 99) n;
        CREATE INDEX ON measured (city) WHERE degrees > 3;
        CREATE TABLE base (a int); CREATE TABLE derived (b int) INHERITS (base);
        INSERT INTO base VALUES (1), (1), (2); INSERT INTO derived VALUES (3, 4);
        CREATE UNLOGGED TABLE fleeting (a int); INSERT INTO fleeting VALUES (7);
        CREATE TABLE nothing ();
        INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
        ALTER TABLE base ADD COLUMN gone int; ALTER TABLE base DROP COLUMN gone;
        CREATE SEQUENCE counted INCREMENT -3 MINVALUE -100 CYCLE; SELECT nextval('counted');
        CREATE VIEW shown AS SELECT id, text FROM everything WHERE code IN ('a', 'b]')
          WITH CHECK OPTION;
        CREATE MATERIALIZED VIEW summed AS SELECT count(*) FROM measured;
        CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS a WITH NO DATA;
        CREATE FUNCTION doubled(a int) RETURNS int LANGUAGE sql IMMUTABLE AS
          $body$ SELECT a * 2 -- Name: x; Type: TABLE; $body$;
        CREATE PROCEDURE noted() LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
        CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN NEW.a := NEW.a + 1; RETURN NEW; END $$;
        CREATE TRIGGER touch BEFORE INSERT ON base FOR EACH ROW EXECUTE FUNCTION touched();
        CREATE TRIGGER off BEFORE UPDATE ON base FOR EACH ROW EXECUTE FUNCTION touched();
        ALTER TABLE base DISABLE TRIGGER off;
        CREATE RULE kept AS ON DELETE TO base DO INSTEAD NOTHING;
        CREATE STATISTICS related ON city, degrees FROM measured;
        CREATE INDEX lowered ON everything (lower(text)) WHERE code IN ('a', 'b]');
        CREATE POLICY own ON child USING (parent = 1); ALTER TABLE child ENABLE ROW LEVEL SECURITY;
        CREATE COLLATION german (provider = icu, locale = 'de', deterministic = false);
        CREATE CAST (mood AS int) WITH FUNCTION hashenum(anyenum);
        CREATE AGGREGATE product(int) (sfunc = int4mul, stype = int, initcond = 1);
        CREATE FUNCTION "Größe Schema".ended() RETURNS event_trigger LANGUAGE plpgsql
          AS $$ BEGIN NULL; END $$;
        CREATE EVENT TRIGGER watched ON ddl_command_end WHEN TAG IN ('CREATE CAST')
          EXECUTE FUNCTION "Größe Schema".ended();
        CREATE PUBLICATION published FOR TABLE child;
        ALTER TABLE everything OWNER TO owner; GRANT SELECT (id, text) ON everything TO reader;
        GRANT ALL ON SCHEMA "Größe Schema" TO "Odd role" WITH GRANT OPTION;
        ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT SELECT ON TABLES TO reader;
        COMMENT ON COLUMN everything.text IS 'with ''quotes'' and
        lines';
        SELECT lo_from_bytea(4711, '\x00ff'); SELECT lo_from_bytea(0, '');
        SELECT lo_from_bytea(4712, decode(repeat('ab', 1500000), 'hex'));
        SELECT lo_put(4713, 5000, '\x01') FROM lo_create(4713);
        GRANT SELECT ON LARGE OBJECT 4711 TO reader; COMMENT ON LARGE OBJECT 4711 IS 'large';
        """#

    /// The database's own settings, which go with it when it is dropped.
    static func settings(_ name: String) -> String {
        """
        ALTER DATABASE \(name) OWNER TO owner; COMMENT ON DATABASE \(name) IS 'ours';
        ALTER DATABASE \(name) SET work_mem = '5MB'; ALTER DATABASE \(name) CONNECTION LIMIT 50;
        ALTER ROLE reader IN DATABASE \(name) SET search_path = public;
        REVOKE CONNECT ON DATABASE \(name) FROM PUBLIC; GRANT CONNECT ON DATABASE \(name) TO reader;
        """
    }

    /// What a candidate may make of it.
    static let migration = #"""
        CREATE SCHEMA migrated; CREATE TABLE migrated.t (a int); CREATE EXTENSION citext;
        CREATE VIEW newer AS SELECT 1 AS a; CREATE MATERIALIZED VIEW newest AS SELECT 2 AS a;
        CREATE FUNCTION added() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER added AFTER INSERT ON child FOR EACH ROW EXECUTE FUNCTION added();
        CREATE TYPE shade AS ENUM ('dark'); CREATE SEQUENCE extra; CREATE ROLE newcomer;
        ALTER TABLE everything ADD COLUMN later text DEFAULT 'x', DROP COLUMN raw;
        ALTER TYPE mood ADD VALUE 'new'; DROP TABLE measured CASCADE; DROP VIEW shown;
        GRANT ALL ON child TO newcomer; SELECT setval('counted', -50);
        SELECT lo_unlink(4711); SELECT lo_from_bytea(4714, '\x33');
        CREATE EVENT TRIGGER other ON ddl_command_end EXECUTE FUNCTION "Größe Schema".ended();
        UPDATE base SET a = a + 100; CREATE PUBLICATION second FOR ALL TABLES;
        """#

    /// All that counts, as text: what the dump program says of it, and every row.
    static let look = #"""
        SELECT * FROM everything ORDER BY id; SELECT * FROM "Größe Schema"."Mixed ""Case""";
        SELECT count(*), sum(id), max(id) FROM child; SELECT tableoid::regclass, * FROM base;
        SELECT tableoid::regclass, count(*), sum(degrees) FROM measured GROUP BY 1 ORDER BY 1;
        SELECT * FROM fleeting; SELECT count(*) FROM nothing; SELECT * FROM summed;
        SELECT last_value, is_called FROM counted; SELECT last_value FROM child_id_seq;
        SELECT l.oid, lomacl, md5(lo_get(l.oid)) FROM pg_largeobject_metadata l ORDER BY 1;
        SELECT nspname, nspacl FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1;
        SELECT relname, relkind, relowner::regrole, relacl FROM pg_class
          WHERE relnamespace = 'public'::regnamespace ORDER BY 1;
        SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1;
        SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace ORDER BY 1;
        SELECT extname, extversion FROM pg_extension ORDER BY 1;
        SELECT evtname FROM pg_event_trigger; SELECT pubname FROM pg_publication;
        SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1;
        SELECT datdba::regrole, datconnlimit, shobj_description(d.oid, 'pg_database'),
            (SELECT string_agg(acl::text, ' ' ORDER BY acl::text) FROM unnest(datacl) acl)
          FROM pg_database d WHERE datname = current_database();
        SELECT setrole, setconfig FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase
          WHERE datname = current_database() ORDER BY 1;
        """#

    /// A table that takes a while to dump: rows of about 1 kB that do not compress.
    static func filler(rows: Int) -> String {
        """
        CREATE TABLE filler (id int PRIMARY KEY, data text);
        INSERT INTO filler SELECT n, (SELECT string_agg(md5(n::text || m::text), '')
          FROM generate_series(1, 30) m) FROM generate_series(1, \(rows)) n;
        """
    }
}
