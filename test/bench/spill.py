"""Sorts and hashes beyond work_mem on both servers: ours with a folder for temporary files, and in memory mode."""
import os
from bench import Pair, cpu_ratio, median, table

# Few rows come out: what is measured is the server.
QUERIES = {
    'ORDER BY int': 'SELECT count(*) FROM (SELECT a, c FROM big ORDER BY b OFFSET 0) s',
    'ORDER BY text, int': 'SELECT count(*) FROM (SELECT a, c FROM big ORDER BY c, a OFFSET 0) s',
    'hash join': 'SELECT count(*), sum(x.a + y.a) FROM big x JOIN big y ON x.b = y.b',
    'left join with texts': 'SELECT count(*), max(y.c) FROM big x LEFT JOIN big y ON x.b = y.a AND y.b > 1000',
    'GROUP BY int': 'SELECT count(*) FROM (SELECT b, count(*), sum(a) FROM big GROUP BY b) s',
    'GROUP BY text': 'SELECT count(*) FROM (SELECT c, max(a), avg(b) FROM big GROUP BY c) s',
    'count(DISTINCT)': 'SELECT count(DISTINCT b) FROM big',
    'EXCEPT': 'SELECT count(*) FROM (SELECT b FROM big EXCEPT SELECT a FROM big) s',
    'WITH': 'WITH x AS MATERIALIZED (SELECT * FROM big) SELECT count(*), max(c) FROM x',
    'CREATE INDEX': "SET maintenance_work_mem = '8MB'; CREATE INDEX i ON big (b); DROP INDEX i",
}


def measure(options, folder):
    out = []
    if folder:
        os.environ['HELIOS_TEMP_FOLDER'] = folder
    with Pair() as pair:
        os.environ.pop('HELIOS_TEMP_FOLDER', None)
        for s in pair.servers:
            s.psql('-c', 'CREATE TABLE big (a int, b int, c text)')
            s.psql('-c', f"INSERT INTO big SELECT g, (g * 7919::bigint % 4000037)::int, 'some text ' || (g * 104729::bigint % 3000017) "
                   f'FROM generate_series(1, {options.spill_rows}) g')
            s.psql('-c', 'VACUUM ANALYZE big')
        for name, sql in QUERIES.items():
            answers, runs = [None, None], []

            def ask(s):
                answers[pair.servers.index(s)] = s.psql('-c', "SET work_mem = '4MB'", '-c', sql).stdout
            for _ in range(options.rounds):
                runs.append(pair.measure(ask))
                if any(isinstance(g, str) for g in runs[-1]):
                    break
            if any(isinstance(g, str) for g in runs[-1]):
                out.append([name] + [g if isinstance(g, str) else '' for g in runs[-1]])
                continue
            cpu = [median([r[i][1] for r in runs]) for i in (0, 1)]
            out.append([name] + [f'{median([r[i][0] for r in runs]) * 1e3:.0f}' for i in (0, 1)] +
                       [f'**{median([r[0][0] / r[1][0] for r in runs]):.1f}**', f'{cpu[0] * 1e3:.0f}', f'{cpu[1] * 1e3:.0f}',
                        cpu_ratio(*cpu), 'same' if answers[0] == answers[1] else 'DIFFERENT'])
    return out


def run(options):
    base = f'/tmp/helios-bench-temp-{os.getpid()}'
    for title, folder in (('with a folder', base), ('in memory mode', None)):
        print(f'### {options.spill_rows} rows, work_mem 4 MB, {title}, {options.rounds} pairs\n')
        table(['query', 'PostgreSQL ms', 'ours', 'ratio', 'PostgreSQL server ms', 'ours', 'ratio', 'answers'], measure(options, folder))
    if os.path.isdir(base):
        os.rmdir(base)
