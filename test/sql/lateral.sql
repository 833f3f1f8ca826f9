create table la (id int primary key, n int);
create table lb (id int primary key, a_id int, v text);
create table lc (id int primary key, b_id int, w int);
insert into la values (1, 2), (2, 1), (3, 3), (4, null);
insert into lb values (10, 1, 'x'), (11, 1, 'y'), (12, 1, 'z'), (13, 2, 'p'), (14, 2, 'q'), (15, 9, 'r');
insert into lc values (100, 10, 5), (101, 10, 6), (102, 11, 7), (103, 14, 8);
create index lb_a on lb (a_id);
-- the newest few of each, and those that have none
select a.id, x.v from la a left join lateral (select b.v from lb b where b.a_id = a.id order by b.v desc limit 2) x on true order by 1, 2;
select a.id, x.v from la a left join lateral (select b.v from lb b where b.a_id = a.id order by b.v desc limit a.n) x on true order by 1, 2;
select a.id, x.c, x.m from la a left join lateral (select count(*) as c, max(b.v) as m from lb b where b.a_id = a.id) x on true order by 1;
select a.id, x.c from la a left join lateral (select count(*) as c from lb b where b.a_id = a.id) x on x.c > 0 order by 1;
select a.id, x.c from la a left join lateral (select count(*) as c from lb b where b.a_id = a.id) x on x.c = a.n order by 1;
select a.id, x.v from la a left join lateral (select b.v from lb b where b.a_id = a.id) x on x.v > 'x' where a.id < 3 order by 1, 2;
select a.id, x.v from la a left join lateral (select b.v from lb b where b.a_id = a.id) x on true where x.v is null order by 1;
-- functions
select a.id, g from la a left join lateral generate_series(1, a.n) g on true order by 1, 2;
select a.id, g from la a left join generate_series(1, a.n) g on g > 1 order by 1, 2;
select a.id, u.e, u.o from la a left join unnest(array[a.id, a.n]) with ordinality u(e, o) on true order by 1, 3;
-- several, one inside the other, beside other joins
select a.id, x.id, y.w from la a left join lateral (select b.id from lb b where b.a_id = a.id order by b.id limit 2) x on true left join lateral (select c.w from lc c where c.b_id = x.id) y on true order by 1, 2, 3;
select a.id, x.id, x.w from la a left join lateral (select b.id, y.w from lb b left join lateral (select c.w from lc c where c.b_id = b.id and c.w > a.n) y on true where b.a_id = a.id) x on true order by 1, 2, 3;
select a.id, x.id, y.w from la a left join (lb x left join lateral (select c.w from lc c where c.b_id = x.id) y on true) on x.a_id = a.id order by 1, 2, 3;
select a.id, b.id, y.w from la a join lb b on b.a_id = a.id left join lateral (select c.w + a.n as w from lc c where c.b_id = b.id) y on true order by 1, 2, 3;
select a.id, b.id, y.w from la a, lb b left join lateral (select c.w from lc c where c.b_id = b.id) y on true where b.a_id = a.id order by 1, 2, 3;
select a.id, y.s from la a cross join lateral (select sum(z.w) as s from lb b left join lateral (select c.w from lc c where c.b_id = b.id) z on true where b.a_id = a.id) y order by 1;
select a.id, q.v, q.w from la a left join lateral (select b.v, c.w from lb b join lc c on c.b_id = b.id where b.a_id = a.id) q on true order by 1, 2, 3;
select a.id, q.v, q.w from la a left join lateral (select b.v, c.w from lb b left join lc c on c.b_id = b.id and c.w > a.n + 3 where b.a_id = a.id) q on true order by 1, 2, 3;
select a.id, p.k, p.j from la a, lateral (select a.n as k) k1 left join lateral (select k1.k, a.id as j) p on p.k > 1 order by 1;
select a.id, p.m from la a left join (lateral (select a.n * 2 as n2) x join lateral (select x.n2 + a.id as m) p on true) on true order by 1;
select a.id, p.m from la a left join (lateral (select a.n * 2 as n2) x left join lateral (select x.n2 + a.id as m) p on p.m > 5) on x.n2 > 2 order by 1;
select a.id, x.id, t.w from la a left join lateral (select * from lb b where b.a_id = a.id) x left join lateral (select c.w from lc c where c.b_id = x.id and c.w > a.n) t on true on x.id > 10 order by 1, 2, 3;
select a.id, (select max(x.v) from lb b0 left join lateral (select b.v from lb b where b.a_id = a.id and b.id >= b0.id) x on true) from la a order by 1;
select a.id from la a where exists (select 1 from lb b left join lateral (select c.w from lc c where c.b_id = b.id) y on true where b.a_id = a.id and y.w is null) order by 1;
select count(*) from la a left join lateral (select b1.id from lb b1 full join lb b2 on b1.id = b2.id + a.n) x on true;
select a.id, x.w from la a left join lateral (with s as (select c.w from lc c, lb b where c.b_id = b.id and b.a_id = a.id) select w from s) x on true order by 1, 2;
prepare lp (int) as select a.id, x.v from la a left join lateral (select b.v from lb b where b.a_id = a.id and b.id > $1) x on true order by 1, 2;
execute lp (11);
execute lp (0);
update la set n = 10 from lb b left join lateral (select c.w from lc c where c.b_id = b.id) y on true where la.id = b.a_id and y.w = 8 returning la.id, y.w;
-- what may not be seen
select 1 from la a right join lateral (select b.v from lb b where b.a_id = a.id) x on true;
select 1 from la a full join lateral (select b.v from lb b where b.a_id = a.id) x on true;
select a.id, x.v from la a right join lateral (select b.v from lb b where b.id = 10) x on true where a.id = 1;
select 1 from la a left join (select b.v from lb b where b.a_id = a.id) x on true;
select 1 from lateral (select a.id) x left join la a on true;
select 1 from la a full join generate_series(1, a.id) g on true;
select 1 from (la a right join lb b on true) left join lateral (select a.id) x on true limit 1;
select 1 from la a full join (lb b cross join lateral (select a.id) x) on true;
