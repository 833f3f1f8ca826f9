/* database.c - CREATE, DROP and RENAME DATABASE.
 *
 * A database is a branch of pages and a row in pg_database. A new one begins empty but for its schema public:
 * everything built in is compiled into the program, so there is nothing to copy from a template. */
#include "backend/command/ddl.h"

#include "backend/catalog/acl.h"
#include "backend/command/command.h"
#include "backend/command/object_lock.h"
#include "base/env.h"
#include "shmem/proc/proc.h"
#include "storage/engine/engine.h"

#include <strings.h>

enum { OTHERS_WAIT_US = 5000000, OTHERS_NAP_US = 20000 };

static Status
database_row(Ctx *cx, const char *name, Value **values, Tid *tid)
{
    CatalogRow *rows;
    int count;

    *values = NULL;
    if (strlen(name) > NAME_MOST_BYTES)
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_DATABASE, COL_PG_DATABASE_datname, value_name(cx, name), 0, value_null(), &rows,
                     &count));
    if (count > 0) {
        *values = arena_memdup(cx->arena, rows[0].values, sizeof(Value) * COL_PG_DATABASE_COUNT_);
        *tid = rows[0].tid;
    }
    return ST_OK;
}

static Status
lock_database_name(Ctx *cx, const char *name)
{
    return object_lock_name(cx, BRANCH_SHARED, CATALOG_OID_PG_DATABASE, OID_NONE, name);
}

static LockKey
database_key(Oid database)
{
    return object_lock_key(BRANCH_SHARED, CATALOG_OID_PG_DATABASE, database);
}

Status
database_lock(Ctx *cx, Oid database, LockMode mode)
{
    return lock_acquire(cx, database_key(database), mode, LOCK_SPAN_TRANSACTION, false);
}

Status
database_try_lock(Ctx *cx, Oid database, LockMode mode, bool *granted)
{
    return lock_try(cx, database_key(database), mode, LOCK_SPAN_TRANSACTION, granted);
}

static Status
refuse_block(Session *s, const char *what)
{
    if (s->state != TRANSACTION_BLOCK)
        return ST_OK;
    return fail(s->cx, ST_ERROR, "25001", "%s cannot run inside a transaction block", what);
}

static Status
may_create_databases(Ctx *cx, bool *may)
{
    CatalogRow *rows;
    int count;

    *may = catalog_is_superuser(cx);
    if (*may)
        return ST_OK;
    TRY(catalog_find(cx, CAT_PG_AUTHID, COL_PG_AUTHID_oid, value_oid(catalog_role(cx)), 0, value_null(), &rows,
                     &count));
    *may = count > 0 && rows[0].values[COL_PG_AUTHID_rolcreatedb].b;
    return ST_OK;
}

/* ---- CREATE -------------------------------------------------------------------------------------------------------- */

typedef struct NewDatabase {
    const char *name;
    Oid owner;
    const char *owner_name; /* as given; NULL: whoever makes it */
    const char *template_name; /* "template1" if nothing is said */
    bool is_template, allow_connections;
    int connection_limit;
} NewDatabase;

static const char *
option_text(const AstDefElem *d)
{
    if (d->value == NULL || d->value->kind == AST_DEFAULT)
        return NULL; /* DEFAULT */
    if (d->value->kind == AST_STRING)
        return ((const AstString *)d->value)->text;
    return d->value->kind == AST_CONST ? ((const AstConst *)d->value)->text : NULL;
}

static bool
is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcasecmp(text, *words) == 0)
            return true;
    }
    return false;
}

static Status
option_bool(Ctx *cx, const AstDefElem *d, bool *out)
{
    const AstConst *k = (const AstConst *)d->value;
    const char *text = option_text(d);

    if (text == NULL && k != NULL && k->ast.kind == AST_CONST && (k->integer & ~1) == 0)
        text = k->integer != 0 ? "true" : "false";
    *out = text != NULL && is_one_of(text, (const char *const[]){"true", "on", NULL});
    if (*out || (text != NULL && is_one_of(text, (const char *const[]){"false", "off", NULL})))
        return ST_OK;
    return fail(cx, ST_ERROR, "42601", "%s requires a Boolean value", d->name);
}

