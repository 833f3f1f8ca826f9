/* tables.c - the built-in types, functions, operators and casts, and the ways to find them.
 *
 * All of it is constant data. The orders come from gen_type_index.c at build time, so nothing is
 * prepared at start and nothing is mutable. */
#include "backend/type/type_int.h"

#include <string.h>

/* --- rows ----------------------------------------------------------------------------------------- */
#define TYPE(oid_, name_, sql_, phys_, len_, byval_, typ_, cat_, pref_, elem_, array_, align_, storage_,       \
             coll_, in_, out_, recv_, send_, modin_, modout_, io_, order_, mod_)                               \
    {.oid = oid_,                                                                                              \
     .name = name_,                                                                                            \
     .sql_name = sql_,                                                                                         \
     .phys = PHYS_##phys_,                                                                                     \
     .typlen = len_,                                                                                           \
     .byval = byval_,                                                                                          \
     .typtype = typ_,                                                                                          \
     .category = cat_,                                                                                         \
     .preferred = pref_,                                                                                       \
     .elem = elem_,                                                                                            \
     .array = array_,                                                                                          \
     .align = align_,                                                                                          \
     .storage = storage_,                                                                                      \
     .collation = coll_,                                                                                       \
     .in_fn = in_,                                                                                             \
     .out_fn = out_,                                                                                           \
     .recv_fn = recv_,                                                                                         \
     .send_fn = send_,                                                                                         \
     .modin_fn = modin_,                                                                                       \
     .modout_fn = modout_,                                                                                     \
     io_ order_ mod_},
#define IO(x)    .in = x##_in, .out = x##_out, .recv = x##_recv, .send = x##_send,
#define ORDER(x) .compare = x##_compare, .hash = x##_hash, .key_encode = x##_key,
#define UNORDERED
#define MOD(x) .typmod_out = x##_typmod_out, .typmod_in = x##_typmod_in,
#define NOMOD
static const TypeInfo type_rows[] = {
#include "backend/type/all_types.def"
};

#define FN(oid_, name_, result_, args_, volatility_, strict_, raise_, impl_, source_)                          \
    {.oid = oid_,                                                                                              \
     .name = name_,                                                                                            \
     .result = result_,                                                                                        \
     args_.volatility = volatility_,                                                                           \
     .strict = strict_,                                                                                        \
     .can_raise = raise_,                                                                                      \
     impl_.source = source_},
#define A(n, ...)           .arg_count = n, .args = {__VA_ARGS__},
#define STRICT              true
#define LAX                 false
#define RAISES              true
#define SAFE                false
#define KERNEL(x)           .kind = 'f', .kernel = k_##x,
#define SCALAR(x)           .kind = 'f', .scalar = fn_##x,
#define SERIES(x)           .kind = 'f', .returns_set = true, .series = set_##x,
#define AGG(x)              .kind = 'a', .agg = &agg_##x,
#define VARIADIC(elem_)     .variadic = elem_,
#define DEFAULTS(n)         .default_count = n,
#define NAMES(list)         .arg_names = list,
#define DEFAULT_TEXTS(list) .default_texts = list,
#define PARALLEL(letter)    .parallel = letter,
static const FnInfo fn_rows[] = {
#include "backend/type/all_funcs.def"
};

#define OPER(oid_, name_, left_, right_, result_, fn_, commutator_, negator_, strategy_, can_hash_, restrict_, \
             join_)                                                                                            \
    {oid_, name_, left_, right_, result_, fn_, commutator_, negator_, strategy_, can_hash_, restrict_, join_},
static const OperInfo oper_rows[] = {
#include "backend/type/opers.def"
};

#define CAST(oid_, source_, target_, fn_, context_, method_) {oid_, source_, target_, fn_, context_, method_},
static const CastInfo cast_rows[] = {
#include "backend/type/casts.def"
};

#include "type_index.inc"

/* --- finding them --------------------------------------------------------------------------------- */
const TypeInfo *
type_by_oid(Oid oid)
{
    uint16_t place = oid < COUNT_OF(type_places) ? type_places[oid] : 0;

    return place != 0 ? &type_rows[place - 1] : NULL;
}

const TypeInfo *
type_by_name(const char *name)
{
    size_t low = 0, high = COUNT_OF(type_name_order);

    while (low < high) {
        size_t mid = (low + high) / 2;
        const TypeInfo *t = &type_rows[type_name_order[mid]];
        int order = strcmp(t->name, name);

        if (order == 0)
            return t;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const TypeInfo *
type_table(int *count)
{
    *count = (int)COUNT_OF(type_rows);
    return type_rows;
}

const FnInfo *
fn_by_oid(Oid oid)
{
    size_t low = 0, high = COUNT_OF(fn_oid_order);

    while (low < high) {
        size_t mid = (low + high) / 2;
        const FnInfo *f = &fn_rows[fn_oid_order[mid]];

        if (f->oid == oid)
            return f;
        if (f->oid < oid)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const FnInfo *const *
fn_by_name(const char *name)
{
    size_t low = 0, high = COUNT_OF(fn_starts);

    while (low < high) {
        size_t mid = (low + high) / 2;
        const FnInfo *const *group = &fn_groups[fn_starts[mid]];
        int order = strcmp(group[0]->name, name);

        if (order == 0)
            return group;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const FnInfo *
fn_table(int *count)
{
    *count = (int)COUNT_OF(fn_rows);
    return fn_rows;
}

const OperInfo *
oper_by_oid(Oid oid)
{
    size_t low = 0, high = COUNT_OF(oper_oid_order);

    while (low < high) {
        size_t mid = (low + high) / 2;
        const OperInfo *o = &oper_rows[oper_oid_order[mid]];

        if (o->oid == oid)
            return o;
        if (o->oid < oid)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const OperInfo *const *
oper_by_name(const char *name)
{
    size_t low = 0, high = COUNT_OF(oper_starts);

    while (low < high) {
        size_t mid = (low + high) / 2;
        const OperInfo *const *group = &oper_groups[oper_starts[mid]];
        int order = strcmp(group[0]->name, name);

        if (order == 0)
            return group;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const OperInfo *
oper_table(int *count)
{
    *count = (int)COUNT_OF(oper_rows);
    return oper_rows;
}

const CastInfo *
cast_find(Oid source, Oid target)
{
    size_t low = 0, high = COUNT_OF(cast_order);

    while (low < high) {
        size_t mid = (low + high) / 2;
        const CastInfo *c = &cast_rows[cast_order[mid]];

        if (c->source == source && c->target == target)
            return c;
        if (c->source < source || (c->source == source && c->target < target))
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const CastInfo *
cast_table(int *count)
{
    *count = (int)COUNT_OF(cast_rows);
    return cast_rows;
}
