"""What data directories are for, beside PostgreSQL with its defaults for durability: more data than the cache holds, starts, crashes,
copies, the log, checkpoints, encryption, size."""
import glob, os, re, subprocess, tempfile, threading, time
import olap, oltp
from bench import PGBIN, Pair, Server, build_tool, median, table

CACHE = '1GB'


def pgbench_init(server, scale):
    subprocess.run([PGBIN + '/pgbench', '-i', '-q', '-s', str(scale), server.url], check=True, capture_output=True)


def beyond_the_cache(options):
    rows = []
    with Pair('64MB') as pair:
        for s in pair.servers:
            pgbench_init(s, options.scale * 5)
        for clients in (1, 4, 16):
            got = [[oltp.one(s, 'select-only', 'prepared', clients, options.seconds) for s in pair.servers] for _ in range(options.rounds)]
            rows.append([f'-S prepared, scale {options.scale * 5}, cache 64 MB, {clients} clients',
                         *[f'{median([g[i][0] for g in got]):.0f}' for i in (0, 1)],
                         f'**{median([g[1][0] / g[0][0] for g in got]):.2f}**'])
    return rows


def log_position(server):
    ask = "select pg_current_wal_lsn() - '0/0'" if server.kind == 'postgres' else 'select wal_bytes from pg_stat_wal'
    return float(server.psql('-c', ask).stdout)


def transactions(server, clients, seconds, *more):
    p = subprocess.run([PGBIN + '/pgbench', '-n', '-c', str(clients), '-j', '2', '-T', str(seconds), *more, server.url],
                       check=True, capture_output=True, text=True)
    return int(re.search(r'actually processed: (\d+)', p.stdout)[1])


def log_bytes(pair, options):
    """From one checkpoint to the next."""
    rows = []
    for clients in (1, 16):
        each = []
        for s in pair.servers:
            s.psql('-c', 'checkpoint')
            before = log_position(s)
            done = transactions(s, clients, options.seconds * 4)
            s.psql('-c', 'checkpoint')
            each.append((log_position(s) - before) / done)
        rows.append([f'log bytes per TPC-B transaction, {clients} clients', f'{each[0]:.0f}', f'{each[1]:.0f}',
                     f'**{each[0] / each[1]:.1f}**'])
    return rows


def longest_gap(server):
    """Milliseconds between two commits of sixteen clients, while a checkpoint runs and a moment longer."""
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o777)
        wait = threading.Timer(1.5, lambda: server.psql('-c', 'checkpoint'))
        wait.start()
        begin = time.time() + 1.5
        transactions(server, 16, 4, '-l', f'--log-prefix={d}/log')
        wait.join()
        ends = []
        for name in glob.glob(d + '/log*'):
            with open(name) as f:
                ends += [int(w[4]) + int(w[5]) / 1e6 for w in map(str.split, f)]
    ends = sorted(e for e in ends if begin <= e <= begin + 2)
    return max((b - a for a, b in zip(ends, ends[1:])), default=0) * 1e3


def stalls(pair, options):
    gaps = [[longest_gap(s) for s in pair.servers] for _ in range(options.rounds)]
    theirs, ours = [[g[i] for g in gaps] for i in (0, 1)]
    return [['longest gap between commits around a checkpoint, ms: median', f'{median(theirs):.1f}', f'{median(ours):.1f}',
             f'**{median(theirs) / median(ours):.1f}**'], ['... worst', f'{max(theirs):.1f}', f'{max(ours):.1f}', '']]