/* What PostgreSQL lets one choose and we have in one kind only. */
static Status
check_fixed(Ctx *cx, const AstDefElem *d, bool *known)
{
    static const struct {
        const char *option;
        const char *const words[8];
    } fixed[] = {
        {"encoding", {"utf8", "utf-8", "unicode", NULL}},
        {"locale", {"C", "C.UTF-8", "C.utf8", "POSIX", NULL}},
        {"lc_collate", {"C", "C.UTF-8", "C.utf8", "POSIX", NULL}},
        {"lc_ctype", {"C", "C.UTF-8", "C.utf8", "POSIX", NULL}},
        {"locale_provider", {"libc", NULL}},
        {"tablespace", {"pg_default", NULL}},
        {"strategy", {"wal_log", "file_copy", NULL}},
    };
    const char *text = option_text(d);

    *known = false;
    for (size_t i = 0; i < COUNT_OF(fixed); i++) {
        if (strcmp(d->name, fixed[i].option) != 0)
            continue;
        *known = true;
        if (strcmp(d->name, "encoding") == 0 && d->value != NULL && d->value->kind == AST_CONST &&
            ((const AstConst *)d->value)->const_kind == CONST_INT && ((const AstConst *)d->value)->integer == 6)
            return ST_OK;
        if (text != NULL && !is_one_of(text, fixed[i].words))
            return fail_unsupported(cx, d->ast.location,
                                    arena_printf(cx->arena, "CREATE DATABASE with %s \"%s\"", d->name, text));
    }
    return ST_OK;
}

static Status
read_option(Ctx *cx, const AstDefElem *d, NewDatabase *n)
{
    const char *text = option_text(d);
    bool known;

    if (strcmp(d->name, "template") == 0) {
        if (text != NULL)
            n->template_name = text;
        return ST_OK;
    }
    TRY(check_fixed(cx, d, &known));
    if (known)
        return ST_OK;
    if (strcmp(d->name, "owner") == 0) {
        if (text == NULL)
            return ST_OK;
        if (strcmp(text, "current_user") != 0)
            TRY(catalog_find_role(cx, text, &n->owner));
        if (n->owner == OID_NONE)
            return fail(cx, ST_ERROR, "42704", "role \"%s\" does not exist", text);
        n->owner_name = text;
        return ST_OK;
    }
    if (strcmp(d->name, "connection_limit") == 0) {
        n->connection_limit = d->value != NULL ? ((const AstConst *)d->value)->integer : -1;
        if (n->connection_limit < -1)
            return fail(cx, ST_ERROR, "22023", "invalid connection limit: %d", n->connection_limit);
        return ST_OK;
    }
    if (strcmp(d->name, "is_template") == 0)
        return option_bool(cx, d, &n->is_template);
    if (strcmp(d->name, "allow_connections") == 0)
        return option_bool(cx, d, &n->allow_connections);
    if (strcmp(d->name, "icu_locale") == 0 || strcmp(d->name, "collation_version") == 0 ||
        strcmp(d->name, "oid") == 0)
        return fail_unsupported(cx, d->ast.location,
                                arena_printf(cx->arena, "CREATE DATABASE with %s", d->name));
    return fail_at(cx, d->ast.location, "42601", "option \"%s\" not recognized", d->name);
}

/* The row stays: nobody drops or renames the database until we have ended. */
static Status
hold_template(Ctx *cx, const char *name, Value **row)
{
    Oid before = OID_NONE;
    Tid tid;

    for (;;) {
        Oid oid;

        TRY(database_row(cx, name, row, &tid));
        if (*row == NULL)
            return fail(cx, ST_ERROR, "3D000", "template database \"%s\" does not exist", name);
        oid = (*row)[COL_PG_DATABASE_oid].u32;
        if (oid == before)
            return ST_OK;
        TRY(database_lock(cx, oid, LOCK_ACCESS_SHARE));
        before = oid;
    }
}

