"""psycopg 3: parameters on the server's side, binary, prepared statements, pipelines, COPY, errors."""
import datetime, decimal, sys
import psycopg

with psycopg.connect(sys.argv[1], autocommit=True) as db:
    db.execute('CREATE TABLE p (id serial PRIMARY KEY, n numeric, t text, d date, ts timestamptz, a int[], b bytea)')
    now = datetime.datetime(2024, 2, 29, 12, 34, 56, 789000, datetime.timezone.utc)
    row = (decimal.Decimal('-12.340'), 'täxt €', datetime.date(2020, 2, 29), now, [1, None, 3], b'\0\xff')
    for _ in range(8):  # prepared from the fifth on
        db.execute('INSERT INTO p (n, t, d, ts, a, b) VALUES (%s, %s, %s, %s, %s, %s)', row)
    for binary in (False, True):
        got = db.cursor(binary=binary).execute('SELECT n, t, d, ts, a, b FROM p WHERE id = %s', (3,)).fetchone()
        assert got == row, got
    try:
        db.execute('INSERT INTO p (id) VALUES (1)')
        raise AssertionError('came twice')
    except psycopg.errors.UniqueViolation as e:
        assert e.diag.constraint_name == 'p_pkey'
    with db.pipeline():
        cursors = [db.execute('SELECT %s::int + 1', (i,)) for i in range(50)]
    assert [c.fetchone()[0] for c in cursors] == list(range(1, 51))
    with db.transaction():
        with db.transaction(savepoint_name='s'):
            db.execute('DELETE FROM p')
            raise psycopg.Rollback()
    assert db.execute('SELECT count(*) FROM p').fetchone() == (8,)
    cur = db.cursor()
    for options in ('', ' (FORMAT binary)'):
        with cur.copy('COPY p (n, t) FROM STDIN' + options) as copy:
            copy.set_types(['numeric', 'text'])
            for i in range(100):
                copy.write_row((decimal.Decimal(i), f'row {i}'))
        with cur.copy('COPY (SELECT n, t FROM p WHERE t LIKE \'row%\') TO STDOUT' + options) as copy:
            copy.set_types(['numeric', 'text'])
            assert len(list(copy.rows())) >= 100
print('ok')
