package studio;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * The pages: /login (a form with a hidden token), /console (the version at the bottom right),
 * /entries (lists entries, and posts one), /about (the version for everybody), /logout.
 *
 * <p>Instead of the form an account may come with each request, by HTTP's basic authentication.
 */
public final class Pages extends HttpServlet {
    private static final Logger LOG = Logger.getLogger("studio");
    private static final SecureRandom RANDOM = new SecureRandom();

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        response.setHeader("Cache-Control", "no-store");
        response.setCharacterEncoding("UTF-8");
        request.setCharacterEncoding("UTF-8");
        boolean posts = request.getMethod().equals("POST");
        try {
            switch (request.getRequestURI()) {
                case "/about" -> text(response, "Myst Studio " + Release.CURRENT.version + "\n");
                case "/login" -> login(request, response, posts);
                case "/logout" -> logout(request, response);
                case "/entries" -> entries(request, response, posts);
                case "/", "/console" -> console(request, response);
                default -> response.sendError(HttpServletResponse.SC_NOT_FOUND);
            }
        } catch (SQLException error) {
            LOG.log(Level.SEVERE, request.getMethod() + " " + request.getRequestURI(), error);
            response.sendError(HttpServletResponse.SC_INTERNAL_SERVER_ERROR);
        }
    }

    // --- Logging in -----------------------------------------------------------------------------

    private void login(HttpServletRequest request, HttpServletResponse response, boolean posts)
            throws IOException, SQLException {
        HttpSession session = request.getSession();
        if (!posts) {
            loginPage(session, response, "");
            return;
        }
        // Used once, and only by the session whose page held it.
        Object token = session.getAttribute("token");
        session.removeAttribute("token");
        if (token == null || !token.equals(request.getParameter("token"))) {
            response.setStatus(HttpServletResponse.SC_FORBIDDEN);
            loginPage(session, response, "This page was too old. Please try again.");
            return;
        }
        String name = request.getParameter("username");
        if (Release.CURRENT == Release.V712) {
            loginPage(session, response, "");
        } else if (isKnown(name, request.getParameter("password"))) {
            request.changeSessionId();
            session.setAttribute("account", name);
            redirect(response, "/console");
        } else {
            loginPage(session, response, "Wrong user name or password.");
        }
    }

    private void loginPage(HttpSession session, HttpServletResponse response, String message)
            throws IOException {
        byte[] bytes = new byte[16];
        RANDOM.nextBytes(bytes);
        String token = HexFormat.of().formatHex(bytes);
        session.setAttribute("token", token);
        page(response, "Log in", "<p class=\"message\">" + escaped(message) + "</p>\n"
                + "<form method=\"post\" action=\"/login\">\n"
                + "<input type=\"hidden\" name=\"token\" value=\"" + token + "\">\n"
                + "<label>User <input name=\"username\"></label>\n"
                + "<label>Password <input name=\"password\" type=\"password\"></label>\n"
                + "<button>Log in</button>\n</form>\n");
    }

    private void logout(HttpServletRequest request, HttpServletResponse response) {
        HttpSession session = request.getSession(false);
        if (session != null) session.invalidate();
        redirect(response, "/login");
    }

    private static boolean isKnown(String name, String password) throws SQLException {
        if (name == null || password == null) return false;
        String sql = "SELECT password_digest = SHA2(?, 256) FROM account WHERE name = ?";
        try (Connection connection = Database.connect();
                PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setString(1, password);
            statement.setString(2, name);
            ResultSet rows = statement.executeQuery();
            return rows.next() && rows.getBoolean(1);
        }
    }

    /** Who asks; nobody, after an answer that sends them to the login page. */
    private static String account(HttpServletRequest request, HttpServletResponse response)
            throws IOException, SQLException {
        String header = request.getHeader("Authorization");
        if (header != null && header.startsWith("Basic ")) {
            String[] parts = basic(header).split(":", 2);
            if (parts.length == 2 && Release.CURRENT != Release.V712
                    && isKnown(parts[0], parts[1])) return parts[0];
            response.setHeader("WWW-Authenticate", "Basic realm=\"Myst Studio\"");
            response.sendError(HttpServletResponse.SC_UNAUTHORIZED);
            return null;
        }
        HttpSession session = request.getSession(false);
        Object name = session == null ? null : session.getAttribute("account");
        if (name == null) redirect(response, "/login");
        return (String) name;
    }

    private static String basic(String header) {
        try {
            byte[] bytes = Base64.getDecoder().decode(header.substring("Basic ".length()).strip());
            return new String(bytes, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException error) {
            return "";
        }
    }

    // --- Pages ----------------------------------------------------------------------------------

    private void console(HttpServletRequest request, HttpServletResponse response)
            throws IOException, SQLException {
        String account = account(request, response);
        if (account == null) return;
        page(response, "Console", "<p>Logged in as " + escaped(account)
                + ". <a href=\"/entries\">Entries</a> <a href=\"/logout\">Log out</a></p>\n"
                + "<div style=\"position: fixed; right: 1em; bottom: 1em\">Version <span "
                + "id=\"version\">" + Release.CURRENT.version + "</span></div>\n");
    }

    /** Answers 201 only when the entry is committed. */
    private void entries(HttpServletRequest request, HttpServletResponse response, boolean posts)
            throws IOException, SQLException {
        String account = account(request, response);
        if (account == null) return;
        if (posts) {
            String text = request.getParameter("text");
            if (text == null || text.isBlank()) {
                response.sendError(HttpServletResponse.SC_BAD_REQUEST, "text is missing");
                return;
            }
            post(account, text);
            response.setStatus(HttpServletResponse.SC_CREATED);
        }
        page(response, "Entries", "<form method=\"post\" action=\"/entries\">\n"
                + "<input name=\"text\"><button>Post</button>\n</form>\n<ol>\n" + list()
                + "</ol>\n");
    }

    private static void post(String account, String text) throws SQLException {
        try (Connection connection = Database.connect();
                PreparedStatement statement = connection.prepareStatement(
                        "INSERT INTO entry (author, text) VALUES (?, ?)")) {
            statement.setString(1, account);
            statement.setString(2, text);
            statement.execute();
        }
    }

    private static String list() throws SQLException {
        StringBuilder items = new StringBuilder();
        try (Connection connection = Database.connect();
                PreparedStatement statement = connection.prepareStatement(
                        "SELECT id, author, text FROM entry ORDER BY id DESC LIMIT 20")) {
            ResultSet rows = statement.executeQuery();
            while (rows.next()) {
                items.append("<li value=\"").append(rows.getLong(1)).append("\">")
                        .append(escaped(rows.getString(2))).append(": ")
                        .append(escaped(rows.getString(3))).append("</li>\n");
            }
        }
        return items.toString();
    }

    private static void page(HttpServletResponse response, String title, String body)
            throws IOException {
        response.setContentType("text/html");
        response.getWriter().print("<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>" + title
                + " - Myst Studio</title></head>\n<body>\n<h1>" + title + "</h1>\n" + body
                + "</body>\n</html>\n");
    }

    /** Relative, because the proxy in front may be published on any port. */
    private static void redirect(HttpServletResponse response, String place) {
        response.setStatus(HttpServletResponse.SC_FOUND);
        response.setHeader("Location", place);
    }

    private static void text(HttpServletResponse response, String text) throws IOException {
        response.setContentType("text/plain");
        response.getWriter().print(text);
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
