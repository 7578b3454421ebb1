internal import Digests

/// SQL and connection strings as text, whatever settings the server has.
enum PostgreSQLText {
    /// A name in quotes, with those inside doubled (PostgreSQL 15 manual, 4.1.1).
    static func identifier(_ name: String) -> String {
        "\"\(name.replacing("\"", with: "\"\""))\""
    }

    /// A string; ``preamble`` sees to it that a backslash in it means nothing.
    static func string(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }

    /// A query's rows on standard output, in a form that escapes what would end a field or a row.
    static func rows(_ query: String) -> String { "COPY (\(query)) TO STDOUT;\n" }

    /// Keywords and values for `libpq` (PostgreSQL 15 manual, 34.1.1.1).
    ///
    /// A database's name alone would be taken for such a string where it holds a `=`.
    static func connection(_ parts: [(keyword: String, value: String)]) -> String {
        parts.map { part in
            let value = part.value.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
            return "\(part.keyword)='\(value)'"
        }.joined(separator: " ")
    }

    /// What sessions of one database of one instance are called; `application_name` takes 63 bytes.
    static func sessionName(_ purpose: String, instance: String, database: String) -> String {
        let digest = SHA256.hash(Array("\(instance)\u{0}\(database)".utf8)).hex.prefix(24)
        return "pawl/\(digest)/\(purpose)"
    }

    /// Set at the beginning of every session: answers must not depend on the server's settings, and
    /// a row must have the same text whoever asks for it.
    static let preamble = """
        SET standard_conforming_strings = on;
        SET client_min_messages = error;
        SET search_path = '';
        SET statement_timeout = 0;
        SET lock_timeout = 0;
        SET idle_in_transaction_session_timeout = 0;
        SET idle_session_timeout = 0;
        SET row_security = off;
        SET timezone = 'UTC';
        SET datestyle = 'ISO, YMD';
        SET intervalstyle = 'postgres';
        SET bytea_output = 'hex';
        SET extra_float_digits = 3;
        SET lc_monetary = 'C';
        SET xmloption = 'content';
        SET jit = off;

        """
}

/// Rows of `COPY TO STDOUT` in its text format.
///
/// Source: PostgreSQL 15 manual, COPY, "Text Format": backslash sequences; `\N` alone is NULL, which
/// is an empty text here.
enum PostgreSQLRows {
    static func fields(of line: ArraySlice<UInt8>) -> [String] {
        line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false).map {
            $0.elementsEqual("\\N".utf8) ? "" : unescaped($0)
        }
    }

    private static func unescaped(_ field: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(field.count)
        var isEscaped = false
        for byte in field {
            if isEscaped {
                isEscaped = false
                result.append(escapes[byte] ?? byte)
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static let escapes: [UInt8: UInt8] = [
        UInt8(ascii: "b"): 0x08, UInt8(ascii: "f"): 0x0C, UInt8(ascii: "n"): 0x0A,
        UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09, UInt8(ascii: "v"): 0x0B,
    ]
}
