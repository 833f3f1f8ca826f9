"""Bulk statements: COPY, index builds, VACUUM, ANALYZE, INSERT, UPDATE and DELETE of many rows."""
import os, subprocess
from bench import Pair, build_tool, cpu_ratio, median, table

COLUMNS = '''(id bigint, orderkey bigint, partkey int, suppkey int, linenumber int, quantity numeric(12,2),
    price numeric(12,2), discount numeric(12,2), tax numeric(12,2), rf char(1), ls char(1), shipdate date,
    commitdate date, receiptdate date, instruct varchar(25), mode varchar(10), comment varchar(64))'''
TABLES = ('li', 'li_values', 'li_keyed', 'li_select')


def values_file(csv, path, count):
    """INSERT statements of a thousand rows each."""
    with open(csv) as f, open(path, 'w') as out:
        rows = []
        for line in f:
            fields = line.rstrip('\n').split(',')
            rows.append('(' + ','.join(v if i < 9 else f"'{v}'" for i, v in enumerate(fields)) + ')')
            if len(rows) == 1000:
                out.write('INSERT INTO li_values VALUES ' + ','.join(rows) + ';\n')
                rows, count = [], count - 1000
                if count <= 0:
                    return


def steps(csv, inserts, n):
    """(name, arguments of psql, rows)"""
    return [
        ('COPY FROM, 17 columns, no index', ['-c', f"\\copy li from '{csv}' with (format csv)"], n),
        ('ADD PRIMARY KEY (bigint)', ['-c', 'alter table li add primary key (id)'], n),
        ('CREATE INDEX (int, random)', ['-c', 'create index on li (partkey)'], n),
        ('CREATE INDEX (date, int)', ['-c', 'create index on li (shipdate, suppkey)'], n),
        ('CREATE INDEX (varchar)', ['-c', 'create index on li (comment)'], n),
        ('VACUUM', ['-c', 'vacuum li'], n),
        ('ANALYZE', ['-c', 'analyze li'], n),
        ('COPY TO', ['-c', "\\copy li to '/dev/null' with (format csv)"], n),
        ('COPY FROM, key and index', ['-c', f"\\copy li_keyed from program 'head -n {n // 10} {csv}' with (format csv)"],
         n // 10),
        ('INSERT of 1000 rows each', ['-f', inserts], min(n, 100000)),
        ('INSERT ... SELECT', ['-c', f'insert into li_select select * from li where id <= {n // 4}'], n // 4),
        ('UPDATE of 5 %', ['-c', 'update li set tax = tax + 0.01 where id % 20 = 3'], n // 20),
        ('DELETE of 10 %', ['-c', 'delete from li where id % 10 = 7'], n // 10),
        ('VACUUM after it', ['-c', 'vacuum li'], n),
    ]


def run(options):
    n, results, sizes = options.load_rows, {}, [{}, {}]
    with Pair(options.cache) as pair:
        csv, inserts = pair.base + '/rows.csv', pair.base + '/inserts.sql'
        with open(csv, 'w') as out:
            subprocess.run([build_tool('load_rows.c', pair.base), str(n)], check=True, stdout=out)
        values_file(csv, inserts, 100000)
        for _ in range(options.rounds):
            for s in pair.servers:
                for t in TABLES:
                    s.psql('-c', f'drop table if exists {t}', '-c', f'create table {t} {COLUMNS}')
                s.psql('-c', 'alter table li_keyed add primary key (id)', '-c', 'create index on li_keyed (partkey)')
            for name, args, rows in steps(csv, inserts, n):
                got = pair.measure(lambda s: s.psql(*args))
                results.setdefault(name, []).append((rows, got))
                if name == 'ANALYZE':
                    for i, s in enumerate(pair.servers):
                        out = s.psql('-c', "select pg_relation_size('li'), pg_indexes_size('li')").stdout
                        sizes[i] = [int(x) / n for x in out.strip().split('|')]
    out = []
    for name, runs in results.items():
        good = [(rows, g) for rows, g in runs if not any(isinstance(x, str) for x in g)]
        if not good:
            out.append([name] + [x if isinstance(x, str) else '' for x in runs[0][1]])
            continue
        wall = [median([rows / g[i][0] / 1e3 for rows, g in good]) for i in (0, 1)]
        cpu = [median([g[i][1] / rows * 1e6 for rows, g in good]) for i in (0, 1)]
        out.append([name, f'{wall[0]:.0f}', f'{wall[1]:.0f}', f'**{median([g[0][0] / g[1][0] for _, g in good]):.2f}**',
                    f'{cpu[0]:.2f}', f'{cpu[1]:.2f}',
                    cpu_ratio(*[median([g[i][1] for _, g in good]) for i in (0, 1)])])
    print(f'### bulk statements, {n} rows, {options.rounds} pairs{options.where}\n')
    table(['statement', 'PostgreSQL 1000 rows/s', 'ours', 'ratio', 'PostgreSQL server us/row', 'ours', 'ratio'], out)
    if all(sizes):
        print(f'bytes a row, table and four indexes: PostgreSQL {sizes[0][0]:.0f} + {sizes[0][1]:.0f}, '
              f'ours {sizes[1][0]:.0f} + {sizes[1][1]:.0f}\n')
