/* storage_owner.c - from the number of a relation's storage back to its name: for those who report damage. */
#include "backend/catalog/catalog.h"

static void
find_catalog(Ctx *cx, RelationId relation, StorageOwner *out)
{
    for (int no = 0; no < CAT_COUNT; no++) {
        const TableInfo *t = catalog_relation(cx, (CatalogNo)no);

        if (t->heap.relation == relation)
            *out = (StorageOwner){.schema = t->schema_name, .name = t->name, .kind = "table"};
        for (int i = 0; i < t->index_count; i++) {
            if (t->indexes[i].btree.relation == relation)
                *out = (StorageOwner){.schema = t->schema_name, .name = t->indexes[i].name, .kind = "index"};
        }
    }
}

static Status
find_by(Ctx *cx, int column, RelationId relation, StorageOwner *out)
{
    CatalogRow *rows;
    const Value *v;
    char kind;
    int count;

    TRY(catalog_find(cx, CAT_PG_CLASS, column, value_oid(relation), 0, value_null(), &rows, &count));
    if (count == 0)
        return ST_OK;
    v = rows[0].values;
    kind = v[COL_PG_CLASS_relkind].var.data[0];
    out->name = value_cstring(cx, v[COL_PG_CLASS_relname]);
    out->kind = kind == 'i' ? "index" : kind == 'S' ? "sequence" : "table";
    return catalog_schema_name(cx, v[COL_PG_CLASS_relnamespace].u32, &out->schema);
}

Status
catalog_storage_owner(Ctx *cx, RelationId relation, StorageOwner *out)
{
    *out = (StorageOwner){0};
    find_catalog(cx, relation, out);
    if (out->name != NULL)
        return ST_OK;
    TRY(find_by(cx, COL_PG_CLASS_relfilenode, relation, out));
    if (out->name != NULL)
        return ST_OK;
    out->long_values = true;
    return find_by(cx, COL_PG_CLASS_reltoastrelid, relation, out);
}
