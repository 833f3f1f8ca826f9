-- What works on many rows at once: index builds, COPY and INSERT into indexes, aggregates over pages, orders.
create table big (id int, grp int, num numeric(12,2), code char(1), name text, day date, wide int8);
insert into big select i, i % 7, (i * 37 % 1000)::numeric / 100, chr(65 + i % 3), 'name ' || (i * 7919 % 10007) % 500 || repeat('x', i % 20), date '2020-01-01' + i % 365, i::int8 * 1000000007 from generate_series(1, 20000) i;
update big set grp = null where id % 11 = 0;
update big set name = null where id % 13 = 0;
-- builds with prefixes that end where pages do
create table runs (a int8, b int8, c int);
insert into runs select i / 421, 0, 1000 + i from generate_series(1, 12000) i;
create index runs_abc on runs (a, b, c);
create index runs_ba on runs (b, a);
select count(*), sum(c) from runs where a = 7;
select count(*), sum(c) from runs where a = 11 and b = 0 and c between 4700 and 4800;
select c from runs where a = 28 order by c limit 3;
create index big_grp on big (grp);
create index big_name on big (name desc, id);
create index big_day on big (day, wide desc nulls last);
create unique index big_id on big (id);
create index big_expr on big ((id % 100));
create index big_part on big (grp) where code = 'B';
select count(*), sum(id) from big where grp = 3;
select count(*), sum(id) from big where grp is null;
select count(*), min(id), max(id) from big where name = 'name 77xxx';
select count(*) from big where name >= 'name 400' and name < 'name 5';
select id from big where day = '2020-03-01' order by wide desc limit 3;
select count(*) from big where id % 100 = 42;
select count(*) from big where grp = 2 and code = 'B';
-- volatile
create unique index big_dup on big (day);
-- volatile
create unique index big_dup on big (grp, code, name);
insert into big (id) values (17);
insert into big (id) values (20001);
insert into runs values (100, 0, 100), (100, 0, 100);
create unique index runs_dup on runs (c, b);
drop table runs;
