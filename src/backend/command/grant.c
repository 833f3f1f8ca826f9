/* grant.c - GRANT and REVOKE of privileges. Memberships of roles are in grant_role.c.
 *
 * Each object is done on its own: its list (or the default of its kind) is read, the best grantor is chosen
 * among the roles that the current one may act as, and the changed list is stored. */
#include "backend/command/ddl.h"

#include "backend/catalog/acl.h"
#include "backend/command/grant.h"
#include "backend/command/object_lock.h"
#include "backend/type/regnames.h"

static const struct {
    const char *name;
    uint32_t bit;
} privilege_words[] = {{"insert", ACL_INSERT},   {"select", ACL_SELECT},       {"update", ACL_UPDATE},
                       {"delete", ACL_DELETE},   {"truncate", ACL_TRUNCATE},   {"references", ACL_REFERENCES},
                       {"trigger", ACL_TRIGGER}, {"execute", ACL_EXECUTE},     {"usage", ACL_USAGE},
                       {"create", ACL_CREATE},   {"temporary", ACL_TEMPORARY}, {"temp", ACL_TEMPORARY},
                       {"connect", ACL_CONNECT}};

static const char *
kind_word(char kind)
{
    return kind == 'r'   ? "table"
           : kind == 'S' ? "sequence"
           : kind == 'n' ? "schema"
           : kind == 'd' ? "database"
                         : "column";
}

/* "SELECT", as errors name it. */
static const char *
bit_name(uint32_t bit)
{
    static const char *const names[ACL_BITS] = {"INSERT",     "SELECT",  "UPDATE",  "DELETE",      "TRUNCATE",
                                                "REFERENCES", "TRIGGER", "EXECUTE", "USAGE",       "CREATE",
                                                "TEMPORARY",  "CONNECT", "SET",     "ALTER SYSTEM"};

    for (int i = 0; i < ACL_BITS; i++) {
        if (bit == 1u << i)
            return names[i];
    }
    return "?";
}

static Status
privilege_bit(Ctx *cx, const char *name, uint32_t *bit)
{
    for (size_t i = 0; i < COUNT_OF(privilege_words); i++) {
        if (strcmp(privilege_words[i].name, name) == 0) {
            *bit = privilege_words[i].bit;
            return ST_OK;
        }
    }
    return fail(cx, ST_ERROR, "42601", "unrecognized privilege type \"%s\"", name);
}

/* The statement, with names found. */
typedef struct Wish {
    const AstGrant *a;
    bool all; /* ALL PRIVILEGES */
    uint32_t bits; /* on the whole object */
    int column_count; /* privileges on columns */
    const AstPrivilege **columns;
    Oid *grantees;
    int grantee_count;
} Wish;

static Status
find_grantees(Ctx *cx, const AstList *names, Wish *w)
{
    w->grantees = arena_array(cx->arena, Oid, MAX_OF(names->count, 1));
    for (int i = 0; i < names->count; i++) {
        const char *name = ((const AstString *)names->items[i])->text;

        if (strcmp(name, "public") == 0) {
            w->grantees[w->grantee_count++] = ACL_PUBLIC;
            continue;
        }
        TRY(grant_find_role(cx, name, &w->grantees[w->grantee_count++]));
    }
    return ST_OK;
}

static Status
read_wish(Ctx *cx, const AstGrant *a, Wish *w)
{
    *w = (Wish){.a = a, .all = a->privileges.count == 0};
    TRY(find_grantees(cx, &a->grantees, w));
    w->columns = arena_array(cx->arena, const AstPrivilege *, MAX_OF(a->privileges.count, 1));
    for (int i = 0; i < a->privileges.count; i++) {
        const AstPrivilege *p = (const AstPrivilege *)a->privileges.items[i];
        uint32_t bit;

        if (p->columns.count > 0) {
            if (a->object != 'r')
                return fail(cx, ST_ERROR, "0LP01", "column privileges are only valid for relations");
            w->columns[w->column_count++] = p;
            continue;
        }
        if (p->name == NULL) {
            w->all = true;
            continue;
        }
        TRY(privilege_bit(cx, p->name, &bit));
        if (!(bit & (a->object == 'r' ? acl_all_bits('r') | acl_all_bits('S') : acl_all_bits(a->object))))
            return fail(cx, ST_ERROR, "0LP01", "invalid privilege type %s for %s", bit_name(bit),
                        a->object == 'r' ? "relation" : kind_word(a->object));
        w->bits |= bit;
    }
    return ST_OK;
}

