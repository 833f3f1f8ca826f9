/* sequences.c - nextval and its kin: what a session remembers of the sequences it has used. */
#include "backend/session/session_int.h"

#include "backend/type/aclitem.h"
#include "backend/type/fn_decl.h"
#include "storage/seq/seq.h"

typedef struct SessionSequence SessionSequence;
struct SessionSequence {
    struct SessionSequence *next; /* of the session */
    Oid oid;
    RelationId relation;
    bool has_value; /* nextval or setval was called in this session */
    int64_t value; /* what currval gives */
    int64_t last, increment; /* values cached up to `last` */
    SeqParams params;
};

void
session_forget_sequences(Session *s)
{
    s->sequences = NULL; /* a handful of bytes each, in the session's arena */
    s->last_sequence = OID_NONE;
}

static Status
find_sequence(Session *s, Oid oid, const TableInfo **table, SessionSequence **out)
{
    Ctx *cx = s->cx;
    SessionSequence *q;
    CatalogRow *rows;
    int count;

    TRY(catalog_table_by_oid(cx, oid, LOCK_ROW_EXCLUSIVE, table));
    if (*table == NULL)
        return fail(cx, ST_ERROR, "42P01", "could not open relation with OID %u", oid);
    if ((*table)->kind != TABLE_SEQUENCE)
        return fail(cx, ST_ERROR, "42809", "\"%s\" is not a sequence", (*table)->name);
    for (q = s->sequences; q != NULL && q->oid != oid; q = q->next)
        continue;
    if (q == NULL) {
        q = arena_new(s->arena, SessionSequence);
        q->oid = oid;
        q->next = s->sequences;
        s->sequences = q;
    }
    if (q->relation != (*table)->heap.relation || q->params.increment == 0) {
        const Value *v;

        TRY(catalog_find(cx, CAT_PG_SEQUENCE, COL_PG_SEQUENCE_seqrelid, value_oid(oid), 0, value_null(), &rows,
                         &count));
        if (count != 1)
            return fail(cx, ST_CORRUPT, "XX001", "sequence \"%s\" has no parameters", (*table)->name);
        v = rows[0].values;
        q->params = (SeqParams){.increment = v[COL_PG_SEQUENCE_seqincrement].i64,
                                .min = v[COL_PG_SEQUENCE_seqmin].i64,
                                .max = v[COL_PG_SEQUENCE_seqmax].i64,
                                .cache = v[COL_PG_SEQUENCE_seqcache].i64,
                                .cycle = v[COL_PG_SEQUENCE_seqcycle].b};
        q->relation = (*table)->heap.relation;
        q->last = q->value;
    }
    *out = q;
    return ST_OK;
}

SCALAR_FN(nextval)
{
    Session *s = call->cx->session;
    const TableInfo *t;
    SessionSequence *q;

    if (settings_bool(s->settings, SETTING_TRANSACTION_READ_ONLY))
        return fail(call->cx, ST_ERROR, "25006", "cannot execute nextval() in a read-only transaction");
    TRY(find_sequence(s, args[0].u32, &t, &q));
    TRY(catalog_check_any_privilege(s->cx, t, ACL_USAGE | ACL_UPDATE));
    if (q->has_value && q->last != q->value) {
        q->value += q->params.increment;
    } else {
        int64_t first, last;

        TRY(seq_next(call->cx, t->heap.branch, t->heap.relation, &q->params, t->name, &first, &last));
        q->value = first;
        q->last = last;
    }
    q->has_value = true;
    s->last_sequence = q->oid;
    *out = value_i64(q->value);
    return ST_OK;
}

SCALAR_FN(currval)
{
    Session *s = call->cx->session;
    const TableInfo *t;
    SessionSequence *q;

    TRY(find_sequence(s, args[0].u32, &t, &q));
    TRY(catalog_check_any_privilege(s->cx, t, ACL_USAGE | ACL_SELECT));
    if (!q->has_value)
        return fail(call->cx, ST_ERROR, "55000",
                    "currval of sequence \"%s\" is not yet defined in this session", t->name);
    *out = value_i64(q->value);
    return ST_OK;
}

SCALAR_FN(lastval)
{
    Session *s = call->cx->session;
    const TableInfo *t;
    SessionSequence *q;

    if (s->last_sequence == OID_NONE)
        return fail(call->cx, ST_ERROR, "55000", "lastval is not yet defined in this session");
    TRY(find_sequence(s, s->last_sequence, &t, &q));
    *out = value_i64(q->value);
    return ST_OK;
}

SCALAR_FN(setval)
{
    Session *s = call->cx->session;
    const TableInfo *t;
    SessionSequence *q;
    bool is_called = call->arg_count < 3 || args[2].b;

    if (settings_bool(s->settings, SETTING_TRANSACTION_READ_ONLY))
        return fail(call->cx, ST_ERROR, "25006", "cannot execute setval() in a read-only transaction");
    TRY(find_sequence(s, args[0].u32, &t, &q));
    TRY(catalog_check_privilege(s->cx, t, ACL_UPDATE));
    if (args[1].i64 < q->params.min || args[1].i64 > q->params.max)
        return fail(call->cx, ST_ERROR, "22003",
                    "setval: value %lld is out of bounds for sequence \"%s\" (%lld..%lld)",
                    (long long)args[1].i64, t->name, (long long)q->params.min, (long long)q->params.max);
    TRY(seq_set(call->cx, t->heap.branch, t->heap.relation,
                (SeqState){.last_value = args[1].i64, .is_called = is_called}));
    q->last = q->value = args[1].i64;
    if (is_called)
        q->has_value = true;
    *out = value_i64(args[1].i64);
    return ST_OK;
}
