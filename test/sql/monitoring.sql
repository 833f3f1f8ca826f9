-- what is counted of a table
create table mo (id int primary key, n int, t text);
create table mo_bare (a int);
insert into mo select i, i % 3, case when i % 4 = 0 then 'four' end from generate_series(1, 40) i;
update mo set n = n + 1 where id <= 6;
update mo set id = id + 100 where id = 7;
delete from mo where id in (8, 9);
-- volatile
select pg_stat_force_next_flush();
select relname, schemaname, n_tup_ins, n_tup_upd, n_tup_del, n_tup_hot_upd, n_mod_since_analyze, n_ins_since_vacuum, last_vacuum, last_analyze, last_autovacuum, last_autoanalyze, vacuum_count, autovacuum_count, analyze_count, autoanalyze_count from pg_stat_user_tables where relname like 'mo%' order by 1;
select n_live_tup, n_dead_tup > 0 from pg_stat_all_tables where relid = 'mo'::regclass;
select idx_scan is null, seq_scan is null from pg_stat_user_tables where relname like 'mo%' order by relname;
vacuum mo;
analyze mo;
-- volatile
select pg_stat_force_next_flush();
select n_live_tup, n_dead_tup, n_mod_since_analyze, n_ins_since_vacuum, last_vacuum > now() - interval '1 hour', last_vacuum <= clock_timestamp(), last_analyze is not null, last_autovacuum, vacuum_count, analyze_count, autovacuum_count, autoanalyze_count from pg_stat_user_tables where relname = 'mo';
truncate mo;
insert into mo values (1, 1, 'a');
-- volatile
select pg_stat_force_next_flush();
select n_tup_ins, n_tup_upd, n_tup_del, vacuum_count from pg_stat_user_tables where relname = 'mo';
select count(*) from pg_stat_sys_tables where relname = 'mo';
select count(*) > 5 from pg_stat_sys_tables where schemaname = 'pg_catalog';
select pg_stat_get_tuples_inserted('mo'::regclass), pg_stat_get_vacuum_count('mo'::regclass), pg_stat_get_tuples_inserted(1), pg_stat_get_last_vacuum_time(1);
select relname, indexrelname, schemaname, idx_scan is null from pg_stat_user_indexes where relname like 'mo%';
-- databases and connections; checksums are on a data directory only
show data_checksums;
select datname = current_database(), numbackends > 0, xact_commit > 0, xact_rollback > 0, blks_hit > 0, tup_inserted > 0, tup_updated > 0, tup_deleted > 0, conflicts, checksum_failures, sessions > 0, stats_reset from pg_stat_database where datname = current_database();
select datid, datname, numbackends from pg_stat_database where datid = 0;
select count(*) = (select count(*) from pg_database) + 1 from pg_stat_database;
select ssl, version, cipher, bits, client_dn, client_serial, issuer_dn from pg_stat_ssl where pid = pg_backend_pid();
select a.pid = pg_backend_pid(), s.ssl from pg_stat_activity a join pg_stat_ssl s using (pid) where a.pid = pg_backend_pid();
-- statistics of columns
create table mo_s (id int, few text, some int, f float8);
insert into mo_s select i, case when i % 10 = 0 then null when i % 2 = 0 then 'even' else 'odd' end, i / 10, i * 1.5 from generate_series(1, 40) i;
analyze mo_s;
select tablename, attname, inherited, null_frac, avg_width, n_distinct, most_common_vals, most_common_freqs, histogram_bounds, correlation, most_common_elems, most_common_elem_freqs, elem_count_histogram from pg_stats where tablename = 'mo_s' order by attname;
select most_common_vals::text::text[] from pg_stats where tablename = 'mo_s' and attname = 'few';
create role mo_r;
set role mo_r;
select count(*) from pg_stats where tablename = 'mo_s';
reset role;
grant select (id) on mo_s to mo_r;
set role mo_r;
select attname from pg_stats where tablename = 'mo_s';
reset role;
drop table mo_s;
drop role mo_r;
select count(*) from pg_stats where tablename = 'mo_s';
select * from pg_user_mappings;
select count(*) from pg_parameter_acl;