/* ---- changing a list ------------------------------------------------------------------------------------------ */

static Status update_acl(Ctx *cx, Acl *acl, AclItem change, bool add, Oid owner, bool cascade);

/* Who was given something by one who may not give it any more. */
static Status
revoke_dependent(Ctx *cx, Acl *acl, Oid grantee, uint32_t lost, Oid owner, bool cascade)
{
    uint32_t still;

    if (grantee == owner)
        return ST_OK;
    TRY(acl_mask(cx, acl, grantee, owner, lost, true, &still));
    lost &= ~still;
    for (int i = 0; i < acl->count && lost != 0; i++) {
        AclItem *item = &acl->items[i];

        if (item->grantor != grantee || !(item->held & lost))
            continue;
        if (!cascade) {
            (void)fail(cx, ST_ERROR, "2BP01", "dependent privileges exist");
            fail_hint(cx, "Use CASCADE to revoke them too.");
            return ST_ERROR;
        }
        TRY(update_acl(cx, acl, (AclItem){item->grantee, grantee, lost, lost}, false, owner, cascade));
        i = -1; /* the list has changed */
    }
    return ST_OK;
}

static Status
update_acl(Ctx *cx, Acl *acl, AclItem change, bool add, Oid owner, bool cascade)
{
    AclItem *item = NULL;
    uint32_t before;
    int at;

    for (at = 0; at < acl->count; at++) {
        if (acl->items[at].grantee == change.grantee && acl->items[at].grantor == change.grantor) {
            item = &acl->items[at];
            break;
        }
    }
    if (item == NULL) {
        AclItem *items;

        if (!add)
            return ST_OK;
        items = arena_array(cx->arena, AclItem, acl->count + 1);
        memcpy(items, acl->items, sizeof(*items) * (size_t)acl->count);
        acl->items = items;
        item = &items[acl->count++];
        *item = (AclItem){change.grantee, change.grantor, 0, 0};
    }
    before = item->grantable;
    item->held = add ? item->held | change.held : item->held & ~change.held;
    item->grantable = add ? item->grantable | change.grantable : item->grantable & ~change.grantable;
    before &= ~item->grantable;
    if (item->held == 0 && item->grantable == 0) {
        memmove(&acl->items[at], &acl->items[at + 1], sizeof(*item) * (size_t)(acl->count - at - 1));
        acl->count--;
    }
    return before != 0 ? revoke_dependent(cx, acl, change.grantee, before, owner, cascade) : ST_OK;
}

static Status
best_grantor(Ctx *cx, const Acl *acl, Oid owner, uint32_t bits, Oid *grantor, uint32_t *options)
{
    bool as_owner;
    Oid *roles;
    int count;

    TRY(acl_has_owner(cx, owner, &as_owner));
    *grantor = owner;
    *options = bits;
    if (as_owner)
        return ST_OK;
    TRY(acl_roles_of(cx, catalog_role(cx), true, &roles, &count));
    *grantor = catalog_role(cx);
    *options = 0;
    for (int i = 0; i < count; i++) {
        uint32_t have = acl_mask_direct(acl, roles[i], owner, bits, true);

        if (__builtin_popcount(have) > __builtin_popcount(*options)) {
            *grantor = roles[i];
            *options = have;
        }
    }
    return ST_OK;
}

