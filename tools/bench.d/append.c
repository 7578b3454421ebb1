/* The same inserts as Pawl's log, by C alone: append LOG-SCHEMA DATABASE < bodies
 *
 * Reads one body a line, computes its leaf, and inserts it in a transaction of its own, with the
 * pragmas and the triggers that Pawl has. The figure to beat is what SQLite and the disk allow. */
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static sqlite3 *database;

static void run(const char *sql) {
    char *error = NULL;
    if (sqlite3_exec(database, sql, NULL, NULL, &error) != SQLITE_OK) {
        fprintf(stderr, "append: %s: %s\n", sql, error);
        exit(1);
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static char *contents(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) { perror(path); exit(1); }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = calloc(1, size + 1);
    if (fread(text, 1, size, file) != (size_t)size) { perror(path); exit(1); }
    fclose(file);
    return text;
}

static void leaf_of(const char *body, size_t size, unsigned char *leaf) {
    static EVP_MD_CTX *context;
    if (!context) context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    EVP_DigestUpdate(context, "\0", 1);
    EVP_DigestUpdate(context, body, size);
    EVP_DigestFinal_ex(context, leaf, NULL);
}

int main(int count, char **arguments) {
    if (count != 3) { fprintf(stderr, "usage: append SCHEMA DATABASE < bodies\n"); return 64; }
    if (sqlite3_open(arguments[2], &database) != SQLITE_OK) return 1;
    run("PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON;"
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;");
    run(contents(arguments[1]));

    sqlite3_stmt *insert;
    sqlite3_prepare_v2(database,
        "INSERT INTO event SELECT ?1, json_extract(b, '$.instance'), json_extract(b, '$.stream'),"
        " json_extract(b, '$.stream_seq'), json_extract(b, '$.type'), 1,"
        " json_extract(b, '$.fence_number'), ?4, CAST(b AS BLOB), ?3 FROM (SELECT ?2 AS b)",
        -1, &insert, NULL);
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    long events = 0;
    unsigned char previous[32] = {0};
    double began = now();
    while ((size = getline(&line, &capacity, stdin)) > 1) {
        unsigned char leaf[32];
        leaf_of(line, size - 1, leaf);
        run("BEGIN IMMEDIATE");
        sqlite3_bind_int64(insert, 1, ++events);
        sqlite3_bind_text(insert, 2, line, (int)size - 1, SQLITE_STATIC);
        sqlite3_bind_blob(insert, 3, leaf, 32, SQLITE_STATIC);
        sqlite3_bind_blob(insert, 4, previous, 32, SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE) {
            fprintf(stderr, "append: event %ld: %s\n", events, sqlite3_errmsg(database));
            return 1;
        }
        sqlite3_reset(insert);
        run("COMMIT");
        memcpy(previous, leaf, 32);
    }
    double seconds = now() - began;
    printf("%ld events appended in %f s: %.0f a second\n", events, seconds, events / seconds);
    return 0;
}
