"""A small PostgreSQL client and a little test frame, for the tests of the server's shell.

Standard library only. A Client speaks protocol 3.0 over TCP, TLS or a Unix socket; messages are
returned as (type, body). `main()` runs every function whose name starts with test_ and ends
with "N passed, M failed"."""
import atexit, base64, hashlib, hmac, os, shutil, signal, socket, ssl, struct, subprocess, sys, tempfile, time, traceback

BUILD = os.environ.get('HELIOS_BUILD') or os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../build')
NANO = os.path.join(BUILD, 'heliosdb-nano')
PROBE = os.path.join(BUILD, 'heliosdb-probe')
PATIENCE = float(os.environ.get('HELIOS_TEST_PATIENCE') or 1)  # every time limit of the tests is so many times as long


class PgError(Exception):
    def __init__(self, fields):
        super().__init__(f"{fields.get('S')} {fields.get('C')}: {fields.get('M')}")
        self.fields, self.code, self.message, self.severity = fields, fields.get('C'), fields.get('M'), fields.get('S')


class Closed(Exception):
    pass


class Crashed(Closed):
    """57P02: the server has lost its memory. As when the connection is lost, nothing is known of what was asked for."""


def error_fields(body):
    return {f[:1].decode(): f[1:].decode() for f in body.split(b'\0') if f}


def error_of(body):
    e = PgError(error_fields(body))
    return Crashed(str(e)) if e.severity == 'FATAL' and e.code == '57P02' else e


class Client:
    def __init__(self, port=None, host='127.0.0.1', path=None, timeout=20, source=None):
        if path:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout * PATIENCE)
            self.sock.connect(path)
        else:
            self.sock = socket.create_connection((host, port), timeout * PATIENCE)
        self.buffer, self.parameters, self.pid, self.secret = b'', {}, None, None

    # --- bytes
    def send_raw(self, data):
        self.sock.sendall(data)

    def send(self, kind, body=b''):
        self.send_raw(kind + struct.pack('!I', len(body) + 4) + body)

    def receive_bytes(self, count):
        while len(self.buffer) < count:
            data = self.sock.recv(65536)
            if not data:
                raise Closed()
            self.buffer += data
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def receive(self):
        head = self.receive_bytes(5)
        return head[:1], self.receive_bytes(struct.unpack('!I', head[1:])[0] - 4)

    def closed_silently(self):
        try:
            data = self.sock.recv(1)
        except ConnectionResetError:
            return True
        return data == b''

    # --- start-up
    def startup_packet(self, code, body=b''):
        self.send_raw(struct.pack('!II', len(body) + 8, code) + body)

    def start_tls(self, **kw):
        self.startup_packet(80877103)
        answer = self.receive_bytes(1)
        if answer != b'S':
            return False
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if 'maximum' in kw:
            context.maximum_version = kw['maximum']
        self.sock = context.wrap_socket(self.sock)
        return True

    def send_startup(self, user='postgres', database='postgres', version=196608, **settings):
        body = b''
        for name, value in dict(user=user, database=database, **settings).items():
            if value is not None:
                body += name.encode() + b'\0' + value.encode() + b'\0'
        self.startup_packet(version, body + b'\0')

    def login(self, user='postgres', database='postgres', password=None, binding=None, **settings):
        """binding: None = as offered over TLS; 'y', 'n' or 'p' forces the flag."""
        self.send_startup(user, database, **settings)
        while True:
            kind, body = self.receive()
            if kind == b'R':
                self.authenticate(struct.unpack('!I', body[:4])[0], body[4:], user, password, binding)
            elif kind == b'S':
                name, value = body.split(b'\0')[:2]
                self.parameters[name.decode()] = value.decode()
            elif kind == b'K':
                self.pid, self.secret = struct.unpack('!iI', body)
            elif kind == b'E':
                raise error_of(body)
            elif kind == b'Z':
                return self

    def authenticate(self, request, data, user, password, binding):
        if request == 3:
            self.send(b'p', password.encode() + b'\0')
        elif request == 5:
            inner = hashlib.md5((password + user).encode()).hexdigest()
            self.send(b'p', b'md5' + hashlib.md5(inner.encode() + data).hexdigest().encode() + b'\0')
        elif request == 10:
            self.scram(data.split(b'\0'), password, binding)
        elif request not in (0, 12):
            raise AssertionError(f'unknown authentication request {request}')

    def scram(self, mechanisms, password, binding):
        tls = isinstance(self.sock, ssl.SSLSocket)
        self.mechanisms = [m.decode() for m in mechanisms if m]
        plus = 'SCRAM-SHA-256-PLUS' in self.mechanisms and binding in (None, 'p')
        flag = 'p=tls-server-end-point' if plus else binding or ('y' if tls else 'n')
        end_point = hashlib.sha256(self.sock.getpeercert(True)).digest() if plus else b''
        header = flag + ',,'
        bare = 'n=,r=' + base64.b64encode(os.urandom(18)).decode()
        first = (header + bare).encode()
        self.send(b'p', (b'SCRAM-SHA-256-PLUS' if plus else b'SCRAM-SHA-256') + b'\0' +
                  struct.pack('!I', len(first)) + first)
        kind, body = self.receive()
        if kind == b'E':
            raise error_of(body)
        server_first = body[4:].decode()
        parts = dict(p.split('=', 1) for p in server_first.split(','))
        salted = hashlib.pbkdf2_hmac('sha256', password.encode(), base64.b64decode(parts['s']), int(parts['i']))
        mac = lambda key, text: hmac.new(key, text.encode(), 'sha256').digest()
        client_key = mac(salted, 'Client Key')
        final = 'c=' + base64.b64encode(header.encode() + end_point).decode() + ',r=' + parts['r']
        everything = f'{bare},{server_first},{final}'
        signature = mac(hashlib.sha256(client_key).digest(), everything)
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self.send(b'p', (final + ',p=' + base64.b64encode(proof).decode()).encode())
        kind, body = self.receive()
        if kind == b'E':
            raise error_of(body)
        expected = base64.b64encode(mac(mac(salted, 'Server Key'), everything)).decode()
        assert body[4:].decode() == 'v=' + expected, 'the server could not prove that it knows the password'

    # --- queries
    def query(self, text):
        self.send(b'Q', text.encode() + b'\0')
        return self.result()

    def result(self):
        rows, error = [], None
        while True:
            kind, body = self.receive()
            if kind == b'D':
                rows.append(body[6:].decode())  # all rows of the probe have one column
            elif kind == b'E':
                error = error_of(body)
                if isinstance(error, Crashed) or error.severity == 'FATAL':
                    raise error
            elif kind == b'Z':
                if error:
                    raise error
                return rows

    def value(self, text):
        return self.query(text)[0]

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def store_words():
    return (os.environ.get('HELIOS_TEST_STORE') or '').split()


