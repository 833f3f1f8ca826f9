"""Real clients against a memory server. Each test_ function is one test; the last line is the sum."""
import os, shutil, socket, subprocess, sys, tempfile, time, traceback

HELIOS = os.environ['HELIOS']
HERE = os.path.dirname(os.path.abspath(__file__))
PGBENCH = shutil.which('pgbench') or '/usr/lib/postgresql/15/bin/pgbench'


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Server:
    """A daemon in a directory of its own: `start` returns only when it accepts connections."""

    def __init__(self, *flags):
        self.dir = tempfile.mkdtemp(prefix='helios-client-')
        self.port = free_port()
        self.url = f'postgresql://postgres@127.0.0.1:{self.port}/postgres'
        p = subprocess.run([HELIOS, 'start', '--memory', '--daemon', '--port', str(self.port), '--unix-socket-dir', 'none',
                            '--pid-file', self.dir + '/pid', *flags], capture_output=True, text=True, cwd=self.dir)
        assert p.returncode == 0, p.stderr

    def __enter__(self):
        return self

    def __exit__(self, *_):
        p = subprocess.run([HELIOS, 'stop', '--pid-file', self.dir + '/pid'], capture_output=True, text=True, cwd=self.dir)
        shutil.rmtree(self.dir, ignore_errors=True)
        assert p.returncode == 0, p.stderr + p.stdout


def psql(url, *commands, env=None):
    args = sum((['-c', c] for c in commands), [])
    p = subprocess.run(['psql', '-X', '-At', '-v', 'ON_ERROR_STOP=1', url, *args], capture_output=True, text=True,
                       env={**os.environ, **(env or {})})
    assert p.returncode == 0, p.stderr
    return p.stdout.strip()


def test_documented_fixture_works():
    """Started as a child, half a second later a whole little test runs."""
    import psycopg2
    port = free_port()
    server = subprocess.Popen([HELIOS, 'start', '--memory', '--auth', 'trust', '--port', str(port)],
                              stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)  # as documented: this half second is what is tested
        db = psycopg2.connect(f'postgresql://postgres@127.0.0.1:{port}/postgres')
        cur = db.cursor()
        cur.execute('CREATE TABLE t (id INT, name TEXT)')
        cur.execute('INSERT INTO t VALUES (%s, %s)', (1, 'one'))
        cur.execute('SELECT count(*) FROM t')
        assert cur.fetchone() == (1,)
        db.commit()
        db.close()
    finally:
        server.terminate()
        assert server.wait(10) == 0


def test_scram_password_opens_and_a_wrong_one_does_not():
    with Server('--auth', 'scram-sha-256', '--password', 's3cret') as s:
        assert psql(s.url, 'SELECT 1', env={'PGPASSWORD': 's3cret'}) == '1'
        p = subprocess.run(['psql', '-X', s.url, '-c', 'SELECT 1'], capture_output=True, text=True,
                           env={**os.environ, 'PGPASSWORD': 'wrong'})
        assert p.returncode != 0 and 'password authentication failed' in p.stderr


def test_psql_describes_tables():
    with Server() as s:
        psql(s.url, 'CREATE TABLE t (id serial PRIMARY KEY, name varchar(10) NOT NULL CHECK (name <> \'\'))',
             'CREATE INDEX ti ON t (name DESC)')
        out = subprocess.run(['psql', '-X', s.url, '-c', r'\d t', '-c', r'\d', '-c', r'\dt', '-c', r'\di', '-c', r'\ds',
                              '-c', r'\dn', '-c', r'\du', '-c', r'\l', '-c', r'\d+ t'], capture_output=True, text=True)
        assert out.returncode == 0 and not out.stderr, out.stderr
        for part in ('"t_pkey" PRIMARY KEY, btree (id)', '"ti" btree (name DESC)', "nextval('t_id_seq'::regclass)",
                     '"t_name_check" CHECK (name::text <> \'\'::text)', 't_id_seq', 'template1'):
            assert part in out.stdout, (part, out.stdout)


def test_psycopg2_types_cursor_and_errors():
    import datetime, decimal, psycopg2
    with Server() as s:
        db = psycopg2.connect(s.url)
        cur = db.cursor()
        cur.execute("SELECT 1::int8, 1.50::numeric(5,2), 'x'::text, true, date '2020-02-29', timestamp '2020-01-01 10:00', "
                    "NULL, 1.5::float8, ARRAY[1,2], '\\xff00'::bytea")
        row = cur.fetchone()
        assert row[:9] == (1, decimal.Decimal('1.50'), 'x', True, datetime.date(2020, 2, 29),
                           datetime.datetime(2020, 1, 1, 10), None, 1.5, [1, 2]), row
        assert bytes(row[9]) == b'\xff\x00'
        try:
            cur.execute('SELECT 1/0')
            assert False
        except psycopg2.errors.DivisionByZero as e:
            assert e.pgcode == '22012'
        db.rollback()
        cur.execute('CREATE TABLE t (a int PRIMARY KEY)')
        try:
            cur.execute('INSERT INTO t VALUES (1), (1)')
            assert False
        except psycopg2.errors.UniqueViolation as e:
            assert e.diag.constraint_name == 't_pkey' and e.diag.table_name == 't'
        db.rollback()
        db.close()


def test_psycopg2_named_cursor_reads_in_portions():
    import psycopg2
    with Server('--auth', 'trust') as s:
        c = psycopg2.connect(s.url)
        setup = c.cursor()
        setup.execute('create table t as select g as a, repeat(\'x\', 10) as b from generate_series(1, 5000) g')
        c.commit()
        named = c.cursor('walk')
        named.itersize = 700
        named.execute('select a, b from t where a > %s order by a', (10,))
        assert [r[0] for r in named] == list(range(11, 5001))
        named.close()
        scroll = c.cursor('back', scrollable=True)
        scroll.execute('select a from t order by a')
        assert scroll.fetchone() == (1,)
        scroll.scroll(99)
        assert scroll.fetchmany(2) == [(101,), (102,)]
        scroll.scroll(-102)
        assert scroll.fetchone() == (1,)
        c.commit()
        held = c.cursor('kept', withhold=True)
        held.execute('select count(*) from t')
        c.commit()
        assert held.fetchall() == [(5000,)]
        c.close()


# Of psql 15; left out are \dP+, \des+ and the like, which need functions that give rows of several columns.
BACKSLASHES = r'''
    \l \l+ \d \d+ \dS \dS+ \dt \dt+ \dtS \di \di+ \ds \ds+ \dv \dvS+ \dm+ \dE+ \df \df+ \dfS \dfS+ \dfa+ \dfn \dfp \dft \dfw
    \da \da+ \daS \dA \dA+ \dAc \dAc+ \dAf \dAf+ \dAo \dAo+ \dAp \dAp+ \db \db+ \dc \dc+ \dC \dC+ \dd \ddS \dD \dD+ \ddp \det
    \des \deu \dew \dF \dF+ \dFd \dFd+ \dFp \dFp+ \dFt \dFt+ \dg \dg+ \du \du+ \dl \dL \dL+ \dn \dn+ \dnS \do \do+ \doS \dO
    \dO+ \dp \dpS \z \dP \drds \dRp \dRp+ \dRs \dRs+ \dT \dT+ \dTS+ \dx \dX \dy \dy+ \dconfig \dconfig+'''.split()


def test_psql_backslash_commands_ask_for_nothing_that_is_missing():
    with Server() as s:
        psql(s.url, 'CREATE TABLE t (id serial PRIMARY KEY, a int) WITH (fillfactor = 70)')
        for command in BACKSLASHES + [r'\df now', r'\do + int4', r'\dC int4', r'\sf now', r'\d pg_stats', r'\d+ t', r'\dAc btree int4',
                                      r'\dconfig work*', r'\df abs int4', r'\dT int*']:
            p = subprocess.run(['psql', '-X', '-v', 'VERBOSITY=verbose', s.url, '-c', command], capture_output=True, text=True)
            assert 'ERROR' not in p.stderr, (command, p.stderr)
            if command == r'\d+ t':
                assert 'Options: fillfactor=70' in p.stdout
        assert 'int4abs' in psql(s.url, r'\sf abs(int)')


def test_what_a_session_did_is_counted_when_it_has_ended():
    def counted(s):
        row = psql(s.url, "SELECT sessions, tup_inserted, tup_deleted FROM pg_stat_database WHERE datname = 'postgres'")
        return [int(n) for n in row.split('|')]

    with Server() as s:
        before = counted(s)
        psql(s.url, 'CREATE TABLE t (a int)', 'INSERT INTO t SELECT generate_series(1, 5000)', 'DELETE FROM t WHERE a <= 3000')
        after = counted(s)
        assert after[0] - before[0] == 2, (before, after)
        assert 5000 <= after[1] - before[1] < 5100 and 3000 <= after[2] - before[2] < 3100, (before, after)


