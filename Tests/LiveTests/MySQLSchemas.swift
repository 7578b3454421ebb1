/// Statements for tests with a real database.
enum MySQLSchemas {
    /// Tables and sequences in ``everything``.
    static let tables = 18

    /// All that has ever gone wrong between a dump and a restore.
    static let everything = #"""
        CREATE TABLE plain (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50), emoji TEXT,
          made TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, at DATETIME(6))
          COMMENT='it''s ) AUTO_INCREMENT=7 here';
        INSERT INTO plain (name, emoji, at) VALUES
          ('NULL', '😀 \\ \n \t \0 end', '2020-01-01 00:00:00.123456'), (NULL, 'ÄÖ "\'', NULL),
          ('', '', '0001-01-01');
        SET SESSION sql_mode='';
        CREATE TABLE `odd ``name; 'x' -- \ ü` (`a b` INT, `select` DATE, z DATETIME, y YEAR,
          KEY `k``ey` (`a b`)) ROW_FORMAT=COMPRESSED;
        INSERT INTO `odd ``name; 'x' -- \ ü` VALUES (1, '0000-00-00', '0000-00-00 00:00:00', 0),
          (2, '2020-00-00', '2020-01-01', 1999);
        CREATE TABLE floats (f FLOAT, d DOUBLE, n DECIMAL(40,20));
        INSERT INTO floats VALUES (1/3, 1e0/3e0, 1/3), (16777217, 0.1e0+0.2e0, 1e19),
          (1.17549e-38, 2.2250738585072014e-308, 0), (3.4028234e38, 1.7976931348623157e308, 1);
        CREATE TABLE bits (b1 BIT(1), b9 BIT(9), b64 BIT(64), bin BINARY(4), vb VARBINARY(300),
          bl LONGBLOB, st SET('a','b'), en ENUM('x','y',''));
        INSERT INTO bits VALUES (1, b'101010101', 0xFFFFFFFFFFFFFFFF, 'ab', NULL, NULL, 'a,b', 'x'),
          (0, 0, 0, '', '', '', '', ''), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, 7);
        CREATE TABLE bytes (id INT PRIMARY KEY, b BLOB, l TEXT CHARACTER SET latin1);
        INSERT INTO bytes SELECT seq, UNHEX(LPAD(HEX(seq), 2, '0')),
          CONVERT(UNHEX(LPAD(HEX(seq), 2, '0')) USING latin1) FROM seq_0_to_255;
        CREATE TABLE generated (a INT, v INT AS (a*2) VIRTUAL, s VARCHAR(30) AS (CONCAT('x', a))
          STORED, hidden INT INVISIBLE DEFAULT 5, KEY(v), CHECK (a < 100));
        INSERT INTO generated (a) VALUES (1), (2), (NULL);
        UPDATE generated SET hidden = 6 WHERE a = 2;
        CREATE TABLE keyless (a INT, b TEXT);
        INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (2, NULL);
        CREATE TABLE big (id INT PRIMARY KEY, b LONGBLOB);
        INSERT INTO big VALUES (1, REPEAT(UNHEX('00FF'), 5000000)), (2, RANDOM_BYTES(1000));
        CREATE TABLE myisam (id INT, t TEXT, v VARCHAR(20)) ENGINE=MyISAM CHECKSUM=1;
        INSERT INTO myisam VALUES (1, 'a', NULL), (2, NULL, 'b');
        CREATE TABLE aria (id INT, t TEXT, c CHAR(10)) ENGINE=Aria;
        INSERT INTO aria VALUES (1, 'a', NULL), (2, NULL, 'b');
        CREATE TABLE parent (id INT PRIMARY KEY);
        CREATE TABLE child (id INT PRIMARY KEY, p INT,
          CONSTRAINT fk FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE);
        INSERT INTO parent VALUES (1);
        INSERT INTO child VALUES (1, 1);
        CREATE TABLE parted (id INT, y INT) PARTITION BY RANGE (y)
          (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);
        INSERT INTO parted VALUES (1, 1), (2, 50);
        CREATE TABLE kinds (j JSON, g GEOMETRY, p POINT, u UUID, i INET6);
        INSERT INTO kinds VALUES ('{"b":1,"a":[1,2]}', ST_GeomFromText('POINT(1 2)', 4326),
          ST_GeomFromText('POINT(3 4)'), UUID(), '::1');
        CREATE TABLE instant (a INT);
        INSERT INTO instant VALUES (1), (2);
        ALTER TABLE instant ADD COLUMN b VARCHAR(10) DEFAULT 'dd' FIRST, ALGORITHM=INSTANT;
        CREATE TABLE versioned (a INT) WITH SYSTEM VERSIONING;
        INSERT INTO versioned VALUES (1);
        UPDATE versioned SET a = 2;
        SET SESSION sql_mode='NO_AUTO_VALUE_ON_ZERO';
        CREATE TABLE zero (id INT AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT=1000;
        INSERT INTO zero VALUES (0, 1), (-5, 2);
        CREATE SEQUENCE sq START WITH 5 INCREMENT BY 3 CACHE 10;
        SELECT NEXTVAL(sq), NEXTVAL(sq);
        SET SESSION sql_mode=DEFAULT;
        CREATE VIEW v1 AS SELECT p.id, c.id AS cid FROM parent p LEFT JOIN child c ON c.p = p.id
          WHERE p.id IN (1, 2) AND (p.id > 0 OR c.id IS NULL);
        CREATE VIEW `v0 uses 'it'` AS SELECT * FROM v1 UNION SELECT 1, 2;
        CREATE DEFINER='ghost'@'%' SQL SECURITY INVOKER VIEW orphan AS SELECT 1 AS one;
        DELIMITER //
        CREATE TRIGGER t2 BEFORE INSERT ON parent FOR EACH ROW
        BEGIN SET NEW.id = NEW.id; -- a comment; with 'a quote
        END//
        CREATE TRIGGER t1 BEFORE INSERT ON parent FOR EACH ROW SET NEW.id = NEW.id + 0//
        CREATE PROCEDURE pr(IN a VARCHAR(20), OUT b INT) COMMENT 'hé'
        BEGIN SELECT 'x\\y;' INTO @a; SET b = 1; END//
        CREATE FUNCTION fu(a INT) RETURNS VARCHAR(10) CHARSET latin1 DETERMINISTIC
          RETURN CONCAT(a, 'ä')//
        CREATE EVENT ev ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO
        BEGIN INSERT INTO parent VALUES (99); END//
        CREATE EVENT once ON SCHEDULE AT '2037-01-01 00:00:00' DISABLE DO SELECT 1//
        DELIMITER ;
        """#

    /// What a test compares with its own eyes: it has no part in how fingerprints are made.
    static let look = #"""
        CHECKSUM TABLE plain, `odd ``name; 'x' -- \ ü`, bytes, generated, keyless, big, myisam,
          aria, parent, child, parted, kinds, instant, zero;
        SELECT f, d, n FROM floats;
        SELECT HEX(b1), HEX(b9), HEX(b64), HEX(bin), HEX(vb), HEX(bl), st, en FROM bits;
        SELECT a, hidden FROM generated;
        SELECT a, row_start, row_end FROM versioned FOR SYSTEM_TIME ALL ORDER BY row_start;
        SELECT HEX(emoji) FROM plain;
        SELECT next_not_cached_value FROM sq;
        SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME
          FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE();
        SELECT TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES
          WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1;
        SELECT TRIGGER_NAME, ACTION_STATEMENT, ACTION_ORDER FROM information_schema.TRIGGERS
          WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY 1;
        SELECT ROUTINE_NAME, ROUTINE_DEFINITION, ROUTINE_COMMENT, DATABASE_COLLATION
          FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() ORDER BY 1;
        SELECT EVENT_NAME, STATUS, STARTS, EXECUTE_AT FROM information_schema.EVENTS
          WHERE EVENT_SCHEMA = DATABASE() ORDER BY 1;
        SELECT TABLE_NAME, VIEW_DEFINITION, DEFINER, SECURITY_TYPE FROM information_schema.VIEWS
          WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1;
        """#

    /// What an application does to its schema as it starts anew.
    static let migration = """
        CREATE TABLE added (id INT);
        INSERT INTO added VALUES (1);
        CREATE VIEW added_view AS SELECT * FROM added;
        ALTER TABLE plain ADD COLUMN more INT, DROP COLUMN name;
        DELETE FROM keyless WHERE a = 2;
        DROP VIEW orphan;
        DROP TRIGGER t2;
        ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_swedish_ci;
        CREATE PROCEDURE added_procedure() SELECT 1;
        CREATE EVENT added_event ON SCHEDULE EVERY 1 DAY DO SELECT 1;
        """

    /// Rows of about a kilobyte, for a dump that takes its time.
    static func filler(rows: Int) -> String {
        """
        CREATE TABLE filler (id INT PRIMARY KEY, text VARCHAR(1000));
        INSERT INTO filler SELECT seq, REPEAT(MD5(seq), 30) FROM seq_1_to_\(rows);
        """
    }
}
