/* fn_order.c - the functions every type has because it has an order and a form: comparison, least and
 * greatest of two, input and output called by name.
 *
 * One implementation serves all types: it finds the type's own compare through the declared type of the
 * first argument. The hot ones have kernels instead (kernels_body.h). */
#include "backend/type/float.h"
#include "backend/type/type_int.h"

#include "base/hash.h"

static const TypeInfo *
ordered_type(const FnCall *call)
{
    const TypeInfo *type = type_find(call->cx, call->fn->args[0]);

    if (type == NULL || type->compare == NULL)
        type = type_find(call->cx, call->arg_types[0]);
    return type;
}

static Status
compare(FnCall *call, const Value *args, int *order)
{
    const TypeInfo *type = ordered_type(call);

    if (type == NULL || type->compare == NULL)
        return fail(call->cx, ST_ERROR, "42883", "could not identify a comparison function for type %s",
                    type != NULL ? type->sql_name : "unknown");
    *order = type->compare(&args[0], &args[1]);
    return ST_OK;
}

#define ORDER_FUNCTION(name, test)                                                                             \
    SCALAR_FN(name)                                                                                            \
    {                                                                                                          \
        int order;                                                                                             \
                                                                                                               \
        TRY(compare(call, args, &order));                                                                      \
        out->b = test;                                                                                         \
        return ST_OK;                                                                                          \
    }

ORDER_FUNCTION(order_eq, order == 0)
ORDER_FUNCTION(order_ne, order != 0)
ORDER_FUNCTION(order_lt, order < 0)
ORDER_FUNCTION(order_le, order <= 0)
ORDER_FUNCTION(order_gt, order > 0)
ORDER_FUNCTION(order_ge, order >= 0)

SCALAR_FN(order_cmp)
{
    int order;

    TRY(compare(call, args, &order));
    out->i32 = (order > 0) - (order < 0);
    return ST_OK;
}

/* btint48cmp and the like: two types of one family. */
static double
as_double(const Value *v)
{
    return v->phys == PHYS_F32 ? v->f32 : v->f64;
}

SCALAR_FN(float_cmp)
{
    out->i32 = float_compare(as_double(&args[0]), as_double(&args[1]));
    return ST_OK;
}

static int64_t
as_i64(const Value *v)
{
    return v->phys == PHYS_I16 ? v->i16 : v->phys == PHYS_I32 ? v->i32 : v->i64;
}

SCALAR_FN(int_cmp)
{
    out->i32 = cmp_i64(as_i64(&args[0]), as_i64(&args[1]));
    return ST_OK;
}

SCALAR_FN(order_larger)
{
    int order;

    TRY(compare(call, args, &order));
    *out = args[order > 0 ? 0 : 1];
    return ST_OK;
}

SCALAR_FN(order_smaller)
{
    int order;

    TRY(compare(call, args, &order));
    *out = args[order < 0 ? 0 : 1];
    return ST_OK;
}

SCALAR_FN(order_hash)
{
    const TypeInfo *type = ordered_type(call);

    if (type == NULL || type->hash == NULL)
        return fail(call->cx, ST_ERROR, "42883", "could not identify a hash function for type %s",
                    type != NULL ? type->sql_name : "unknown");
    out->i32 = (int32_t)type->hash(&args[0]);
    return ST_OK;
}

/* --- input and output by name -------------------------------------------------------------------------- */
/* int4in(cstring), array_in(cstring, oid, int4), varcharin(cstring, oid, int4): the typmod is the third */
SCALAR_FN(type_in)
{
    Oid target = call->fn->result;
    int32_t typmod = call->arg_count > 2 ? args[2].i32 : -1;
    const TypeInfo *type = type_by_oid(target);
    int count;
    const TypeInfo *all = type_table(&count);

    if (type != NULL && type->in_fn != call->fn->oid && call->arg_count > 1) { /* array_in of element args[1] */
        for (int i = 0; i < count; i++)
            if (all[i].elem == args[1].u32 && all[i].in_fn == call->fn->oid)
                type = &all[i];
    }
    if (type == NULL)
        return fail(call->cx, ST_ERROR, "XX000", "cache lookup failed for type %u", target);
    if (call->arg_types[0] == TYPE_INTERNAL)
        return type->recv(call->cx, type, args[0].var.data, args[0].var.bytes, typmod, out);
    return type->in(call->cx, type, args[0].var.data, args[0].var.bytes, typmod, out);
}

static const TypeInfo *
shown_type(const FnCall *call)
{
    const TypeInfo *type = type_find(call->cx, call->fn->args[0]);

    return type != NULL && type->typtype != 'p' ? type : type_find(call->cx, call->arg_types[0]);
}

SCALAR_FN(type_out)
{
    const TypeInfo *type = shown_type(call);

    if (type == NULL)
        return fail(call->cx, ST_ERROR, "XX000", "cache lookup failed for type %u", call->arg_types[0]);
    return value_to_text(call->cx, type->oid, &args[0], out);
}

SCALAR_FN(type_send)
{
    const TypeInfo *type = shown_type(call);
    Buf b = BUF_OF(call->cx);
    Status rc;

    if (type == NULL)
        return fail(call->cx, ST_ERROR, "XX000", "cache lookup failed for type %u", call->arg_types[0]);
    rc = type->send(call->cx, type, &args[0], &b);
    if (rc != ST_OK) {
        buf_free(&b);
        return rc;
    }
    return value_from_buf(call->cx, &b, out);
}

/* varchartypmodin(cstring[]) and its kin are reached by name only in catalogs; the output side is used. */
SCALAR_FN(typmod_out)
{
    int count;
    const TypeInfo *all = type_table(&count);
    Buf b = BUF_OF(call->cx);

    for (int i = 0; i < count; i++) {
        if (all[i].modout_fn == call->fn->oid) {
            all[i].typmod_out(args[0].i32, &b);
            break;
        }
    }
    return value_from_buf(call->cx, &b, out);
}
