/* pseudo.c - types that no column has: void, and those that only appear in declarations. */
#include "backend/type/type_int.h"

TYPE_IN(pseudo)
{
    return fail(cx, ST_ERROR, "0A000", "cannot accept a value of type %s", type->name);
}

TYPE_OUT(pseudo)
{
    return fail(cx, ST_ERROR, "0A000", "cannot display a value of type %s", type->name);
}

TYPE_RECV(pseudo)
{
    return fail(cx, ST_ERROR, "0A000", "cannot accept a value of type %s", type->name);
}

TYPE_SEND(pseudo)
{
    return fail(cx, ST_ERROR, "0A000", "cannot display a value of type %s", type->name);
}

TYPE_IN(void)
{
    *out = value_var("", 0);
    return ST_OK;
}

TYPE_OUT(void)
{
    return ST_OK;
}

TYPE_RECV(void)
{
    *out = value_var("", 0);
    return ST_OK;
}

TYPE_SEND(void)
{
    return ST_OK;
}