/* The template as it is now, which stays in use; one that nobody has changed is as good as new. */
static Status
make_branch(Ctx *cx, const NewDatabase *n, BranchId *out)
{
    bool as_new, may;
    BranchId branch;
    Value *row;

    TRY(hold_template(cx, n->template_name, &row));
    branch = row[COL_PG_DATABASE_datfrozenxid].u32;
    if (!row[COL_PG_DATABASE_datistemplate].b) {
        TRY(acl_has_owner(cx, row[COL_PG_DATABASE_datdba].u32, &may));
        if (!may)
            return fail(cx, ST_ERROR, "42501", "permission denied to copy database \"%s\"", n->template_name);
    }
    TRY(catalog_is_as_filled(cx, branch, &as_new));
    if (!as_new)
        return engine_branch_fork(cx, branch, out);
    TRY(engine_branch_create(cx, out));
    return catalog_fill_database(cx, *out);
}

static Status
create_database(Session *s, const AstDatabase *a)
{
    Ctx *cx = s->cx;
    NewDatabase n = {.name = ddl_name(cx, a->name),
                     .owner = catalog_role(cx),
                     .template_name = "template1",
                     .allow_connections = true,
                     .connection_limit = -1};
    BranchId branch;
    Value *row;
    Tid tid;
    bool may;

    TRY(refuse_block(s, "CREATE DATABASE"));
    for (int i = 0; i < a->options.count; i++) {
        const AstDefElem *d = (const AstDefElem *)a->options.items[i];

        for (int k = 0; k < i; k++) {
            if (strcmp(((const AstDefElem *)a->options.items[k])->name, d->name) == 0)
                return fail_at(cx, d->ast.location, "42601", "conflicting or redundant options");
        }
        TRY(read_option(cx, d, &n));
    }
    TRY(may_create_databases(cx, &may));
    if (!may)
        return fail(cx, ST_ERROR, "42501", "permission denied to create database");
    TRY(acl_is_member(cx, catalog_role(cx), n.owner, false, &may));
    if (!may)
        return fail(cx, ST_ERROR, "42501", "must be member of role \"%s\"", n.owner_name);
    TRY(lock_database_name(cx, n.name));
    TRY(database_row(cx, n.name, &row, &tid));
    if (row != NULL)
        return fail(cx, ST_ERROR, "42P04", "database \"%s\" already exists", n.name);
    TRY(object_hold_role(cx, n.owner));
    TRY(make_branch(cx, &n, &branch));
    TRY(catalog_insert_database(cx, engine_next_oid(cx), n.name, n.owner, branch, n.is_template,
                                n.allow_connections));
    catalog_changed(cx, BRANCH_SHARED, OID_NONE);
    if (n.connection_limit == -1)
        return ST_OK;
    TRY(database_row(cx, n.name, &row, &tid));
    row[COL_PG_DATABASE_datconnlimit] = value_i32(n.connection_limit);
    return catalog_update(cx, CAT_PG_DATABASE, tid, row);
}

/* ---- DROP, RENAME ----------------------------------------------------------------------------------------------------- */

static int
count_others(Ctx *cx, Oid database, bool terminate)
{
    ProcTable *procs = proc_table(cx->engine);
    int count = 0;

    for (uint32_t i = 0; i < proc_slot_count(procs); i++) {
        Activity a;

        if (i == proc_no(cx->proc) || !proc_activity_read(procs, i, &a) || a.database_oid != database)
            continue;
        count++;
        if (terminate)
            (void)proc_interrupt_pid(procs, a.pid, INTERRUPT_TERMINATE);
    }
    return count;
}

/* Clients that have just said goodbye may still be on their way out: they get a moment. */
static Status
refuse_others(Ctx *cx, Oid database, const char *name, bool terminate)
{
    uint64_t end = env_mono_us(cx->env) + OTHERS_WAIT_US;
    int count = count_others(cx, database, terminate);
    Status rc;

    while (count > 0 && env_mono_us(cx->env) < end) {
        TRY(ctx_poll(cx));
        proc_sleep(cx, cx->proc, env_mono_us(cx->env) + OTHERS_NAP_US);
        count = count_others(cx, database, false);
    }
    if (count == 0)
        return ST_OK;
    rc = fail(cx, ST_ERROR, "55006", "database \"%s\" is being accessed by other users", name);
    fail_detail(cx,
                count == 1 ? "There is %d other session using the database."
                           : "There are %d other sessions using the database.",
                count);
    return rc;
}

static Status
check_owner(Ctx *cx, const Value *row, const char *name)
{
    bool owner;

    TRY(acl_has_owner(cx, row[COL_PG_DATABASE_datdba].u32, &owner));
    return owner ? ST_OK : fail(cx, ST_ERROR, "42501", "must be owner of database %s", name);
}

