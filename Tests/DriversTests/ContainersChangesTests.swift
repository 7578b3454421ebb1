import Testing

@testable import Drivers

@Suite("What is written into a container")
struct ContainersChangesTests {
    @Test("Only what somebody may miss is named, without the folders that lead to it")
    func worthKeeping() {
        let changes = [
            "/data", "/etc", "/etc/hosts", "/opt", "/opt/a", "/opt/a/uploads", "/root", "/srv",
            "/srv/volume", "/srv/volume/inside", "/tmp", "/tmp/x", "/tmpfiles", "/var", "/var/log",
            "/var/log/app.log", "/var/logs",
        ]
        #expect(
            WrittenPaths.worthKeeping(changes, besides: ["/data", "/srv/volume"])
                == ["/opt/a/uploads", "/root", "/tmpfiles", "/var/logs"])
        #expect(WrittenPaths.worthKeeping([], besides: []) == [])
    }
}
