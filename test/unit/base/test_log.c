/* test_log.c - lines of the log, read from a pipe. */
#include "base/log.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "harness.h"

/* The end of the log that a test reads. */
static int
log_to_pipe(LogFormat format)
{
    int ends[2];

    EXPECT(pipe(ends) == 0);
    log_configure(&(LogOptions){.fd = ends[1], .level = LOG_INFO, .format = format});
    return ends[0];
}

/* What was logged: one line, whose line feed is taken off. */
static const char *
read_line(int fd)
{
    static char text[16384];
    ssize_t bytes = read(fd, text, sizeof(text) - 1);

    EXPECT(bytes > 0);
    EXPECT(text[bytes - 1] == '\n');
    text[bytes - 1] = '\0';
    EXPECT(strchr(text, '\n') == NULL);
    EXPECT_EQ(utf8_valid_prefix(text, (size_t)bytes - 1), bytes - 1);
    return text;
}

static void
report(const char *name, const char *statement)
{
    Ctx *cx = test_ctx();

    (void)fail(cx, ST_ERROR, "34000", "portal \"%s\" does not exist", name);
    log_report(LOG_ERROR, "me@db", &cx->error, statement);
}

TEST(log, a_line_is_text_whatever_a_client_sent)
{
    int log = log_to_pipe(LOG_TEXT);

    report("a\x85\x1b[31m\n\xc2\x9b\xc3\xbc", "x\r\n\ty\xff");
    EXPECT_STR(strstr(read_line(log), "[ERROR]"),
               "[ERROR] me@db: 34000: portal \"a? [31m   \xc3\xbc\" does not exist; statement: x   y?");
}

TEST(log, a_line_of_json_is_text_whatever_a_client_sent)
{
    int log = log_to_pipe(LOG_JSON);
    json_t *line;

    report("a\x85\x1b\n\xc3\xbc", "x\n\ty\xff");
    line = json_loads(read_line(log), 0, NULL);
    EXPECT(line != NULL);
    EXPECT_STR(json_string_value(json_object_get(line, "message")),
               "portal \"a?\x1b\n\xc3\xbc\" does not exist");
    EXPECT_STR(json_string_value(json_object_get(line, "statement")), "x\n\ty?");
    EXPECT_STR(json_string_value(json_object_get(line, "session")), "me@db");
    EXPECT_STR(json_string_value(json_object_get(line, "sqlstate")), "34000");
    json_decref(line);
}

TEST(log, a_line_that_is_cut_off_inside_a_character_is_written)
{
    char path[8001] = "";
    const char *line;

    for (int i = 0; i < 4000; i++) /* the message ends inside one of them, with "a" or without */
        memcpy(path + (size_t)i * 2, "\xc3\xbc", 3);
    for (int i = 0; i < 2; i++) {
        int log = log_to_pipe(LOG_JSON);

        log_line(LOG_WARNING, "%s%s", i == 0 ? "" : "a", path);
        line = read_line(log);
        EXPECT(strstr(line, i == 0 ? "\"message\":\"\xc3\xbc" : "\"message\":\"a\xc3\xbc") != NULL);
    }
}