def encryption(directory):
    """What a configuration file has to say for an encrypted data directory; '' unless HELIOS_TEST_STORE asks for one."""
    if 'encrypted' not in store_words():
        return ''
    key = directory + '/key'
    if not os.path.exists(key):
        with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), 'w') as f:
            f.write(os.urandom(32).hex() + '\n')
    return f'[encryption]\nenabled = true\nkey_source = {{ File = "{key}" }}\n'


def encryption_flags(directory):
    """The same as flags."""
    text, path = encryption(directory), directory + '/encryption.toml'
    if text:
        with open(path, 'w') as f:
            f.write(text)
    return ['--config', path] if text else []


def where(directory, program):
    """Flags that say where a server keeps its data. HELIOS_TEST_STORE='--cache-size 8MB' (or empty): on a data directory; with
    the word encrypted among them, on an encrypted one. There is a database of the directory's name: none that test/sql looks for."""
    if os.environ.get('HELIOS_TEST_STORE') is None or program == PROBE:
        return ['--memory']
    flags = [w for w in store_words() if w != 'encrypted']
    return ['--data-dir', directory + '/data', '--pid-file', directory + '/heliosdb.pid', *encryption_flags(directory), *flags]


class Server:
    """A server in a directory of its own, in the foreground; errors on its standard error are in .log. It ends with its `with`
    block, and with the test program at the latest."""

    def __init__(self, *flags, program=PROBE, config=None, env=None, wait=True, port=None):
        self.dir = tempfile.mkdtemp(prefix='helios-test-', dir='/tmp')
        self.port = port or free_port()
        self.pid_file = self.dir + '/heliosdb.pid'
        if config is not None:
            with open(self.dir + '/heliosdb.toml', 'w') as f:
                f.write(config + '\n' + encryption(self.dir))
        self.env = dict(os.environ, **(env or {}))
        self.env.pop('HELIOSDB_CONFIG', None)
        self.log_path = self.dir + '/stderr'
        flags = ['--config', self.dir + '/heliosdb.toml', *flags] if config is not None else flags  # instead of that of `where`
        argv = [program, 'start', *where(self.dir, program), '--port', str(self.port), '--unix-socket-dir', self.dir, *flags]
        with open(self.log_path, 'w') as log:
            self.process = subprocess.Popen(argv, cwd=self.dir, env=self.env, stderr=log, stdin=subprocess.DEVNULL)
        atexit.register(self.end)
        if wait:
            wait_until(lambda: 'Server listening' in self.log or self.process.poll() is not None)
            assert self.process.poll() is None, self.log

    @property
    def log(self):
        with open(self.log_path) as f:
            return f.read()

    def connect(self, **kw):
        return Client(self.port).login(**kw)

    def control(self, *argv):
        return run(PROBE, *argv, '--pid-file', self.pid_file, cwd=self.dir)

    def stop(self, signo=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(signo)
        return self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        atexit.unregister(self.end)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def run(*argv, cwd=None, env=None, timeout=60, stdin=None):
    e = dict(os.environ)
    e.pop('HELIOSDB_CONFIG', None)
    e.update(env or {})
    return subprocess.run(argv, cwd=cwd or '/tmp', env=e, timeout=timeout * PATIENCE, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=stdin or subprocess.DEVNULL)


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds * PATIENCE
    while not condition():
        assert time.monotonic() < end, 'waited too long'
        time.sleep(0.005)


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


def unread_bytes(local_port, remote_port):
    """What lies in the kernel for the end of a connection on this machine that has these ports."""
    with open('/proc/net/tcp') as f:
        for line in f.readlines()[1:]:
            fields = line.split()
            ports = [int(fields[i].split(':')[1], 16) for i in (1, 2)]
            if ports == [local_port, remote_port]:
                return int(fields[4].split(':')[1], 16)
    return None


def wait_taken(c):
    """Until the server has read everything that was sent to it."""
    ours, theirs = c.sock.getsockname()[1], c.sock.getpeername()[1]
    wait_until(lambda: unread_bytes(theirs, ours) == 0)


def asleep(pid):
    with open(f'/proc/{pid}/stat') as f:
        return f.read().rsplit(')', 1)[1].split()[0] == 'S'


def wait_busy_asleep(c):
    """Until the backend has read everything and sleeps over it: in SLEEP, in CRITICAL, or for the rest of a message."""
    wait_taken(c)
    wait_until(lambda: asleep(c.pid))


def wait_blocked(c):
    """Until the backend can send no more, because nobody reads."""
    ours, theirs = c.sock.getsockname()[1], c.sock.getpeername()[1]
    wait_until(lambda: unread_bytes(ours, theirs) and asleep(c.pid))


def expect_error(code, call, *args, **kw):
    try:
        call(*args, **kw)
    except PgError as e:
        assert e.code == code, f'expected {code}, got {e}'
        return e
    raise AssertionError(f'expected {code}, but it succeeded')


def make_certificate(directory, name='server', algorithm='sha256'):
    cert, key = f'{directory}/{name}.crt', f'{directory}/{name}.key'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', f'-{algorithm}', '-days', '2', '-subj',
                    '/CN=localhost', '-keyout', key, '-out', cert], check=True, stderr=subprocess.DEVNULL)
    os.chmod(key, 0o600)
    return cert, key


def main(names):
    passed, failed = 0, 0
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    for name, test in list(names.items()):
        if not name.startswith('test_') or only not in name:
            continue
        try:
            test()
            passed += 1
        except Exception:
            failed += 1
            print(f'FAILED {name}')
            traceback.print_exc(file=sys.stdout)
    print(f'{passed} passed, {failed} failed')
    sys.exit(1 if failed or passed == 0 else 0)  # a filter that nothing matches is a mistake