def starts(pair, options):
    rows = []
    for s in pair.servers:
        pgbench_init(s, options.large_scale)
    taken = []
    for _ in range(options.rounds):
        taken.append([])
        for s in pair.servers:
            s.stop()
            taken[-1].append(s.start() * 1e3)
    rows.append([f'start on scale {options.large_scale} after a stop, ms to the first answer',
                 *[f'{median([t[i] for t in taken]):.0f}' for i in (0, 1)], f'**{median([t[0] / t[1] for t in taken]):.1f}**'])
    copies = []
    for no in range(options.rounds):
        copies.append([])
        for s in pair.servers:
            start = time.perf_counter()
            s.psql('-c', f'create database copy{no} template postgres')
            copies[-1].append((time.perf_counter() - start) * 1e3)
            s.psql('-c', f'drop database copy{no}')
    rows.append(['... CREATE DATABASE TEMPLATE of it, ms (psql included)', *[f'{median([c[i] for c in copies]):.1f}' for i in (0, 1)],
                 f'**{median([c[0] / c[1] for c in copies]):.0f}**'])
    return rows + restarts(pair, options, options.large_scale)


def restarts(pair, options, scale):
    again = []
    for s in pair.servers:
        s.psql('-c', 'checkpoint')
        work = subprocess.Popen([PGBIN + '/pgbench', '-n', '-c', '4', '-j', '2', '-T', '3600', '-P', '1', s.url], stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True)
        for _ in range(options.seconds * 12):
            assert work.stderr.readline().startswith('progress: ')  # one a second
        s.crash()
        work.communicate()
        again.append(s.start() * 1e3)
    return [[f'start after kill -9, {options.seconds * 12} s of TPC-B with 4 clients behind the checkpoint, scale {scale}, ms',
             f'{again[0]:.0f}', f'{again[1]:.0f}', f'**{again[0] / again[1]:.1f}**']]


def encryption(options):
    """Ours against ours."""
    os.environ['HELIOSDB_ENCRYPTION_KEY'] = '0123456789abcdef' * 4
    rows = []
    with Pair(CACHE) as pair:
        config = pair.base + '/crypt.toml'
        with open(config, 'w') as f:
            f.write('[encryption]\nenabled = true\nkey_source = { Environment = "HELIOSDB_ENCRYPTION_KEY" }\n')
        sealed = Server('ours', pair.base, CACHE, ['--config', config], 'sealed')
        sealed.make()
        sealed.start()
        try:
            plain = pair.servers[1]
            for s in (plain, sealed):
                pgbench_init(s, options.scale)
            for clients in (1, 4, 16):
                got = [[oltp.one(s, 'tpcb-like', 'prepared', clients, options.seconds) for s in (plain, sealed)]
                       for _ in range(options.rounds)]
                rows.append([f'TPC-B prepared, {clients} clients: plain, encrypted', *[f'{median([g[i][0] for g in got]):.0f}' for i in (0, 1)],
                             f'**{median([g[1][0] / g[0][0] for g in got]):.2f}**'])
        finally:
            sealed.stop()
    return rows


def size(options):
    with Pair(CACHE) as pair:
        config = pair.base + '/zstd.toml'
        with open(config, 'w') as f:
            f.write('[storage]\ncompression = "zstd"\n')
        pair.servers[1].stop()
        pair.servers[1].flags = ['--config', config]
        pair.servers[1].start()
        subprocess.run([build_tool('tpch/tpchgen.c', pair.base), str(options.tpch), pair.base + '/data'], check=True,
                       stdout=subprocess.DEVNULL)
        for s in pair.servers:
            olap.load(s, pair.base + '/data', olap.TABLES)
            s.psql('-c', 'checkpoint')
            s.stop()
        mib = [s.bytes_on_disk() / (1 << 20) for s in pair.servers]
    return [[f'TPC-H scale {options.tpch} with zstd, MiB on disk without the log', f'{mib[0]:.0f}', f'{mib[1]:.0f}', f'**{mib[0] / mib[1]:.1f}**']]


def run(options):
    rows = beyond_the_cache(options)
    with Pair(CACHE) as pair:
        for s in pair.servers:
            pgbench_init(s, options.scale)
        rows += log_bytes(pair, options) + stalls(pair, options) + restarts(pair, options, options.scale)
    with Pair(CACHE) as pair:
        rows += starts(pair, options)
    rows += encryption(options) + size(options)
    print(f'### data directories, {options.rounds} rounds\n')
    table(['what', 'PostgreSQL', 'ours', 'ratio'], rows)
