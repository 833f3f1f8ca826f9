"""What the parts share: the two servers side by side, their processor time and memory, tables of ratios."""
import os, re, shutil, signal, socket, statistics, subprocess, sys, tempfile, time
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '../tools'), os.path.join(HERE, '../probe')]
import pgwire
BUILD = os.environ.get('BUILD', os.path.join(HERE, '../../build'))
NANO = os.path.abspath(os.path.join(BUILD, 'heliosdb-nano'))
PGBIN = os.environ.get('PGBIN', '/usr/lib/postgresql/15/bin')
TICKS = os.sysconf('SC_CLK_TCK')
# PostgreSQL as a server in memory would be: nothing waits for a disk.
PG_VOLATILE = '''fsync = off
synchronous_commit = off
full_page_writes = off
'''
PG_CONF = '''work_mem = 64MB
maintenance_work_mem = 512MB
max_wal_size = 8GB
checkpoint_timeout = 15min
max_parallel_workers_per_gather = 0
max_connections = 100
logging_collector = off
'''


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def median(xs):
    return statistics.median(xs) if xs else float('nan')


def cpu_ratio(theirs, ours):
    """Of two times in seconds; what is shorter than two ticks of the clock says nothing."""
    return f'**{theirs / ours:.1f}**' if ours >= 2 / TICKS else '-'


def table(head, rows):
    print('| ' + ' | '.join(head) + ' |')
    print('|' + '---|' * len(head))
    for r in rows:
        print('| ' + ' | '.join(str(c) for c in r) + ' |')
    print(flush=True)


def _stat(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            s = f.read()
    except OSError:
        return None
    f = s[s.rindex(')') + 2:].split()
    return int(f[1]), sum(int(x) for x in f[11:15])  # parent; user, system, and of children that have ended


def tree(root):
    """The process and all below it."""
    children = {}
    for p in filter(str.isdigit, os.listdir('/proc')):
        s = _stat(p)
        if s:
            children.setdefault(s[0], []).append(int(p))
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


class Server:
    """One of the two, started in a directory of its own. kind: 'postgres' or 'ours'. `cache` None: nothing is durable, ours is a
    memory server; else a size: both keep what they are given, with so much for pages. `flags`: more of ours."""

    def __init__(self, kind, base, cache=None, flags=(), name=None):
        self.kind, self.port, self.cache, self.flags = kind, free_port(), cache, list(flags)
        self.dir = os.path.join(base, name or kind)
        self.url = f'postgresql://postgres@127.0.0.1:{self.port}/postgres'
        self.as_user = dict(user='postgres', group='postgres', extra_groups=[]) \
            if kind == 'postgres' and os.geteuid() == 0 else {}
        self.process = None

    def make(self):
        """What has to be there before the first start."""
        if self.kind == 'ours':
            os.makedirs(self.dir, exist_ok=True)
            return
        subprocess.run([PGBIN + '/initdb', '-D', self.dir, '-U', 'postgres', '-A', 'trust', '--no-locale', '-E', 'UTF8'],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd='/tmp', **self.as_user)
        with open(self.dir + '/postgresql.conf', 'a') as f:
            f.write(PG_CONF + f"shared_buffers = {self.cache or '1GB'}\n" + (PG_VOLATILE if self.cache is None else ''))

    def start(self):
        """Seconds from exec to the first answer."""
        place = ['--memory'] if self.cache is None else ['--data-dir', self.dir + '/db', '--cache-size', self.cache]
        argv = [NANO, 'start', *place, '--auth', 'trust', '--port', str(self.port), '--unix-socket-dir', self.dir,
                '--pid-file', self.dir + '/pid', *self.flags]
        if self.kind == 'postgres':
            argv = [PGBIN + '/postgres', '-D', self.dir, '-p', str(self.port), '-k', self.dir, '-h', '127.0.0.1']
        start = time.perf_counter()
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd='/tmp', **self.as_user)
        while True:
            try:
                c = pgwire.Connection(pgwire.Target(self.url))
                answer = c.simple('select 1')
                if not answer.error and not answer.failure:
                    c.close()
                    return time.perf_counter() - start
            except (OSError, pgwire.WireError):
                pass
            assert self.process.poll() is None, f'{self.kind} has ended'
            assert time.perf_counter() - start < 60, f'{self.kind} does not answer'
            time.sleep(0.0005)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def crash(self):
        """All processes at once."""
        self.process.send_signal(signal.SIGSTOP)
        for p in tree(self.process.pid):
            os.kill(p, signal.SIGKILL)
        self.process.wait()

    def bytes_on_disk(self):
        """Of everything but the log."""
        return sum(os.path.getsize(os.path.join(path, f)) for path, _, files in os.walk(self.dir) for f in files
                   if os.path.basename(path) not in ('wal', 'pg_wal'))

    def cpu(self):
        """Seconds of processor time of all processes so far."""
        return sum(s[1] for s in map(_stat, tree(self.process.pid)) if s) / TICKS

    def memory(self):
        """MiB; what several processes share counts once."""
        kb = 0
        for p in tree(self.process.pid):
            try:
                with open(f'/proc/{p}/smaps_rollup') as f:
                    kb += sum(int(l.split()[1]) for l in f if l.startswith('Pss:'))
            except OSError:
                pass
        return kb / 1024

    def psql(self, *args, check=True):
        p = subprocess.run(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-A', '-t', self.url, *args],
                           capture_output=True, text=True)
        if check and p.returncode:
            raise RuntimeError(f'{self.kind}: {p.stderr.strip()[-300:]}')
        return p


class Pair:
    """Both servers, PostgreSQL first."""

    def __init__(self, cache=None, flags=()):
        self.base = tempfile.mkdtemp(prefix='helios-bench-', dir='/tmp')
        os.chmod(self.base, 0o777)
        self.servers = [Server('postgres', self.base, cache), Server('ours', self.base, cache, flags)]
        for s in self.servers:
            s.make()

    def __enter__(self):
        for s in self.servers:
            s.start()
        return self

    def __exit__(self, *_):
        for s in self.servers:
            s.stop()
        shutil.rmtree(self.base, ignore_errors=True)

    def measure(self, action):
        """[(seconds, processor seconds)] or a text about what went wrong, one for each server, in turn."""
        out = []
        for s in self.servers:
            cpu, start = s.cpu(), time.time()
            try:
                action(s)
                out.append((time.time() - start, s.cpu() - cpu))
            except RuntimeError as e:
                out.append(str(e).replace('|', '/').replace('\n', ' ')[:120])
        return out


def build_tool(source, base):
    """A small C program next to us."""
    out = os.path.join(base, os.path.basename(source)[:-2])
    subprocess.run(['cc', '-std=gnu17', '-O2', '-o', out, os.path.join(HERE, source)], check=True)
    return out
