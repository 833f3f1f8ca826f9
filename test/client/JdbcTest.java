// JDBC: extended protocol, server-side prepared statements in binary, batches, savepoints, generated keys, cursors by
// fetch size, metadata, COPY.
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.postgresql.PGConnection;

public class JdbcTest {
    static void expect(Object wanted, Object got) {
        if (wanted == null ? got != null : !wanted.equals(got))
            throw new AssertionError("expected " + wanted + ", got " + got);
    }

    static List<String> column(ResultSet rs, String name) throws SQLException {
        List<String> out = new ArrayList<>();
        while (rs.next())
            out.add(rs.getString(name));
        rs.close();
        return out;
    }

    static void types(Connection c) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.execute("CREATE TABLE j (id serial PRIMARY KEY, i int, l bigint, n numeric(12,3), t text NOT NULL, b boolean, d date,"
                    + " ts timestamp, tz timestamptz, f float8, y bytea, a int[])");
        }
        String insert = "INSERT INTO j (i, l, n, t, b, d, ts, tz, f, y, a) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        Timestamp when = Timestamp.valueOf("2024-02-29 12:34:56.789");
        try (PreparedStatement p = c.prepareStatement(insert, Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 1; i <= 12; i++) { // after a few the driver prepares it and goes binary
                p.setInt(1, i);
                p.setLong(2, 1L << 40);
                p.setBigDecimal(3, new BigDecimal("12345.678"));
                p.setString(4, "text \u00e4\u20ac " + i);
                p.setBoolean(5, i % 2 == 0);
                p.setDate(6, Date.valueOf("2020-02-29"));
                p.setTimestamp(7, when);
                p.setTimestamp(8, when);
                p.setDouble(9, 0.1 * i);
                p.setBytes(10, new byte[] {0, (byte) 255, 1});
                p.setArray(11, c.createArrayOf("int4", new Integer[] {i, null, 3}));
                expect(1, p.executeUpdate());
                try (ResultSet keys = p.getGeneratedKeys()) {
                    keys.next();
                    expect(i, keys.getInt("id"));
                }
            }
            p.setNull(1, Types.INTEGER);
            p.setNull(4, Types.VARCHAR);
            try {
                p.executeUpdate();
                throw new AssertionError("a null came in");
            } catch (SQLException e) {
                expect("23502", e.getSQLState());
            }
        }
        try (PreparedStatement p = c.prepareStatement("SELECT * FROM j WHERE id = ?")) {
            for (int i = 1; i <= 12; i++) {
                p.setInt(1, i);
                try (ResultSet r = p.executeQuery()) {
                    r.next();
                    expect(i, r.getInt("i"));
                    expect(1L << 40, r.getLong("l"));
                    expect(new BigDecimal("12345.678"), r.getBigDecimal("n"));
                    expect("text \u00e4\u20ac " + i, r.getString("t"));
                    expect(i % 2 == 0, r.getBoolean("b"));
                    expect(Date.valueOf("2020-02-29"), r.getDate("d"));
                    expect(when, r.getTimestamp("ts"));
                    expect(when, r.getTimestamp("tz"));
                    expect(0.1 * i, r.getDouble("f"));
                    expect(true, Arrays.equals(new byte[] {0, (byte) 255, 1}, r.getBytes("y")));
                    expect(Arrays.asList(i, null, 3), Arrays.asList((Object[]) r.getArray("a").getArray()));
                    expect(Types.NUMERIC, r.getMetaData().getColumnType(4));
                    expect(12, r.getMetaData().getPrecision(4));
                    expect("j", r.getMetaData().getTableName(1));
                    expect(ResultSetMetaData.columnNoNulls, r.getMetaData().isNullable(5));
                    expect(true, r.getMetaData().isAutoIncrement(1));
                }
            }
        }
    }

    static void transactions(Connection c) throws SQLException {
        c.setAutoCommit(false);
        try (Statement s = c.createStatement()) {
            s.execute("CREATE TABLE b (k int PRIMARY KEY, v text)");
            try (PreparedStatement p = c.prepareStatement("INSERT INTO b VALUES (?, ?)")) {
                for (int i = 0; i < 1000; i++) {
                    p.setInt(1, i);
                    p.setString(2, "v" + i);
                    p.addBatch();
                }
                for (int n : p.executeBatch())
                    expect(1, n);
                c.commit();
                p.setInt(1, 5000);
                p.setString(2, "x");
                p.addBatch();
                p.setInt(1, 1);
                p.addBatch();
                try {
                    p.executeBatch();
                    throw new AssertionError("a key came twice");
                } catch (BatchUpdateException e) {
                    expect("23505", e.getSQLState());
                }
                c.rollback();
            }
            Savepoint a = c.setSavepoint("a");
            s.executeUpdate("DELETE FROM b");
            c.rollback(a);
            Savepoint b = c.setSavepoint();
            expect(1, s.executeUpdate("DELETE FROM b WHERE k = 0"));
            c.releaseSavepoint(b);
            c.commit();
            s.setFetchSize(100); // a portal that is suspended
            int n = 0;
            try (ResultSet r = s.executeQuery("SELECT k FROM b ORDER BY k")) {
                while (r.next())
                    expect(++n, r.getInt(1));
            }
            expect(999, n);
            c.commit();
            c.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            c.commit();
            expect(Connection.TRANSACTION_REPEATABLE_READ, c.getTransactionIsolation());
            c.commit();
            c.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        }
        c.commit();
        c.setAutoCommit(true);
    }

    static void metadata(Connection c) throws SQLException {
        DatabaseMetaData m = c.getMetaData();
        expect("PostgreSQL", m.getDatabaseProductName());
        expect(15, m.getDatabaseMajorVersion());
        expect(true, column(m.getSchemas(), "TABLE_SCHEM").contains("public"));
        expect(Arrays.asList("b", "j"), column(m.getTables(null, "public", "%", new String[] {"TABLE"}), "TABLE_NAME"));
        // getColumns wants row_number(), getPrimaryKeys and getIndexInfo fields of composite values: not there yet
    }

    static void copy(Connection c) throws Exception {
        var copy = c.unwrap(PGConnection.class).getCopyAPI();
        expect(2L, copy.copyIn("COPY b FROM STDIN WITH (FORMAT csv)", new StringReader("7000,x\n7001,\"y,z\"\n")));
        StringWriter out = new StringWriter();
        copy.copyOut("COPY (SELECT * FROM b WHERE k >= 7000 ORDER BY k) TO STDOUT WITH (FORMAT csv)", out);
        expect("7000,x\n7001,\"y,z\"\n", out.toString());
    }

    public static void main(String[] args) throws Exception {
        for (String mode : new String[] {"extended", "extendedForPrepared", "extendedCacheEverything"}) {
            try (Connection c = DriverManager.getConnection(args[0] + "&preferQueryMode=" + mode)) {
                try (Statement s = c.createStatement()) {
                    s.execute("DROP TABLE IF EXISTS j");
                    s.execute("DROP TABLE IF EXISTS b");
                }
                types(c);
                transactions(c);
                metadata(c);
                copy(c);
            }
        }
        System.out.println("ok");
    }
}
