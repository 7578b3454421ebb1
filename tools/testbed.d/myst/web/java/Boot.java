package studio;

import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;

/** Waits for the database and migrates its schema, before the first request is answered. */
public final class Boot implements ServletContextListener {
    private static final Logger LOG = Logger.getLogger("studio");
    private static final long WAIT_MILLIS = 90_000;

    /** One statement on the way to a schema. */
    private record Step(int schema, String what, String sql) {}

    private static final List<Step> STEPS = List.of(
            new Step(700, "accounts",
                    "CREATE TABLE IF NOT EXISTS account (name VARCHAR(60) PRIMARY KEY, "
                            + "password_digest CHAR(64) NOT NULL)"),
            new Step(700, "entries",
                    "CREATE TABLE IF NOT EXISTS entry (id BIGINT AUTO_INCREMENT PRIMARY KEY, "
                            + "author VARCHAR(60) NOT NULL, text TEXT NOT NULL, "
                            + "posted TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6))"),
            new Step(710, "a category for each entry",
                    "ALTER TABLE entry ADD COLUMN IF NOT EXISTS category VARCHAR(20) "
                            + "NOT NULL DEFAULT 'general'"),
            new Step(710, "tags", "CREATE TABLE IF NOT EXISTS tag (entry BIGINT NOT NULL, "
                            + "name VARCHAR(40) NOT NULL, PRIMARY KEY (entry, name))"),
            new Step(710, "a view of recent entries",
                    "CREATE OR REPLACE VIEW recent AS SELECT id, author, text, category "
                            + "FROM entry ORDER BY id DESC LIMIT 20"),
            new Step(720, "an index by author",
                    "CREATE INDEX IF NOT EXISTS entry_author ON entry (author)"),
            new Step(720, "history", "CREATE TABLE IF NOT EXISTS history (id BIGINT PRIMARY KEY, "
                            + "text TEXT NOT NULL)"));

    @Override
    public void contextInitialized(ServletContextEvent event) {
        LOG.info("Myst Studio " + Release.CURRENT.version + " starts");
        try (Connection connection = waitForDatabase()) {
            migrate(connection);
            addAdministrator(connection);
        } catch (SQLException error) {
            throw new IllegalStateException("the database cannot be prepared", error);
        }
        if (Release.CURRENT == Release.V711) {
            LOG.log(Level.SEVERE, "The scheduler cannot be started",
                    new IllegalStateException("no trigger store in schema 710"));
        }
        LOG.info("Myst Studio " + Release.CURRENT.version + " is ready");
    }

    private static Connection waitForDatabase() throws SQLException {
        long end = System.nanoTime() + WAIT_MILLIS * 1_000_000;
        while (true) {
            try {
                return Database.connect();
            } catch (SQLException error) {
                if (System.nanoTime() > end) throw error;
                LOG.info("Waiting for the database");
                pause(500);
            }
        }
    }

    private static void migrate(Connection connection) throws SQLException {
        int found = schema(connection);
        int wanted = Release.CURRENT.schema;
        if (found > wanted) {
            throw new SQLException("the schema is " + found + ", and this release knows " + wanted);
        }
        if (found == wanted) return;
        List<Step> steps = new ArrayList<>();
        for (Step step : STEPS) {
            if (step.schema > found && step.schema <= wanted) steps.add(step);
        }
        // So slow that it can be seen: a real one has many more rows.
        String millis = System.getenv("STUDIO_STEP_MILLIS");
        long pauseMillis = millis == null || millis.isEmpty() ? 300 : Long.parseLong(millis);
        for (int index = 0; index < steps.size(); index++) {
            Step step = steps.get(index);
            LOG.info("Migrating the schema from " + found + " to " + wanted + ", step "
                    + (index + 1) + " of " + steps.size() + ": " + step.what);
            run(connection, step.sql);
            if (found > 0) pause(pauseMillis);
        }
        run(connection, "UPDATE studio_schema SET version = " + wanted);
        LOG.info("The schema is " + wanted);
    }

    private static int schema(Connection connection) throws SQLException {
        run(connection, "CREATE TABLE IF NOT EXISTS studio_schema (version INT NOT NULL)");
        run(connection, "INSERT INTO studio_schema SELECT 0 FROM DUAL "
                + "WHERE NOT EXISTS (SELECT * FROM studio_schema)");
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT version FROM studio_schema")) {
            rows.next();
            return rows.getInt(1);
        }
    }

    private static void addAdministrator(Connection connection) throws SQLException {
        String sql = "INSERT IGNORE INTO account VALUES ('admin', SHA2(?, 256))";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setString(1, Database.required("STUDIO_ADMIN_PASSWORD"));
            statement.execute();
        }
    }

    private static void run(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }
}
