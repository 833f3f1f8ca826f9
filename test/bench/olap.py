"""Queries of TPC-H on both servers: milliseconds, processor time, and whether the answers agree."""
import os, re, subprocess, time
from bench import HERE, Pair, build_tool, cpu_ratio, median, table

TABLES = ('region', 'nation', 'part', 'supplier', 'partsupp', 'customer', 'orders', 'lineitem')


def tables_of(queries):
    text = ' '.join(queries.values())
    return [t for t in TABLES if re.search(rf'\b{t}\b', text)]


def load(server, data, tables):
    with open(HERE + '/tpch/schema.sql') as f:
        for statement in f.read().split(';'):
            name = re.search(r'create table (\w+)', statement, re.I)
            if name and name[1] in tables:
                server.psql('-c', statement)
    for t in tables:
        server.psql('-c', f"\\copy {t} from '{data}/{t}.tbl' with (format csv, delimiter '|', quote E'\\x01')")
    server.psql('-c', 'vacuum analyze')


def agree(a, b):
    """Numbers may differ in the digits behind those that count."""
    rows = [sorted(x.split('|') for x in text.strip().split('\n')) for text in (a, b)]
    if len(rows[0]) != len(rows[1]):
        return False
    for x, y in zip(*rows):
        for v, w in zip(x, y):
            try:
                if abs(float(v) - float(w)) > 1e-6 * max(abs(float(v)), abs(float(w))):
                    return False
            except ValueError:
                if v.strip() != w.strip():
                    return False
    return True


def run(options):
    queries, out = {}, []
    for q in options.queries.split(','):
        with open(f'{HERE}/tpch/q{int(q):02d}.sql') as f:
            queries[q] = f.read().replace(':FRACTION', f'{0.0001 / options.tpch:.10f}')
    with Pair() as pair:
        subprocess.run([build_tool('tpch/tpchgen.c', pair.base), str(options.tpch), pair.base + '/data'], check=True,
                       stdout=subprocess.DEVNULL)
        for s in pair.servers:
            load(s, pair.base + '/data', tables_of(queries))
        for q, sql in queries.items():
            runs, answers = [], [None, None]

            def ask(s):
                answers[pair.servers.index(s)] = s.psql('-c', sql).stdout
            for _ in range(options.rounds + 1):  # the first is to get warm
                got = pair.measure(ask)
                runs.append(got)
                if any(isinstance(g, str) for g in got):
                    break
            if any(isinstance(g, str) for g in got):
                out.append([q] + [g if isinstance(g, str) else '' for g in got])
                continue
            wall = [median([r[i][0] for r in runs[1:]]) * 1e3 for i in (0, 1)]
            cpu = [median([r[i][1] for r in runs[1:]]) * 1e3 for i in (0, 1)]
            out.append([q, f'{wall[0]:.0f}', f'{wall[1]:.0f}', f'**{median([r[0][0] / r[1][0] for r in runs[1:]]):.1f}**',
                        f'{cpu[0]:.0f}', f'{cpu[1]:.0f}', cpu_ratio(cpu[0] / 1e3, cpu[1] / 1e3),
                        'same' if agree(*answers) else 'DIFFERENT'])
    print(f'### TPC-H, scale {options.tpch}, one process each, {options.rounds} pairs\n')
    table(['query', 'PostgreSQL ms', 'ours', 'ratio', 'PostgreSQL server ms', 'ours', 'ratio', 'answers'], out)
