# From text to rows: parse, bind, plan, exec, with the catalog and the commands around them.
noinst_LIBRARIES += libsql.a
libsql_a_SOURCES = \
	src/backend/parse/ast.h src/backend/parse/grammar.c src/backend/parse/literals.c src/backend/parse/literals.h \
	src/backend/parse/parse.h src/backend/parse/parse_int.h src/backend/parse/pg_nodes.h src/backend/parse/refused.def \
	src/backend/parse/tree.c src/backend/parse/tree_define.c src/backend/parse/tree_expr.c src/backend/parse/tree_query.c \
	src/backend/parse/tree_role.c src/backend/parse/tree_utility.c \
	src/backend/bind/bind.h src/backend/bind/bind_int.h \
	src/backend/bind/bind_clause.c src/backend/bind/bind_column.c src/backend/bind/bind_compare.c \
	src/backend/bind/bind_conflict.c src/backend/bind/bind_cte.c \
	src/backend/bind/bind_dml.c src/backend/bind/bind_expr.c src/backend/bind/bind_from.c \
	src/backend/bind/bind_func.c src/backend/bind/bind_select.c src/backend/bind/bind_table_expr.c src/backend/bind/bind_type.c \
	src/backend/bind/bind_privilege.c src/backend/bind/coerce.c src/backend/bind/deparse.c \
	src/backend/bind/expr.c src/backend/bind/expr.h \
	src/backend/bind/query.h \
	src/backend/plan/plan.c src/backend/plan/plan.h src/backend/plan/plan_int.h \
	src/backend/plan/plan_agg.c src/backend/plan/plan_cte.c src/backend/plan/plan_order.c src/backend/plan/plan_expr.c src/backend/plan/plan_from.c \
	src/backend/plan/plan_marks.c src/backend/plan/plan_modify.c \
	src/backend/plan/plan_scan.c src/backend/plan/scan_tests.c \
	src/backend/exec/arrays.c src/backend/exec/arrays.h \
	src/backend/exec/eval.c src/backend/exec/eval.h src/backend/exec/eval_array.c \
	src/backend/exec/exec.c src/backend/exec/exec.h src/backend/exec/exec_int.h \
	src/backend/exec/group_cache.c src/backend/exec/group_cache.h \
	src/backend/exec/index_queue.c src/backend/exec/index_queue.h \
	src/backend/exec/heap_read.c src/backend/exec/heap_read.h \
	src/backend/exec/key.c src/backend/exec/key.h src/backend/exec/key_set.c src/backend/exec/key_set.h \
	src/backend/exec/key_sort.c src/backend/exec/key_sort.h \
	src/backend/exec/op_agg.c src/backend/exec/op_cte.c src/backend/exec/op_join.c src/backend/exec/op_modify.c \
	src/backend/exec/op_rows.c src/backend/exec/op_scan.c src/backend/exec/op_set.c \
	src/backend/exec/op_simple.c src/backend/exec/op_sort.c \
	src/backend/exec/page_rows.c src/backend/exec/page_rows.h src/backend/exec/page_tests.c src/backend/exec/page_tests.h \
	src/backend/exec/row_block.c src/backend/exec/row_block.h \
	src/backend/exec/row_list.c src/backend/exec/row_list.h \
	src/backend/exec/row_parts.c src/backend/exec/row_parts.h \
	src/backend/exec/row_runs.c src/backend/exec/row_runs.h \
	src/backend/exec/row_sort.c src/backend/exec/row_sort.h \
	src/backend/exec/row_store.c src/backend/exec/row_store.h \
	src/backend/exec/row_write.c src/backend/exec/row_write.h \
	src/backend/exec/subplan.c src/backend/exec/subplan.h \
	src/backend/exec/vectors.c \
	src/backend/catalog/catalog.c src/backend/catalog/catalog.h src/backend/catalog/catalog_int.h \
	src/backend/catalog/catalog_cache.c src/backend/catalog/catalog_defs.c \
	src/backend/catalog/catalog_funcs.c src/backend/catalog/catalog_indexes.def \
	src/backend/catalog/access.c src/backend/catalog/acl.c src/backend/catalog/acl.h src/backend/catalog/privilege_funcs.c src/backend/catalog/function_funcs.c src/backend/catalog/object_funcs.c src/backend/catalog/stat_funcs.c src/backend/catalog/size_funcs.c src/backend/catalog/storage_owner.c src/backend/catalog/catalog_rows.c src/backend/catalog/rel_options.c src/backend/catalog/rel_options.h src/backend/catalog/rel_options.def \
	src/backend/catalog/catalogs.def \
	src/backend/catalog/catalog_vectors.c src/backend/catalog/static_rows.c \
	src/backend/catalog/system_relations.c src/backend/catalog/system_tables.h \
	src/backend/catalog/system_views.def src/backend/session/stat_tables.c src/backend/session/stat_tables.h src/backend/session/system_tables.c \
	src/backend/catalog/table.h \
	src/backend/command/command.h src/backend/command/ddl.h src/backend/command/utility.h \
	src/backend/command/alter_drop.c src/backend/command/alter_rename.c src/backend/command/alter_table.c \
	src/backend/command/analyze.c src/backend/command/check.c src/backend/command/check.h src/backend/command/upkeep.c src/backend/command/upkeep.h src/backend/command/reindex.c src/backend/command/vacuum.c \
	src/backend/command/explain.c src/backend/command/explain.h src/backend/command/explain_format.c \
	src/backend/command/explain_format.h src/backend/command/explain_names.c src/backend/command/explain_node.c src/backend/command/explain_node.h src/backend/command/explain_property.c \
	src/backend/command/comment.c src/backend/command/create_as.c src/backend/command/temp.c \
	src/backend/command/grant.c src/backend/command/grant.h src/backend/command/grant_role.c \
	src/backend/command/database.c src/backend/command/object_lock.c src/backend/command/object_lock.h src/backend/command/role.c \
	src/backend/command/copy.c src/backend/command/copy_convert.c src/backend/command/copy_convert.h \
	src/backend/command/copy_from.c src/backend/command/copy_int.h src/backend/command/copy_options.c \
	src/backend/command/copy_reader.c src/backend/command/copy_reader.h src/backend/command/copy_to.c \
	src/backend/command/ddl_check.c src/backend/command/ddl_column.c src/backend/command/ddl_drop.c src/backend/command/ddl_index.c src/backend/command/ddl_options.c \
	src/backend/command/ddl_rewrite.c src/backend/command/ddl_rows.c src/backend/command/ddl_sequence.c src/backend/command/ddl_table.c \
	src/backend/command/index_build.c src/backend/command/utility.c src/backend/command/utility_more.c \
	src/backend/session/admin_funcs.c src/backend/session/session.h src/backend/session/session_int.h \
	src/backend/session/cursor.c src/backend/session/cursor.h \
	src/backend/session/door_session.c src/backend/session/door_session.h \
	src/backend/session/funcs_session.def \
	src/backend/session/names.c \
	src/backend/session/protocol.c src/backend/session/protocol.h \
	src/backend/session/prepared.c src/backend/session/portal.c src/backend/session/run.c src/backend/session/run_int.h src/backend/session/run_kept.c src/backend/session/sequences.c src/backend/session/session.c \
	src/backend/session/damage.c src/backend/session/session_funcs.c src/backend/session/session_log.c src/backend/session/statement_cache.c src/backend/session/statement_cache.h src/backend/session/transaction.c
libsql_a_CPPFLAGS = $(AM_CPPFLAGS) -isystem $(PG_HEADERS)
# The tables of functions name functions of both libraries, so the two need each other.
SQL_LIBS = libsql.a libdoor.a libtype.a libsql.a libtype.a libdoor.a libauth.a libwire.a $(CONFIG_LIBS) $(STORAGE_LIBS) \
	$(OPENSSL_LIBS) -lpg_query $(TYPE_LIBS)