/* What of `bits` the grantor may touch; warnings as PostgreSQL's. */
static Status
restrict_bits(Ctx *cx, const Wish *w, const Acl *acl, Oid owner, char kind, uint32_t *bits, bool all,
              uint32_t options, const char *name, const char *column)
{
    bool grant = w->a->is_grant;
    const char *what = column != NULL
                           ? arena_printf(cx->arena, "column \"%s\" of relation \"%s\"", column, name)
                           : arena_printf(cx->arena, "\"%s\"", name);
    uint32_t have = 0, more = 0;

    if (options == 0) {
        TRY(acl_mask(cx, acl, catalog_role(cx), owner, UINT32_MAX, false, &have));
        TRY(acl_mask(cx, acl, catalog_role(cx), owner, UINT32_MAX, true, &more));
        if (have == 0 && more == 0)
            return fail(cx, ST_ERROR, "42501", "permission denied for %s %s",
                        kind_word(kind == 'c' ? 'r' : kind), name);
    }
    if ((*bits & options) == 0 && *bits != 0)
        ctx_notice(cx, SEV_WARNING, grant ? "01007" : "01006",
                   grant ? "no privileges were granted for %s" : "no privileges could be revoked for %s", what);
    else if (!all && (*bits & options) != *bits)
        ctx_notice(cx, SEV_WARNING, grant ? "01007" : "01006",
                   grant ? "not all privileges were granted for %s"
                         : "not all privileges could be revoked for %s",
                   what);
    *bits &= options;
    return ST_OK;
}

static Status
merge(Ctx *cx, const Wish *w, Acl *acl, Oid grantor, Oid owner, uint32_t bits)
{
    const AstGrant *a = w->a;

    for (int i = 0; i < w->grantee_count; i++) {
        AclItem change = {w->grantees[i], grantor, 0, 0};

        if (a->is_grant && a->grant_option && w->grantees[i] == ACL_PUBLIC)
            return fail(cx, ST_ERROR, "0LP01", "grant options can only be granted to roles");
        if (a->is_grant && bits != 0 && w->grantees[i] != ACL_PUBLIC)
            TRY(object_hold_role(cx, w->grantees[i]));
        change.held = a->is_grant || !a->grant_option ? bits : 0;
        change.grantable = !a->is_grant || a->grant_option ? bits : 0;
        TRY(update_acl(cx, acl, change, a->is_grant, owner, a->cascade));
    }
    return ST_OK;
}

/* One list from beginning to end. `also`: privileges that count when the grantor is chosen (a table's for its
 * columns). */
static Status
change_list(Ctx *cx, const Wish *w, Value *stored, char kind, Oid owner, const Acl *also, uint32_t bits,
            bool all, const char *name, const char *column)
{
    Acl acl, both;
    Oid grantor;
    uint32_t options;

    acl = acl_of_value(cx->arena, *stored, kind, owner);
    both = acl;
    if (also != NULL) {
        both.items = arena_array(cx->arena, AclItem, acl.count + also->count + 1);
        both.count = acl.count + also->count;
        memcpy(both.items, also->items, sizeof(AclItem) * (size_t)also->count);
        memcpy(both.items + also->count, acl.items, sizeof(AclItem) * (size_t)acl.count);
    }
    TRY(best_grantor(cx, &both, owner, bits, &grantor, &options));
    TRY(restrict_bits(cx, w, &both, owner, kind, &bits, all, options, name, column));
    TRY(merge(cx, w, &acl, grantor, owner, bits));
    if (kind == 'c' && acl.count == 0) {
        *stored = value_null();
        return ST_OK;
    }
    return acl_to_value(cx, &acl, stored);
}

/* ---- relations --------------------------------------------------------------------------------------------------- */

static Status
column_bits(Ctx *cx, const AstPrivilege *p, uint32_t *bits)
{
    *bits = acl_all_bits('c');
    if (p->name == NULL)
        return ST_OK;
    TRY(privilege_bit(cx, p->name, bits));
    if (*bits & acl_all_bits('c'))
        return ST_OK;
    return fail(cx, ST_ERROR, "0LP01", "invalid privilege type %s for column", bit_name(*bits));
}

