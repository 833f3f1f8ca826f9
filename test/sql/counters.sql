-- the shape of the views that count
select * from pg_stat_bgwriter where false;
select * from pg_stat_wal where false;
select * from pg_stat_archiver where false;
select * from pg_stat_database where false;
select * from pg_stat_all_tables where false;
select * from pg_stat_all_indexes where false;
select * from pg_statio_all_tables where false;
select * from pg_statio_user_tables where false;
select * from pg_statio_sys_tables where false;
select * from pg_statio_all_indexes where false;
select * from pg_statio_user_indexes where false;
select * from pg_statio_sys_indexes where false;
select * from pg_statio_all_sequences where false;
select * from pg_statio_user_sequences where false;
select * from pg_statio_sys_sequences where false;
-- how tables are read
create table ct (id int, t text);
insert into ct select i, 'row' || i from generate_series(1, 5000) i;
select count(*) from ct;
select count(*) from ct where t like '%7';
-- volatile
select pg_stat_force_next_flush();
select seq_scan, seq_tup_read, idx_scan, idx_tup_fetch from pg_stat_user_tables where relname = 'ct';
create unique index ct_id on ct (id);
set enable_seqscan = off;
set enable_bitmapscan = off;
set enable_indexonlyscan = off;
select t from ct where id = 77;
select count(t) from ct where id between 10 and 19;
select t from ct where id = 9999;
delete from ct where id = 12;
select count(t) from ct where id between 10 and 19;
-- volatile
select pg_stat_force_next_flush();
select seq_scan, seq_tup_read, idx_scan, idx_tup_fetch from pg_stat_user_tables where relname = 'ct';
select indexrelname, idx_scan, idx_tup_fetch from pg_stat_user_indexes where relname = 'ct';
select heap_blks_hit > 0, heap_blks_read >= 0, idx_blks_hit > 0, idx_blks_read >= 0 from pg_statio_user_tables where relname = 'ct';
select indexrelname, idx_blks_hit > 0 from pg_statio_user_indexes where relname = 'ct';
select pg_stat_get_numscans('ct_id'::regclass), pg_stat_get_tuples_fetched('ct_id'::regclass), pg_stat_get_blocks_fetched('ct'::regclass) >= pg_stat_get_blocks_hit('ct'::regclass), pg_stat_get_blocks_hit(1), pg_stat_get_numscans(1);
-- storage that is made anew goes on counting
truncate ct;
-- volatile
select pg_stat_force_next_flush();
select seq_scan >= 3, seq_tup_read, idx_scan from pg_stat_user_tables where relname = 'ct';
create sequence cs;
select nextval('cs');
-- volatile
select pg_stat_force_next_flush();
select relname, blks_hit > 0 from pg_statio_user_sequences where relname = 'cs';
-- the database
select tup_returned > 10000, tup_fetched > 10, active_time > 0, session_time > 0, idle_in_transaction_time >= 0, sessions_fatal >= 0, sessions_killed >= 0, sessions_abandoned >= 0, blk_read_time, blk_write_time from pg_stat_database where datname = current_database();
-- beginning anew
select pg_stat_reset();
select seq_scan, seq_tup_read, idx_scan, idx_tup_fetch, n_tup_ins, n_tup_del from pg_stat_user_tables where relname = 'ct';
select stats_reset > now() - interval '1 hour', tup_returned < 10000 from pg_stat_database where datname = current_database();
select pg_stat_reset_shared('bgwriter');
select pg_stat_reset_shared('wal');
select pg_stat_reset_shared('archiver');
select pg_stat_reset_shared('nonsense');
select pg_stat_reset_shared(null);
select stats_reset > now() - interval '1 hour' from pg_stat_bgwriter;
select stats_reset > now() - interval '1 hour' from pg_stat_wal;
select archived_count, last_archived_wal, failed_count, last_failed_wal from pg_stat_archiver;
create role ct_r;
set role ct_r;
-- volatile
select pg_stat_reset();
-- volatile
select pg_stat_reset_shared('wal');
reset role;
drop role ct_r;
drop table ct;
drop sequence cs;