static Status
drop_database(Session *s, const AstDatabase *a)
{
    Ctx *cx = s->cx;
    bool force = false;
    Value *row;
    Tid tid;

    TRY(refuse_block(s, "DROP DATABASE"));
    for (int i = 0; i < a->options.count; i++) {
        const AstDefElem *d = (const AstDefElem *)a->options.items[i];

        if (strcmp(d->name, "force") != 0)
            return fail_at(cx, d->ast.location, "42601", "unrecognized DROP DATABASE option \"%s\"", d->name);
        force = true;
    }
    TRY(lock_database_name(cx, a->name));
    TRY(database_row(cx, a->name, &row, &tid));
    if (row == NULL && a->missing_ok) {
        ctx_notice(cx, SEV_NOTICE, "00000", "database \"%s\" does not exist, skipping", a->name);
        return ST_OK;
    }
    if (row == NULL)
        return fail(cx, ST_ERROR, "3D000", "database \"%s\" does not exist", a->name);
    TRY(check_owner(cx, row, a->name));
    if (row[COL_PG_DATABASE_oid].u32 == catalog_database(cx))
        return fail(cx, ST_ERROR, "55006", "cannot drop the currently open database");
    if (row[COL_PG_DATABASE_datistemplate].b)
        return fail(cx, ST_ERROR, "42809", "cannot drop a template database");
    TRY(database_lock(cx, row[COL_PG_DATABASE_oid].u32, LOCK_ACCESS_EXCLUSIVE));
    TRY(refuse_others(cx, row[COL_PG_DATABASE_oid].u32, a->name, force));
    TRY(ddl_delete_where(cx, CAT_PG_SHDESCRIPTION, COL_PG_SHDESCRIPTION_objoid, row[COL_PG_DATABASE_oid],
                         COL_PG_SHDESCRIPTION_classoid, value_oid(CATALOG_OID_PG_DATABASE)));
    TRY(catalog_delete(cx, CAT_PG_DATABASE, tid));
    TRY(engine_branch_drop(cx, row[COL_PG_DATABASE_datfrozenxid].u32));
    catalog_changed(cx, BRANCH_SHARED, OID_NONE);
    return ST_OK;
}

Status
command_rename_database(Session *s, const char *old_name, const char *name)
{
    Ctx *cx = s->cx;
    Value *row, *other;
    Tid tid, other_tid;
    bool may;

    TRY(refuse_block(s, "ALTER DATABASE RENAME"));
    TRY(lock_database_name(cx, old_name));
    TRY(lock_database_name(cx, name));
    TRY(database_row(cx, old_name, &row, &tid));
    if (row == NULL)
        return fail(cx, ST_ERROR, "3D000", "database \"%s\" does not exist", old_name);
    TRY(check_owner(cx, row, old_name));
    TRY(may_create_databases(cx, &may));
    if (!may)
        return fail(cx, ST_ERROR, "42501", "permission denied to rename database");
    TRY(database_row(cx, name, &other, &other_tid));
    if (other != NULL)
        return fail(cx, ST_ERROR, "42P04", "database \"%s\" already exists", name);
    if (row[COL_PG_DATABASE_oid].u32 == catalog_database(cx))
        return fail(cx, ST_ERROR, "0A000", "current database cannot be renamed");
    TRY(database_lock(cx, row[COL_PG_DATABASE_oid].u32, LOCK_ACCESS_EXCLUSIVE));
    TRY(refuse_others(cx, row[COL_PG_DATABASE_oid].u32, old_name, false));
    row[COL_PG_DATABASE_datname] = value_name(cx, name);
    TRY(catalog_update(cx, CAT_PG_DATABASE, tid, row));
    catalog_changed(cx, BRANCH_SHARED, OID_NONE);
    return ST_OK;
}

Status
command_database(Session *s, const AstDatabase *a, const char **tag)
{
    *tag = a->ast.kind == AST_CREATE_DATABASE ? "CREATE DATABASE" : "DROP DATABASE";
    return a->ast.kind == AST_CREATE_DATABASE ? create_database(s, a) : drop_database(s, a);
}
