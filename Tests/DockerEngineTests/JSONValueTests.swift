import Testing

@testable import DockerEngine

@Suite struct JSONValueTests {
    @Test(
        "a document survives reading and writing",
        arguments: [
            "null", "true", "-9223372036854775808", "9223372036854775807", "0.5", "\"\"", "[]",
            "{}",
            #"{"a":{"b":[1,null,false,"x/y"]},"c":null}"#, #"["é","\u0001","😀"]"#,
        ])
    func roundTrip(text: String) throws {
        let value = try JSONValue(parsing: text.utf8)
        #expect(try JSONValue(parsing: value.serialized()) == value)
        #expect(try String(decoding: value.serialized(), as: UTF8.self) == text)
    }

    @Test("a whole number stays whole, and true is no number")
    func kinds() throws {
        let value = try JSONValue(parsing: #"[1, 1.5, true, 0]"#.utf8)
        #expect(value == [1, 1.5, true, 0])
        #expect(value[0]?.integerValue == 1)
        #expect(value[2]?.integerValue == nil)
        #expect(value[3]?.boolValue == nil)
    }

    @Test("paths read, write, make what is between, and take away")
    func paths() {
        var value: JSONValue = ["HostConfig": ["RestartPolicy": ["Name": "always"]], "Null": nil]
        #expect(value["HostConfig", "RestartPolicy", "Name"] == "always")
        #expect(value["Null"] == .null)
        #expect(value["HostConfig", "Absent", "Name"] == nil)
        value["HostConfig", "RestartPolicy", "Name"] = "no"
        value["Labels", "a.b/c"] = "d"
        value["HostConfig", "Absent", "Name"] = nil
        value["Null"] = nil
        #expect(
            value == [
                "HostConfig": ["RestartPolicy": ["Name": "no"]], "Labels": ["a.b/c": "d"],
            ])
        #expect(value["HostConfig"]?[0] == nil)
    }

    @Test("what is no JSON is refused", arguments: ["", "{", "nul", "{\"a\"}"])
    func refused(text: String) {
        #expect(throws: DecodingError.self) { try JSONValue(parsing: text.utf8) }
    }
}
