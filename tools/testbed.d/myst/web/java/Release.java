package studio;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** Which release this is, and what is wrong with it. */
enum Release {
    V700("7.0.0", 700),
    V710("7.1.0", 710),
    /** Logs SEVERE errors while it answers 200. */
    V711("7.1.1", 710),
    /** Shows the login page again, with 200 and no word, whoever logs in. */
    V712("7.1.2", 710),
    V720("7.2.0", 720);

    final String version;
    /** The schema that it needs, and migrates older ones to. */
    final int schema;

    Release(String version, int schema) {
        this.version = version;
        this.schema = schema;
    }

    static final Release CURRENT = current();

    private static Release current() {
        try (InputStream file = Release.class.getResourceAsStream("/RELEASE")) {
            String version = new String(file.readAllBytes(), StandardCharsets.UTF_8).strip();
            for (Release release : values()) {
                if (release.version.equals(version)) return release;
            }
            throw new IllegalStateException("no release " + version);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
