// node-postgres: types, parameters, prepared statements, errors, transactions, many queries in flight, a pool.
const assert = require('assert');
const { Client, Pool } = require('pg');

async function main(connectionString) {
  const c = new Client({ connectionString });
  const notices = [];
  c.on('notice', (n) => notices.push(n.message));
  await c.connect();
  let r = await c.query("SELECT 1 AS one, 2::int8 AS big, 1.50::numeric(5,2) AS num, true AS yes, 'x' AS t, NULL AS n, ARRAY[1,2] AS a, " +
                        "date '2020-02-29' AS d, timestamptz '2020-01-01 10:00+00' AS ts, '\\xff00'::bytea AS b, 1.5::float8 AS f");
  const row = r.rows[0];
  assert.deepStrictEqual([row.one, row.big, row.num, row.yes, row.t, row.n, row.a, row.f], [1, '2', '1.50', true, 'x', null, [1, 2], 1.5]);
  assert.strictEqual(row.ts.toISOString(), '2020-01-01T10:00:00.000Z');
  assert.ok(row.b.equals(Buffer.from([255, 0])));
  assert.deepStrictEqual(r.fields.map((f) => f.dataTypeID), [23, 20, 1700, 16, 25, 25, 1007, 1082, 1184, 17, 701]);

  await c.query('DROP TABLE IF EXISTS nothing_there');
  assert.deepStrictEqual(notices, ['table "nothing_there" does not exist, skipping']);
  await c.query('CREATE TABLE n (id serial PRIMARY KEY, name text UNIQUE, at timestamptz, data bytea, tags text[])');
  const at = new Date('2024-02-29T12:34:56.789Z');
  r = await c.query('INSERT INTO n (name, at, data, tags) VALUES ($1, $2, $3, $4) RETURNING *',
                    ['first', at, Buffer.from([1, 0, 2]), ['a', 'b,"c']]);
  assert.strictEqual(r.rowCount, 1);
  assert.strictEqual(r.rows[0].at.getTime(), at.getTime());
  assert.ok(r.rows[0].data.equals(Buffer.from([1, 0, 2])));
  assert.deepStrictEqual(r.rows[0].tags, ['a', 'b,"c']);
  for (let i = 0; i < 20; i++) {
    r = await c.query({ name: 'by-id', text: 'SELECT name FROM n WHERE id = $1', values: [1] });
    assert.strictEqual(r.rows[0].name, 'first');
  }
  await assert.rejects(c.query('INSERT INTO n (name) VALUES ($1)', ['first']), (e) =>
    e.code === '23505' && e.constraint === 'n_name_key' && e.table === 'n' && e.schema === 'public' && /already exists/.test(e.detail));
  await assert.rejects(c.query('SELECT nme FROM n'), (e) => e.code === '42703' && e.position === '8');
  await assert.rejects(c.query('SELECT $1::int', ['abc']), (e) => e.code === '22P02');

  await c.query('BEGIN');
  await c.query("INSERT INTO n (name) VALUES ('gone')");
  await c.query('ROLLBACK');
  assert.strictEqual((await c.query('SELECT count(*) AS n FROM n')).rows[0].n, '1');
  r = await c.query("SELECT 1 AS a; INSERT INTO n (name) VALUES ('two'); SELECT 2 AS b");
  assert.deepStrictEqual(r.map((x) => x.command), ['SELECT', 'INSERT', 'SELECT']);
  r = await c.query({ text: 'SELECT id, name FROM n ORDER BY id', rowMode: 'array' });
  assert.deepStrictEqual(r.rows.map((x) => x[1]), ['first', 'two']);
  await c.end();

  const pool = new Pool({ connectionString, max: 8 });
  const sums = await Promise.all(Array.from({ length: 200 }, (_, i) => pool.query('SELECT $1::int + $2::int AS s', [i, 1])));
  sums.forEach((x, i) => assert.strictEqual(x.rows[0].s, i + 1));
  await Promise.all(Array.from({ length: 100 }, (_, i) => pool.query('INSERT INTO n (name) VALUES ($1)', ['p' + i])));
  assert.strictEqual((await pool.query('SELECT count(DISTINCT name) AS n FROM n')).rows[0].n, '102');
  await pool.end();
}

main(process.argv[2]).then(() => console.log('ok'), (e) => { console.error(e); process.exit(1); });
