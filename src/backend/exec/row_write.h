/* src/backend/exec/row_write.h - one row into a table and all its indexes, checks included.
 *
 * Used by INSERT, UPDATE, COPY and by whoever fills tables. */
#ifndef EXEC_ROW_WRITE_H
#define EXEC_ROW_WRITE_H
#include "backend/plan/plan.h"

typedef struct RowWriter RowWriter;

/* checks: over the row (slot i = column i + 1), in the order of table->checks. */
MUST_CHECK Status row_writer_open(Ctx *cx, Arena *arena, const TableInfo *table, Expr *const *checks,
                                  int check_count, int state_count, RowWriter **out);
/* values: one for each column, of the column's type; not null, check and unique violations fail with
 * PostgreSQL's texts and the names of table, column and constraint. */
MUST_CHECK Status row_writer_insert(RowWriter *w, const Value *values, Tid *tid);
/* ON CONFLICT: the row in the way, by one of the arbiters (index numbers), or TID_NONE. */
MUST_CHECK Status row_writer_find_conflict(RowWriter *w, const Value *values, const int *arbiters, int count,
                                           Tid *conflict);
/* Inserts a row that has passed row_writer_check, unless an arbiter refuses it: *conflict then, and nothing has
 * been inserted. Conflicts in other indexes are errors. */
MUST_CHECK Status row_writer_insert_unless(RowWriter *w, const Value *values, const int *arbiters, int count,
                                           Tid *tid, Tid *conflict);
/* Not null and check constraints only. */
MUST_CHECK Status row_writer_check(RowWriter *w, const Value *values);
/* Many rows that have passed row_writer_check: into the heap now, into the indexes at the latest by
 * row_writer_flush. Rows are counted from the last time nothing was queued; *failed: the row an error is
 * about. */
MUST_CHECK Status row_writer_insert_many(RowWriter *w, const Value *values, uint32_t rows, uint32_t *failed);
MUST_CHECK Status row_writer_flush(RowWriter *w, uint32_t *failed);
uint32_t row_writer_queued(const RowWriter *w);
/* touched: per index, whether its keys may have changed. */
MUST_CHECK Status row_writer_update(RowWriter *w, Tid tid, const Snapshot *snapshot, const Value *values,
                                    const bool *touched, bool keys_changed, RowChange *change);
/* Adds index entries for a row that is there already (CREATE INDEX on a filled table). */
MUST_CHECK Status row_writer_index(RowWriter *w, int index_no, const Value *values, Tid tid);
/* The key of a row in one index; *skip when a partial index leaves the row out. */
MUST_CHECK Status row_writer_key(RowWriter *w, int index_no, const Value *values, Buf *key, bool *has_null,
                                 bool *skip);
void row_writer_close(RowWriter *w); /* NULL is fine */

#endif
