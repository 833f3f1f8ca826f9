-- COPY: formats, options, errors
create table c1 (a int, b text, c numeric(8,3), d date default '2020-02-03', e varchar(5));
copy c1 from stdin;
1	one	1.5	2001-01-01	abc
2	\N	\N	\N	\N
3	tab\tnl\nbs\\cr\rbell\a oct\101 hex\x42	-0.0005	1999-12-31	äöü
4		0	\N	
\.
copy c1 (b, a) from stdin;
five	5
six	6
\.
copy c1 (a, e) from stdin with (delimiter '|', null 'nix');
7|nix
8|\nix
\.
select a, b, c, d, e, length(b) from c1 order by a;
copy c1 to stdout;
copy c1 (e, a) to stdout (delimiter ';', null '-');
copy c1 to stdout (format csv);
copy c1 to stdout with csv header force quote b, e null 'NULL';
copy c1 to stdout (format csv, force_quote *, quote '''', escape '!');
copy c1 to stdout (header);
copy (select 1 as x, 'a' as y union all select 2, 'b' order by 1) to stdout (format csv, header true);
copy (values ('\.'), (''), (null), ('a,b'), ('a"b'), (E'a\nb'), (E'a\rb'), ('  ')) to stdout csv;
copy (values (E'\b\f\n\r\t\v\\\001')) to stdout;
copy (insert into c1 (a) values (9) returning a, d) to stdout;
copy (select a from c1) to stdout (delimiter ',', format text);
copy (select 1.5::float8, true, '{1,2}'::int[], '1 day'::interval, now() is null) to stdout;
-- csv in
create table c2 (a int, b text, c text);
copy c2 from stdin csv;
1,"a","b"
2,"a ""q"" b","x,y"
3,,""
4,"line
two",z
5,a"b"c,"d"e
6, "x" ,  y
7,\.,\N
\.
select a, b, c, b is null as bn, c is null as cn from c2 order by a;
copy c2 from stdin (format csv, quote '''', escape '\', null 'null');
10,'it\'s','a\\b'
11,null,'null'
\.
copy c2 from stdin (format csv, force_not_null (b), force_null (c));
12,,""
13,"",x
\.
select a, b, c, b is null as bn, c is null as cn from c2 where a >= 10 order by a;
copy c2 from stdin (format csv, header);
this,is,skipped
20,x,y
\.
copy c2 from stdin (format csv, header match);
a,b,c
21,x,y
\.
copy c2 from stdin (header match);
a	b	c
22	x	y
\.
copy c2 from stdin (format csv, header match);
a,c,b
23,x,y
\.
copy c2 from stdin (format csv, header match);
a,b
23,x,y
\.
copy c2 from stdin (format csv, header match);
a,,c
23,x,y
\.
select count(*) from c2;
copy c2 from stdin where a > 31;
30	x	y
31	x	y
32	x	y
33	x	y
\.
select a from c2 where a >= 30 order by a;
-- errors in data
copy c1 from stdin;
x	one	1.5	2001-01-01	abc
\.
copy c1 from stdin;
1	one	1.5	2001-01-01	abc
2	one	1.5	2001-01-01	abcdef
\.
copy c1 from stdin;
1	one	123456.5	2001-01-01	abc
\.
copy c1 from stdin;
1	one	1.5	2001-02-30	abc
\.
copy c1 from stdin;
1	one	1.5	2001-01-01
\.
copy c1 from stdin;
1	one	1.5	2001-01-01	a	b
\.
copy c1 from stdin;

\.
copy c1 (a) from stdin;
99999999999
\.
copy c1 (a) from stdin;
-2147483648
+5
 6 
\.
copy c1 (a) from stdin;
\N
\.
copy c1 (b) from stdin;
a\.b
\.
copy c1 (b) from stdin csv;
"unterminated
\.
copy c1 (c) from stdin;
NaN
1e2
.5
5.
-.5
00000000000000000000012345.6789
0.00049999999999999999999
\.
copy c1 (c) from stdin;
Infinity
\.
copy c1 (b) from stdin;
bad \xff byte
\.
-- constraints
create table c3 (a int primary key, b int not null default 7, c text check (length(c) < 4), s serial);
copy c3 (a, c) from stdin;
1	abc
2	ab
\.
copy c3 (a, c) from stdin;
3	ab
1	x
\.
copy c3 (a, c) from stdin;
3	abcd
\.
copy c3 (a, b) from stdin;
3	\N
\.
copy c3 (a, b) from stdin;
\N	1
\.
select * from c3 order by a;
-- option errors
copy c1 from stdin (format nonsense);
copy c1 from stdin (format csv, format csv);
copy c1 from stdin (nonsense);
copy c1 from stdin (delimiter 'ab');
copy c1 from stdin (delimiter E'\n');
copy c1 from stdin (delimiter 'a');
copy c1 from stdin (null E'\n');
copy c1 from stdin (null 'x|', delimiter '|');
copy c1 from stdin (quote 'x');
copy c1 from stdin (escape 'x');
copy c1 from stdin (format csv, quote 'xx');
copy c1 from stdin (format csv, escape 'xx');
copy c1 from stdin (format csv, quote ',');
copy c1 from stdin (format csv, null '"');
copy c1 from stdin (format csv, force_quote (a));
copy c1 from stdin (force_not_null (a));
copy c1 from stdin (force_null (a));
copy c1 to stdout (force_quote (a));
copy c1 to stdout (format csv, force_not_null (a));
copy c1 to stdout (format csv, force_null (a));
copy c1 to stdout (format csv, header match);
copy c1 to stdout (format binary, header);
copy c1 to stdout (format binary, delimiter ',');
copy c1 to stdout (format binary, null 'x');
copy c1 to stdout (header nonsense);
copy c1 to stdout (encoding 'nonsense');
copy c1 to stdout (format csv, force_quote (zzz));
copy c1 (a) to stdout (format csv, force_quote (b));
copy c1 (a) from stdin (format csv, force_null (b));
copy c1 (a, a) from stdin;
copy c1 (zzz) from stdin;
copy zzz from stdin;
copy c1 to stdout where a > 1;
copy c1 from stdin where zzz > 1;
copy c1 from stdin where a;
copy c1 from stdin where sum(a) > 1;
copy c1 from stdin (freeze);
\.
copy (select 1 into zzz) to stdout;
copy (insert into c1 (a) values (1)) to stdout;
create sequence cs;
copy cs from stdin;
\.
copy cs to stdout;
copy c1 from '/nonexistent/file';
copy c1 to 'relative';
-- old syntax
copy c1 (a) to stdout with delimiter ',' null 'z';
copy c1 (a, b) to stdout delimiters ';';
copy c1 (a, b) to stdout with delimiter as '~' csv header quote '^';
-- transactions
begin;
copy c3 (a, c) from stdin;
100	x
\.
select count(*) from c3;
rollback;
select count(*) from c3;
begin;
create table c4 (a int);
copy c4 from stdin (freeze);
1
2
\.
commit;
select * from c4;
begin read only;
copy c4 from stdin;
rollback;
create table c5 ();
copy c5 from stdin;


\.
select count(*) from c5;
copy c5 to stdout;
create table c6 (a int, b bool, c float8, t timestamp, z timestamptz, i interval, y bytea, ch char(4), n numeric, bi bigint, si smallint);
copy c6 from stdin;
1	t	1.5e10	2001-02-03 04:05:06.789	2001-02-03 04:05:06+01	1 day	\\x0102	ab	12345678901234567890.123	9223372036854775807	-32768
2	false	NaN	2001-02-03 24:00:00	infinity	-1 mon	abc	abcd	-0	-9223372036854775808	32767
\.
copy c6 to stdout;
copy c6 (si) from stdin;
32768
\.
copy c6 (bi) from stdin;
9223372036854775808
\.
copy c6 (ch) from stdin;
abcde
\.
copy c6 (ch) from stdin;
abc     
\.
copy c6 (t) from stdin;
2001-02-03 04:05:60
\.
select ch, t from c6 order by a;