static Status
change_column(Ctx *cx, const Wish *w, const TableInfo *t, const Acl *table, int column, uint32_t bits, bool all)
{
    Value *row;
    Tid tid;

    TRY(ddl_attribute_row(cx, t->oid, column, &row, &tid));
    TRY(change_list(cx, w, &row[COL_PG_ATTRIBUTE_attacl], 'c', t->owner, table, bits, all, t->name,
                    t->columns[column - 1].name));
    return catalog_update(cx, CAT_PG_ATTRIBUTE, tid, row);
}

static Status
change_columns(Ctx *cx, const Wish *w, const TableInfo *t, const Acl *table, uint32_t taken)
{
    uint32_t *bits = arena_array(cx->arena, uint32_t, t->column_count + 1);

    for (int i = 0; i < w->column_count; i++) {
        const AstPrivilege *p = w->columns[i];
        uint32_t wanted;

        TRY(column_bits(cx, p, &wanted));
        for (int k = 0; k < p->columns.count; k++) {
            const char *name = ((const AstString *)p->columns.items[k])->text;
            int column = table_find_column(t, name);

            if (column == 0)
                return fail(cx, ST_ERROR, "42703", "column \"%s\" of relation \"%s\" does not exist", name,
                            t->name);
            if (column < 0)
                return fail_unsupported(cx, -1, "privileges on system columns");
            bits[column] |= wanted;
        }
    }
    /* what is revoked from the table goes from its columns, too */
    for (int c = 1; c <= t->column_count; c++) {
        if (t->columns[c - 1].acl != NULL)
            bits[c] |= taken;
        if (bits[c] != 0 && !t->columns[c - 1].dropped)
            TRY(change_column(cx, w, t, table, c, bits[c], bits[c] == taken));
    }
    return ST_OK;
}

static Status
change_relation(Ctx *cx, const Wish *w, const TableInfo *t)
{
    char kind = t->kind == TABLE_SEQUENCE ? 'S' : 'r';
    uint32_t bits = w->all ? acl_all_bits(kind) : w->bits;
    bool again = false;
    Acl table;

    if (t->kind == TABLE_INDEX)
        return fail(cx, ST_ERROR, "42809", "\"%s\" is an index", t->name);
    if (t->kind != TABLE_HEAP && t->kind != TABLE_SEQUENCE)
        return fail_unsupported(cx, -1, "GRANT and REVOKE on a system catalog");
    if (w->a->object == 'S' && kind != 'S')
        return fail(cx, ST_ERROR, "42809", "\"%s\" is not a sequence", t->name);
    if (kind == 'S' && w->a->object == 'r' && (bits & ~acl_all_bits('S'))) {
        ctx_notice(cx, SEV_WARNING, "0LP01",
                   "sequence \"%s\" only supports USAGE, SELECT, and UPDATE privileges", t->name);
        bits &= acl_all_bits('S');
    }
    if (kind == 'r' && (bits & ~acl_all_bits('r')))
        return fail(cx, ST_ERROR, "0LP01", "invalid privilege type %s for table",
                    bit_name(bits & ~acl_all_bits('r')));
    if (kind == 'S' && w->column_count > 0)
        return fail(cx, ST_ERROR, "0LP01", "column privileges are only valid for relations");
    do { /* beside ANALYZE, or another GRANT */
        Value *row;
        Tid tid;

        TRY(ddl_class_row(cx, t->oid, &row, &tid));
        table = acl_of_value(cx->arena, row[COL_PG_CLASS_relacl], kind, t->owner);
        if (bits == 0)
            break;
        TRY(change_list(cx, w, &row[COL_PG_CLASS_relacl], kind, t->owner, NULL, bits, w->all, t->name, NULL));
        TRY(catalog_try_update(cx, CAT_PG_CLASS, tid, row, &again));
    } while (again);
    if (kind == 'r')
        TRY(change_columns(cx, w, t, &table, w->a->is_grant ? 0 : bits & acl_all_bits('c')));
    catalog_changed(cx, catalog_branch(cx), t->oid);
    return ST_OK;
}

