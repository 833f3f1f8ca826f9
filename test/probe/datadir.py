"""Servers on a data directory that tests kill, starve and lie to: DataServer; FaultBoard (src/base/fault.h) and StopBoard
(src/base/stop_point.h) are what reaches into a running server."""
import mmap, os, re, signal, struct, subprocess, sys, threading, time
from client import *

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../src')


def children(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children') as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def name_of(pid):
    try:
        with open(f'/proc/{pid}/comm') as f:
            return f.read().strip()
    except OSError:
        return ''


def kill_pid(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Board:
    """A file of a known size that the server maps."""

    def __init__(self, path, size, begin=b''):
        with open(path, 'wb') as f:
            f.write(begin.ljust(size, b'\0'))
        self.path, self.file = path, open(path, 'r+b')
        self.bytes = mmap.mmap(self.file.fileno(), size)

    def get(self, form, at):
        return struct.unpack_from(form, self.bytes, at)[0]

    def put(self, form, at, value):
        struct.pack_into(form, self.bytes, at, value)


class FaultBoard(Board):
    RULE, RULES, MAGIC = 128, 30, b'HeFault1'
    KINDS = re.findall(r'FAULT_KIND\(\w+, "(\w+)"', open(f'{SOURCE}/base/fault_kinds.def').read())
    ACTIONS = ['fail', 'delay', 'tear', 'corrupt', 'kill']

    def __init__(self, path):
        super().__init__(path, self.RULE * (self.RULES + 1), self.MAGIC)
        self.env = {'HELIOS_STORE_FAULT': path}

    def arm(self, kind, action='fail', error=0, first=1, count=1, process='', rule=0):
        """error: errno, or milliseconds of a delay. count 0: from `first` on, all."""
        at = self.RULE * (rule + 1)
        self.put('<I', at, 0)
        struct.pack_into('<IIIQQQQ16s', self.bytes, at + 4, self.KINDS.index(kind), self.ACTIONS.index(action), error, first,
                         count, 0, 0, process.encode())
        self.put('<I', at, 1)

    def hits(self, rule=0):
        return self.get('<Q', self.RULE * (rule + 1) + 40)

    def calls(self, rule=0):
        return self.get('<Q', self.RULE * (rule + 1) + 32)

    def disarm(self):
        for rule in range(self.RULES):
            self.put('<I', self.RULE * (rule + 1), 0)


class StopBoard(Board):
    POINT, POINTS, NAME = 64, 64, 56
    FREE, ARMED, STOPPED = 0, 1, 2

    def __init__(self, path):
        super().__init__(path, self.POINT * self.POINTS)
        self.env = {'HELIOS_STOP_BOARD': path}

    @staticmethod
    def names():
        """Every stop point of the program, from its source."""
        found = set()
        for folder, _, files in os.walk(SOURCE):
            for f in files:
                if f.endswith('.c'):
                    found |= set(re.findall(r'\bstop_point\("([a-z_.]+)"\)', open(f'{folder}/{f}').read()))
        return sorted(found)

    def arm(self, name, slot=0, pid=0):
        """pid 0: whoever comes first."""
        at = self.POINT * slot
        struct.pack_into(f'<i{self.NAME}s', self.bytes, at + 4, pid, name.encode())
        self.put('<I', at, self.ARMED)

    def stopped(self, slot=0):
        """The process that stands at the point, or None."""
        at = self.POINT * slot
        return self.get('<i', at + 4) if self.get('<I', at) == self.STOPPED else None

    def disarm(self, slot):
        """Who stands there goes on."""
        self.put('<I', self.POINT * slot, self.FREE)

    def release(self):
        for slot in range(self.POINTS):
            self.disarm(slot)


def wait_listening(log, process, quiet=60):
    """Until it listens or has ended. Recovery says from time to time how far it is: then it may take as long as it likes."""
    is_over = lambda: 'Server listening' in log() or process.poll() is not None
    while not is_over():
        said = log()
        wait_until(lambda: is_over() or log() != said, quiet)


def expect_no_failed_assertion(log):
    """The server may have recovered from it: that is no excuse."""
    at = log.find('assertion failed')
    assert at < 0, log[max(0, at - 200):at + 2000]


class Gone(AssertionError):
    """The server is there no more."""


class Patience:
    """Of who wants to be let in: it is over after so many seconds in which recovery has not said how far it is."""

    def __init__(self, log, seconds):
        self.log, self.seconds, self.said, self.end = log, seconds * PATIENCE, None, 0

    def is_over(self):
        said = self.log().count(' recovery: ')
        if said != self.said:
            self.said, self.end = said, time.monotonic() + self.seconds
        return time.monotonic() > self.end


class DataServer:
    """A server on `directory`/db (or in `data`) that is started again and again. What it says goes to one file for each start."""

    def __init__(self, directory, *flags, env=None, start=True, data=None):
        self.dir, self.data, self.encryption, self.env = directory, data or directory + '/db', encryption_flags(directory), env or {}
        self.flags = [*flags, *self.encryption]
        self.port, self.process, self.starts, self.was_killed = free_port(), None, 0, False
        if start:
            self.start()

    def begin(self, more=()):
        """Starts without waiting for anything. `more`: flags of this start."""
        if self.starts > 0:
            expect_no_failed_assertion(self.log())
        self.starts += 1
        self.log_path = f'{self.dir}/log.{self.starts}'
        # A store that can not go on ends by abort(): that is no find of a sanitizer. Failed asserts are looked for in the log.
        env = dict(os.environ, ASAN_OPTIONS=os.environ.get('ASAN_OPTIONS', '').replace('handle_abort=1', 'handle_abort=0'), **self.env)
        with open(self.log_path, 'w') as log:
            self.process = subprocess.Popen(
                [NANO, 'start', '--data-dir', self.data, '--port', str(self.port), '--unix-socket-dir', 'none', '--pid-file',
                 f'{self.dir}/pid', *self.flags, *more], cwd=self.dir, stderr=log, stdin=subprocess.DEVNULL, env=env)

    def start(self, more=()):
        self.begin(more)
        wait_listening(self.log, self.process)
        assert self.process.poll() is None, self.log()

    def log(self):
        with open(self.log_path, errors='replace') as f:
            return f.read()

    def pids(self, name=None):
        return [p for p in children(self.process.pid) if name is None or name_of(p) == name]

    def kill(self):
        """All processes at once, as a power cut would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)  # it must not begin to clean up
            pids = self.pids()
            for p in pids + [self.process.pid]:
                kill_pid(p)
            self.process.wait()
            wait_until(lambda: not any(alive(p) for p in pids))

    def connect(self, database='postgres', seconds=60, timeout=60):
        """Waits until the server takes us: it may be recovering."""
        patience = Patience(self.log, seconds)
        while True:
            try:
                return Client(self.port, timeout=timeout).login(database=database)
            except (OSError, Closed, PgError) as e:
                if isinstance(e, PgError) and e.code not in ('57P03', '57P01', '53300') or patience.is_over():
                    raise
                if self.process.poll() is not None:
                    raise Gone(self.log())
                time.sleep(0.02)

    def stop(self, seconds=60):
        self.process.terminate()
        assert self.process.wait(seconds * PATIENCE) == 0, self.log()

    def check(self, seconds=120):
        """`check DIR` finds nothing; nobody has the directory open."""
        r = run(NANO, 'check', self.data, *self.encryption, timeout=seconds)
        assert r.returncode == 0, f'check: {r.stdout}{r.stderr}\n{self.log()}'

    def __enter__(self):
        return self

    def __exit__(self, kind=None, *_):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        if kind is None and self.starts > 0:
            expect_no_failed_assertion(self.log())


def copy_in(c, table, lines):
    """COPY table FROM STDIN."""
    c.send(b'Q', f'COPY {table} FROM STDIN'.encode() + b'\0')
    while True:
        kind, body = c.receive()
        if kind == b'E':
            error = error_of(body)
            if isinstance(error, PgError) and error.severity != 'FATAL':
                wait_for_ready(c)
            raise error
        if kind == b'G':
            break
    c.send(b'd', ''.join(line + '\n' for line in lines).encode())
    c.send(b'c')
    c.result()


def wait_for_ready(c):
    while c.receive()[0] != b'Z':
        pass


def in_background(c, statement):
    """What comes of it is looked for elsewhere: the server may be killed meanwhile."""
    def ask():
        try:
            c.query(statement)
        except (OSError, Closed, PgError):
            pass
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread
