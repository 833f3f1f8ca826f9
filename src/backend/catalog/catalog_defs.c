/* catalog_defs.c - catalogs.def as TableInfos. Each session makes those it uses, because they name the
 * session's branch. */
#include "backend/catalog/catalog_int.h"

typedef struct ColumnDefinition {
    const char *name;
    Oid type;
    bool not_null;
} ColumnDefinition;

#define CATALOG(sym, oid, name, shared) static const ColumnDefinition columns_##sym[] = {
#define COLUMN(sym, column, type, nn)   {#column, type, nn},
#define END_CATALOG(sym)                                                                                       \
    }                                                                                                          \
    ;
#include "backend/catalog/catalogs.def"
#undef CATALOG
#undef COLUMN
#undef END_CATALOG

static const struct {
    Oid oid;
    const char *name;
    bool shared;
    const ColumnDefinition *columns;
    int column_count;
} definitions[CAT_COUNT] = {
#define CATALOG(sym, oid, name, shared) {oid, name, shared, columns_##sym, COL_##sym##_COUNT_ - 1},
#define COLUMN(sym, column, type, nn)
#define END_CATALOG(sym)
#include "backend/catalog/catalogs.def"
#undef CATALOG
#undef COLUMN
#undef END_CATALOG
};

static const struct {
    RelationId relation;
    CatalogNo catalog;
    bool unique;
    int columns[2];
} index_definitions[] = {
#define CATALOG_INDEX(oid, sym, unique, a, b) {oid, CAT_##sym, unique, {a, b}},
#include "backend/catalog/catalog_indexes.def"
#undef CATALOG_INDEX
};

bool
catalog_is_shared(CatalogNo no)
{
    return definitions[no].shared;
}

bool
catalog_no_of_oid(Oid oid, CatalogNo *out)
{
    for (int i = 0; i < CAT_COUNT; i++) {
        if (definitions[i].oid == oid) {
            *out = (CatalogNo)i;
            return true;
        }
    }
    return false;
}

bool
catalog_no_of_name(const char *name, CatalogNo *out)
{
    for (int i = 0; i < CAT_COUNT; i++) {
        if (strcmp(definitions[i].name, name) == 0) {
            *out = (CatalogNo)i;
            return true;
        }
    }
    return false;
}

static void
add_indexes(Arena *a, TableInfo *t, CatalogNo no, BranchId branch)
{
    IndexInfo *indexes;
    int count = 0;

    for (size_t i = 0; i < COUNT_OF(index_definitions); i++)
        count += index_definitions[i].catalog == no;
    indexes = arena_array(a, IndexInfo, MAX_OF(count, 1));
    for (size_t i = 0; i < COUNT_OF(index_definitions); i++) {
        IndexInfo *x = &indexes[t->index_count];

        if (index_definitions[i].catalog != no)
            continue;
        x->oid = index_definitions[i].relation;
        x->name = arena_printf(a, "%s_%u_index", t->name, x->oid);
        x->btree =
            (BtreeRel){branch, index_definitions[i].relation, PERSIST_PERMANENT, index_definitions[i].unique, 0,
                       NULL};
        x->unique = index_definitions[i].unique;
        for (int k = 0; k < 2 && index_definitions[i].columns[k] != 0; k++) {
            int column = index_definitions[i].columns[k];

            x->keys[x->key_count++] =
                (IndexKey){.column = (int16_t)column, .type = t->columns[column - 1].type};
        }
        t->index_count++;
    }
    t->indexes = indexes;
}

const TableInfo *
catalog_relation(Ctx *cx, CatalogNo no)
{
    Catalog *c = cx->catalog;
    Arena *a = c->arena;
    int count = definitions[no].column_count;
    BranchId branch = definitions[no].shared ? BRANCH_SHARED : c->branch;
    TableInfo *t = c->relations[no];
    ColumnInfo *columns;
    HeapColumn *layout;

    if (t != NULL)
        return t;
    t = arena_new(a, TableInfo);
    columns = arena_array(a, ColumnInfo, count);
    layout = arena_array(a, HeapColumn, count);
    for (int i = 0; i < count; i++) {
        const ColumnDefinition *d = &definitions[no].columns[i];
        const TypeInfo *type = type_by_oid(d->type);

        ASSERT(type != NULL);
        columns[i] = (ColumnInfo){
            .name = d->name, .type = d->type, .typmod = -1, .phys = type->phys, .not_null = d->not_null};
        layout[i] = (HeapColumn){.width = type->phys == PHYS_VAR ? 0 : (uint8_t)phys_bytes(type->phys),
                                 .not_null_hint = d->not_null};
    }
    *t = (TableInfo){
        .oid = definitions[no].oid,
        .schema = SCHEMA_PG_CATALOG,
        .schema_name = "pg_catalog",
        .name = definitions[no].name,
        .kind = TABLE_CATALOG,
        .owner = ROLE_BOOTSTRAP,
        .column_count = count,
        .columns = columns,
        .heap = {branch, definitions[no].oid, RELATION_NONE, PERSIST_PERMANENT, {(uint16_t)count, layout}},
        .make_rows = catalog_static_rows(no),
        .row_estimate = 100,
    };
    add_indexes(a, t, no, branch);
    c->relations[no] = t;
    return t;
}

int
table_find_column(const TableInfo *table, const char *name)
{
    static const struct {
        const char *name;
        int column;
    } system[] = {{"ctid", COLUMN_CTID}, {"xmin", COLUMN_XMIN}, {"cmin", COLUMN_CMIN},
                  {"xmax", COLUMN_XMAX}, {"cmax", COLUMN_CMAX}, {"tableoid", COLUMN_TABLEOID}};

    for (int i = 0; i < table->column_count; i++) {
        if (!table->columns[i].dropped && strcmp(table->columns[i].name, name) == 0)
            return i + 1;
    }
    for (size_t i = 0; i < COUNT_OF(system); i++) {
        if (strcmp(system[i].name, name) == 0)
            return system[i].column;
    }
    return 0;
}