static Status
all_in_schema(Ctx *cx, const Wish *w, const char *name)
{
    CatalogRow *rows;
    int count;
    Oid schema;

    TRY(catalog_find_schema(cx, name, &schema));
    if (schema == OID_NONE)
        return fail(cx, ST_ERROR, "3F000", "schema \"%s\" does not exist", name);
    TRY(catalog_find(cx, CAT_PG_CLASS, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        const TableInfo *t;

        if (rows[i].values[COL_PG_CLASS_relnamespace].u32 != schema)
            continue;
        TRY(catalog_table_by_oid(cx, rows[i].values[COL_PG_CLASS_oid].u32, LOCK_NONE, &t));
        if (t != NULL && t->kind == (w->a->object == 'S' ? TABLE_SEQUENCE : TABLE_HEAP))
            TRY(change_relation(cx, w, t));
    }
    return ST_OK;
}

/* ---- schemas and databases ----------------------------------------------------------------------------------------- */

static Status
change_schema(Ctx *cx, const Wish *w, const char *name)
{
    CatalogRow *rows;
    int count;
    Value *row;
    Oid oid;

    TRY(catalog_find_schema(cx, name, &oid));
    if (oid == OID_NONE)
        return fail(cx, ST_ERROR, "3F000", "schema \"%s\" does not exist", name);
    TRY(catalog_find(cx, CAT_PG_NAMESPACE, COL_PG_NAMESPACE_oid, value_oid(oid), 0, value_null(), &rows,
                     &count));
    if (count == 0)
        return fail_unsupported(cx, -1, "GRANT and REVOKE on a system schema");
    row = arena_memdup(cx->arena, rows[0].values, sizeof(Value) * COL_PG_NAMESPACE_COUNT_);
    TRY(change_list(cx, w, &row[COL_PG_NAMESPACE_nspacl], 'n', row[COL_PG_NAMESPACE_nspowner].u32, NULL,
                    w->all ? acl_all_bits('n') : w->bits, w->all, name, NULL));
    TRY(catalog_update(cx, CAT_PG_NAMESPACE, rows[0].tid, row));
    catalog_changed(cx, catalog_branch(cx), OID_NONE);
    return ST_OK;
}

static Status
change_database(Ctx *cx, const Wish *w, const char *name)
{
    CatalogRow *rows;
    int count;
    Value *row;

    TRY(catalog_find(cx, CAT_PG_DATABASE, COL_PG_DATABASE_datname, value_name(cx, ddl_name(cx, name)), 0,
                     value_null(), &rows, &count));
    if (count == 0)
        return fail(cx, ST_ERROR, "3D000", "database \"%s\" does not exist", name);
    row = arena_memdup(cx->arena, rows[0].values, sizeof(Value) * COL_PG_DATABASE_COUNT_);
    TRY(change_list(cx, w, &row[COL_PG_DATABASE_datacl], 'd', row[COL_PG_DATABASE_datdba].u32, NULL,
                    w->all ? acl_all_bits('d') : w->bits, w->all, name, NULL));
    TRY(catalog_update(cx, CAT_PG_DATABASE, rows[0].tid, row));
    catalog_changed(cx, BRANCH_SHARED, OID_NONE);
    return ST_OK;
}

/* ---- the statement --------------------------------------------------------------------------------------------------- */

static Status
change_named_relation(Ctx *cx, const Wish *w, const AstRangeVar *v)
{
    const TableInfo *t;

    TRY(catalog_need_table(cx, v->schema, v->name, LOCK_SHARE_ROW_EXCLUSIVE, &t));
    return change_relation(cx, w, t);
}

Status
command_grant(Session *s, const AstGrant *a)
{
    Ctx *cx = s->cx;
    Wish w;

    TRY(read_wish(cx, a, &w));
    if (a->grantor != NULL) {
        Oid grantor;

        TRY(grant_find_role(cx, a->grantor, &grantor));
        if (grantor != catalog_role(cx))
            return fail(cx, ST_ERROR, "0A000", "grantor must be current user");
    }
    for (int i = 0; i < a->objects.count; i++) {
        const Ast *object = a->objects.items[i];

        if (a->all_in_schema)
            TRY(all_in_schema(cx, &w, ((const AstString *)object)->text));
        else if (a->object == 'n')
            TRY(change_schema(cx, &w, ((const AstString *)object)->text));
        else if (a->object == 'd')
            TRY(change_database(cx, &w, ((const AstString *)object)->text));
        else
            TRY(change_named_relation(cx, &w, (const AstRangeVar *)object));
        txn_next_command(cx); /* the same object may be named twice */
    }
    return ST_OK;
}

Status
grant_change_owner(Ctx *cx, Value *stored, char kind, Oid from, Oid to)
{
    Acl acl, merged = {0};

    if (stored->is_null)
        return ST_OK;
    acl = acl_of_value(cx->arena, *stored, kind, from);
    merged.items = arena_array(cx->arena, AclItem, MAX_OF(acl.count, 1));
    for (int i = 0; i < acl.count; i++) {
        AclItem item = acl.items[i];
        int k = 0;

        item.grantee = item.grantee == from ? to : item.grantee;
        item.grantor = item.grantor == from ? to : item.grantor;
        while (k < merged.count &&
               (merged.items[k].grantee != item.grantee || merged.items[k].grantor != item.grantor))
            k++;
        if (k < merged.count) {
            merged.items[k].held |= item.held;
            merged.items[k].grantable |= item.grantable;
        } else {
            merged.items[merged.count++] = item;
        }
    }
    return acl_to_value(cx, &merged, stored);
}

/* ---- what a role has, for DROP ROLE ------------------------------------------------------------------------------------ */

static bool
names_role(Ctx *cx, Value stored, Oid role)
{
    Acl acl;

    if (stored.is_null)
        return false;
    acl = acl_of_value(cx->arena, stored, 'r', OID_NONE);
    for (int i = 0; i < acl.count; i++) {
        if (acl.items[i].grantee == role || acl.items[i].grantor == role)
            return true;
    }
    return false;
}

Status
grant_list_of_role(Ctx *cx, Oid role, Buf *out)
{
    CatalogRow *rows;
    int count;

    TRY(catalog_find(cx, CAT_PG_CLASS, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        const Value *v = rows[i].values;

        if (v[COL_PG_CLASS_relowner].u32 != role && names_role(cx, v[COL_PG_CLASS_relacl], role)) {
            bool found;

            buf_printf(out, "%sprivileges for %s ", out->bytes > 0 ? "\n" : "",
                       v[COL_PG_CLASS_relkind].var.data[0] == 'S' ? "sequence" : "table");
            TRY(cx->format->reg_names->name(cx, TYPE_REGCLASS, v[COL_PG_CLASS_oid].u32, out, &found));
        }
    }
    TRY(catalog_find(cx, CAT_PG_ATTRIBUTE, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        const Value *v = rows[i].values;
        const TableInfo *t;

        if (!names_role(cx, v[COL_PG_ATTRIBUTE_attacl], role))
            continue;
        TRY(catalog_table_by_oid(cx, v[COL_PG_ATTRIBUTE_attrelid].u32, LOCK_NONE, &t));
        buf_printf(out, "%sprivileges for column %s of table %s", out->bytes > 0 ? "\n" : "",
                   value_cstring(cx, v[COL_PG_ATTRIBUTE_attname]), t != NULL ? t->name : "?");
    }
    TRY(catalog_find(cx, CAT_PG_NAMESPACE, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        if (names_role(cx, rows[i].values[COL_PG_NAMESPACE_nspacl], role))
            buf_printf(out, "%sprivileges for schema %s", out->bytes > 0 ? "\n" : "",
                       value_cstring(cx, rows[i].values[COL_PG_NAMESPACE_nspname]));
    }
    TRY(catalog_find(cx, CAT_PG_DATABASE, 0, value_null(), 0, value_null(), &rows, &count));
    for (int i = 0; i < count; i++) {
        if (names_role(cx, rows[i].values[COL_PG_DATABASE_datacl], role))
            buf_printf(out, "%sprivileges for database %s", out->bytes > 0 ? "\n" : "",
                       value_cstring(cx, rows[i].values[COL_PG_DATABASE_datname]));
    }
    return ST_OK;
}
