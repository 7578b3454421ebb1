package studio;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

/** The application's database, as the environment names it. */
final class Database {
    private Database() {}

    static Connection connect() throws SQLException {
        try {
            // Tomcat's class loaders hide it from those that look for drivers by themselves.
            Class.forName("org.mariadb.jdbc.Driver");
        } catch (ClassNotFoundException error) {
            throw new SQLException("the JDBC driver is not there", error);
        }
        return DriverManager.getConnection(
                required("STUDIO_DB_URL"), required("STUDIO_DB_USER"), required("STUDIO_DB_PASSWORD"));
    }

    static String required(String name) {
        String value = System.getenv(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalStateException("the environment variable " + name + " is not set");
        }
        return value;
    }
}
