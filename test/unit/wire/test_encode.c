#include "backend/wire/encode.h"

#include "harness.h"
#include "wire_pair.h"

/* What is in the output, and empties it. */
static void
expect_output(Conn *conn, const void *bytes, size_t count)
{
    EXPECT_EQ(conn->out.bytes, count);
    EXPECT(memcmp(conn->out.data, bytes, count) == 0);
    buf_clear(&conn->out);
}
#define EXPECT_OUTPUT(conn, literal) expect_output((conn), (literal), sizeof(literal) - 1)

TEST(encode, small_messages_have_type_and_length)
{
    Conn *conn = &wire_pair()->conn;

    encode_ready(conn, 'I');
    EXPECT_OUTPUT(conn, "Z\0\0\0\5I");
    encode_parse_complete(conn);
    EXPECT_OUTPUT(conn, "1\0\0\0\4");
    encode_command_complete(conn, "SELECT 1");
    EXPECT_OUTPUT(conn, "C\0\0\0\15SELECT 1\0");
    encode_backend_key(conn, 258, 0xdeadbeef);
    EXPECT_OUTPUT(conn, "K\0\0\0\14\0\0\1\2\xde\xad\xbe\xef");
    encode_parameter_status(conn, "a", "b");
    EXPECT_OUTPUT(conn, "S\0\0\0\10a\0b\0");
    encode_copy_in(conn, FORMAT_BINARY, 2);
    EXPECT_OUTPUT(conn, "G\0\0\0\13\1\0\2\0\1\0\1");
    encode_notification(conn, 7, "c", "p");
    EXPECT_OUTPUT(conn, "A\0\0\0\14\0\0\0\7c\0p\0");
}

TEST(encode, row_description_lists_its_fields)
{
    Conn *conn = &wire_pair()->conn;
    FieldInfo f = {
        .name = "n", .table_oid = 1, .attnum = 2, .type_oid = 23, .typlen = 4, .typmod = -1, .format = 1};

    EXPECT_OK(encode_row_description(test_ctx(), conn, &f, 1));
    EXPECT_OUTPUT(conn, "T\0\0\0\32\0\1n\0\0\0\0\1\0\2\0\0\0\27\0\4\xff\xff\xff\xff\0\1");
}

TEST(encode, a_row_holds_nulls_bytes_and_what_output_functions_wrote)
{
    Conn *conn = &wire_pair()->conn;
    size_t mark;

    encode_row_begin(conn, 3);
    encode_column_null(conn);
    encode_column_bytes(conn, "ab", 2);
    mark = encode_column_begin(conn);
    buf_add_int(&conn->out, -7);
    encode_column_end(conn, mark);
    EXPECT_OK(encode_row_end(test_ctx(), conn));
    EXPECT_OUTPUT(conn, "D\0\0\0\26\0\3\xff\xff\xff\xff\0\0\0\2ab\0\0\0\2-7");
}

TEST(encode, a_row_that_can_not_be_finished_leaves_no_trace)
{
    Conn *conn = &wire_pair()->conn;

    encode_ready(conn, 'T');
    encode_row_begin(conn, 1);
    encode_column_bytes(conn, "ab", 2);
    encode_row_abandon(conn);
    EXPECT_OUTPUT(conn, "Z\0\0\0\5T");
}

TEST(encode, a_row_beyond_a_gigabyte_fails_and_the_connection_stays_good)
{
    Conn *conn = &wire_pair()->conn;

    encode_ready(conn, 'T');
    encode_row_begin(conn, 2);
    (void)buf_extend(&conn->out, 0x3fffffff);
    encode_column_bytes(conn, "ab", 2);
    EXPECT_FAIL(encode_row_end(test_ctx(), conn), "54000");
    EXPECT_OUTPUT(conn, "Z\0\0\0\5T");
    EXPECT(!conn->broken);
}

TEST(encode, many_rows_leave_before_the_end)
{
    WirePair *p = wire_pair();
    char big[20000] = {0};

    for (int i = 0; i < 3; i++) {
        encode_row_begin(&p->conn, 1);
        encode_column_bytes(&p->conn, big, sizeof(big));
        EXPECT_OK(encode_row_end(test_ctx(), &p->conn));
    }
    EXPECT_EQ(p->conn.out.bytes, 0);
    EXPECT_EQ(wire_receive(p)->bytes, 3 * (20000 + 11));
}

TEST(encode, reports_carry_the_fields_that_are_given)
{
    Conn *conn = &wire_pair()->conn;
    ErrorInfo e = {.severity = SEV_ERROR, .sqlstate = "42601", .message = "m", .hint = "h", .position = 12};

    encode_report(conn, &e);
    EXPECT_OUTPUT(conn, "E\0\0\0\44SERROR\0VERROR\0C42601\0Mm\0Hh\0P12\0\0");
    e = (ErrorInfo){.severity = SEV_NOTICE, .sqlstate = "00000", .message = "m", .constraint_name = "k"};
    encode_report(conn, &e);
    EXPECT_OUTPUT(conn, "N\0\0\0\42SNOTICE\0VNOTICE\0C00000\0Mm\0nk\0\0");
}
