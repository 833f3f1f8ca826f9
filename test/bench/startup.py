"""From exec to the first answer, and memory while idle."""
import tempfile, os, shutil, time
from bench import Server, median, table


def run(options):
    rows = []
    for kind, count in (('postgres', 3), ('ours', options.rounds * 5)):
        first, starts, idle = [], [], []
        for _ in range(count):
            base = tempfile.mkdtemp(prefix='helios-bench-', dir='/tmp')
            os.chmod(base, 0o777)
            s = Server(kind, base)
            begin = time.perf_counter()
            s.make()
            made = time.perf_counter() - begin
            starts.append(s.start())
            first.append(made + starts[-1])
            time.sleep(0.3)  # let the processes that are made ahead come to rest before their memory is counted
            idle.append(s.memory())
            s.stop()
            shutil.rmtree(base, ignore_errors=True)
        rows.append([kind, count, f'{median(first) * 1e3:.1f}', f'{median(starts) * 1e3:.1f}', f'{median(idle):.1f}'])
    print('### start-up\n')
    table(['server', 'starts', 'from nothing to `SELECT 1`, ms', 'of that start, ms', 'idle memory (PSS), MiB'], rows)