def test_psql_fetch_count_shows_all_rows():
    with Server('--auth', 'trust') as s:
        out = psql(s.url, '\\set FETCH_COUNT 7', 'select g from generate_series(1, 30) g order by g')
        assert [l.strip() for l in out.split('\n')[:30]] == [str(i) for i in range(1, 31)], out


def expect_ok(p):
    assert p.returncode == 0 and p.stdout.endswith('ok\n'), p.stderr + p.stdout


def test_psycopg3():
    with Server() as s:
        expect_ok(subprocess.run(['/usr/bin/python3', HERE + '/psycopg3.py', s.url], capture_output=True, text=True))


def test_node_postgres():
    modules = os.path.dirname(HELIOS) + '/node'
    if not os.path.isdir(modules + '/node_modules/pg'):
        os.makedirs(modules, exist_ok=True)
        for f in ('package.json', 'package-lock.json'):
            shutil.copy(f'{HERE}/node/{f}', modules)
        p = subprocess.run(['npm', 'ci', '--no-audit', '--no-fund'], cwd=modules, capture_output=True, text=True)
        assert p.returncode == 0, p.stderr
    with Server() as s:
        expect_ok(subprocess.run(['node', HERE + '/node/test.js', s.url], capture_output=True, text=True,
                                 env={**os.environ, 'NODE_PATH': modules + '/node_modules'}))


def test_jdbc():
    with Server() as s:
        url = f'jdbc:postgresql://127.0.0.1:{s.port}/postgres?user=postgres&prepareThreshold=3&binaryTransfer=true'
        expect_ok(subprocess.run(['java', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', '/usr/share/java/postgresql.jar',
                                  HERE + '/JdbcTest.java', url], capture_output=True, text=True))


def test_a_daemon_serves_a_client_at_once():
    for _ in range(10):
        with Server() as s:  # start --daemon has returned just now
            assert psql(s.url, 'SELECT 1') == '1'


def sums(url):
    return psql(url, 'SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(bbalance) FROM pgbench_branches)'
                ' AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(tbalance) FROM pgbench_tellers)'
                ' AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history)')


def test_pgbench_scripts_in_every_protocol():
    with Server() as s:
        p = subprocess.run([PGBENCH, '-i', '-q', '-s', '1', s.url], capture_output=True, text=True)
        assert p.returncode == 0, p.stderr
        for protocol in ('simple', 'extended', 'prepared'):
            for script in ('tpcb-like', 'simple-update', 'select-only'):
                for clients in (1, 16):
                    p = subprocess.run([PGBENCH, '-n', '-b', script, '-M', protocol, '-c', str(clients), '-j', '2', '-t',
                                        '50', s.url], capture_output=True, text=True)
                    assert p.returncode == 0 and 'failed transactions: 0 ' in p.stdout, p.stderr + p.stdout
        # simple-update does not touch tellers and branches: compare what only the full script changes
        assert psql(s.url, 'SELECT (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(tbalance) FROM pgbench_tellers)'
                    ' AND (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)') == 't'


def test_pgbench_balances_add_up_under_64_clients():
    with Server() as s:
        subprocess.run([PGBENCH, '-i', '-q', s.url], capture_output=True, check=True)
        p = subprocess.run([PGBENCH, '-n', '-c', '64', '-j', '2', '-t', '30', s.url], capture_output=True, text=True)
        assert p.returncode == 0, p.stderr
        assert sums(s.url) == 't'


def test_vacuum_and_analyze_beside_running_clients():
    with Server() as s:
        subprocess.run([PGBENCH, '-i', '-q', s.url], capture_output=True, check=True)
        p = subprocess.Popen([PGBENCH, '-n', '-M', 'prepared', '-c', '8', '-t', '600', s.url], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        rounds = 0
        while p.poll() is None:  # each makes the clients plan their statements again
            psql(s.url, 'VACUUM ANALYZE pgbench_tellers')
            psql(s.url, 'VACUUM pgbench_branches')
            psql(s.url, 'ANALYZE pgbench_accounts')
            rounds += 1
        out, errors = p.communicate()
        assert p.returncode == 0 and 'failed transactions: 0 ' in out, errors + out
        assert rounds > 2 and sums(s.url) == 't'


def main():
    passed = failed = 0
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    for name, test in sorted(globals().items()):
        if not name.startswith('test_') or only not in name:
            continue
        try:
            test()
            passed += 1
        except Exception:
            failed += 1
            print('FAILED', name)
            traceback.print_exc(file=sys.stdout)
    print(f'{passed} passed, {failed} failed')
    return failed != 0


sys.exit(main())
