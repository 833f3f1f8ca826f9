"""pgbench's own scripts in turns on both servers: transactions per second, server processor time for each."""
import os, re, subprocess
from bench import PGBIN, Pair, median, table


def one(server, script, protocol, clients, seconds):
    """(transactions per second, microseconds of server processor time for one)"""
    cpu = server.cpu()
    p = subprocess.run([PGBIN + '/pgbench', '-n', '-b', script, '-M', protocol, '-c', str(clients), '-j', str(min(clients, 2)),
                        '-T', str(seconds), server.url], capture_output=True, text=True)
    tps = re.search(r'^tps = ([\d.]+)', p.stdout, re.M)
    done = re.search(r'transactions actually processed: (\d+)', p.stdout)
    if p.returncode or not tps:
        raise RuntimeError(p.stderr.strip()[-100:])
    return float(tps[1]), (server.cpu() - cpu) / max(1, int(done[1])) * 1e6


def run(options):
    rows = []
    with Pair(options.cache) as pair:
        for s in pair.servers:
            subprocess.run([PGBIN + '/pgbench', '-i', '-q', '-s', str(options.scale), s.url], check=True,
                           capture_output=True)
        for script in ('select-only', 'tpcb-like', 'simple-update'):
            for protocol in ('simple', 'extended', 'prepared'):
                for clients in (1, 4, 16):
                    tps, cpu, ratios = [[], []], [[], []], []
                    for _ in range(options.rounds):
                        got = [one(s, script, protocol, clients, options.seconds) for s in pair.servers]
                        for i in (0, 1):
                            tps[i].append(got[i][0])
                            cpu[i].append(got[i][1])
                        ratios.append(got[1][0] / got[0][0])
                    rows.append([script, protocol, clients, f'{median(tps[0]):.0f}', f'{median(tps[1]):.0f}',
                                 f'**{median(ratios):.2f}**', f'{median(cpu[0]):.0f}', f'{median(cpu[1]):.0f}',
                                 f'**{median(cpu[0]) / median(cpu[1]):.2f}**'])
        memory = [f'{s.memory():.0f}' for s in pair.servers]
        size = []
        for s in pair.servers:
            out = s.psql('-c', "select pg_relation_size('pgbench_accounts') + pg_indexes_size('pgbench_accounts')").stdout
            size.append(int(out) / (options.scale * 100000))
    print(f'### pgbench, scale {options.scale}, {options.seconds} s, {options.rounds} pairs{options.where}\n')
    table(['script', 'protocol', 'clients', 'PostgreSQL tps', 'ours', 'ratio', 'PostgreSQL server us/tx', 'ours', 'ratio'], rows)
    print(f'memory after it (PSS, MiB): PostgreSQL {memory[0]}, ours {memory[1]}; bytes of pgbench_accounts and its '
          f'index for each row: {size[0]:.1f}, {size[1]:.1f}\n')
