/* scan_tests.c - conditions that a scan can judge on a page's arrays: column <op> known value.
 *
 * They are judged before the other conditions, so only those are taken that no condition which may raise
 * stands before (rule X1: what is textually first is computed first). */
#include "backend/plan/plan_int.h"

typedef enum TestFamily {
    FAMILY_NONE,
    FAMILY_INTEGER,
    FAMILY_DATE,
    FAMILY_TIMESTAMP,
    FAMILY_NUMERIC
} TestFamily;

static TestFamily
family_of(Oid type)
{
    switch (type) {
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8: return FAMILY_INTEGER;
    case TYPE_DATE: return FAMILY_DATE;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ: return FAMILY_TIMESTAMP;
    case TYPE_NUMERIC: return FAMILY_NUMERIC;
    default: return FAMILY_NONE;
    }
}

/* Is this side a column of the table itself that lies in an array of integers? */
static bool
is_array_column(const Plan *scan, const Expr *e, TestFamily *family)
{
    int column;

    if (e->kind != EXPR_SLOT)
        return false;
    column = scan->scan.columns[e->slot.index];
    if (column <= 0)
        return false;
    *family = family_of(e->type);
    return *family != FAMILY_NONE && scan->scan.table->columns[column - 1].type == e->type &&
           scan->scan.table->columns[column - 1].phys != PHYS_VAR;
}

static bool
is_test(const Plan *scan, const Expr *e, ScanTest *out)
{
    if (e->kind != EXPR_CALL || e->call.oper == NULL || e->call.oper->strategy == 0 || e->call.arg_count != 2)
        return false;
    for (int side = 0; side < 2; side++) {
        Expr *column = e->call.args[side], *value = e->call.args[1 - side];
        char strategy = e->call.oper->strategy;
        TestFamily family;

        if (!is_array_column(scan, column, &family) ||
            (value->kind != EXPR_CONST && value->kind != EXPR_PARAM && value->kind != EXPR_OUTER &&
             value->kind != EXPR_ONCE))
            continue;
        if (family == FAMILY_INTEGER ? family_of(value->type) != FAMILY_INTEGER : value->type != column->type)
            continue;
        *out = (ScanTest){column->slot.index, side == 0 ? strategy : (char)(6 - strategy), value};
        return true;
    }
    return false;
}

void
plan_scan_tests(Planner *p, Plan *scan, Expr *const *filter, int count)
{
    Expr **rest = arena_array(p->arena, Expr *, count + 1);
    int rest_count = 0;
    bool may_raise = false;

    scan->scan.tests = arena_array(p->arena, ScanTest, count + 1);
    for (int i = 0; i < count; i++) {
        ScanTest test;

        if (!may_raise && is_test(scan, filter[i], &test)) {
            scan->scan.tests[scan->scan.test_count++] = test;
            continue;
        }
        may_raise |= expr_can_raise(filter[i]) || expr_is_volatile(filter[i]) || expr_has_subquery(filter[i]);
        rest[rest_count++] = filter[i];
    }
    scan->scan.rest = and_together(p, rest, rest_count);
}
