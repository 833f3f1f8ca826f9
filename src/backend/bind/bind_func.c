/* bind_func.c - which function or operator a name and some types mean.
 *
 * The rules are those of the manual, chapter "Type Conversion": an exact match wins; else the
 * candidates that the arguments can be coerced to are narrowed step by step - most exact matches, most
 * preferred types, the category that literals of unknown type suggest, and last the assumption that
 * those literals have the type of the others. */
#include "backend/bind/bind_int.h"

#include <stdio.h>

enum { CANDIDATES_MOST = 128 };

typedef struct Candidate {
    const void *what; /* FnInfo or OperInfo */
    int arg_count;
    Oid args[FN_ARGS_MOST * 2];
    bool expanded; /* a VARIADIC array spread over single arguments */
} Candidate;

static const TypeInfo *
info(Oid t)
{
    const TypeInfo *i = type_by_oid(t);

    ASSERT(i != NULL);
    return i;
}

static int
keep(Candidate *c, int n, const bool *good)
{
    int kept = 0;

    for (int i = 0; i < n; i++) {
        if (good[i])
            c[kept++] = c[i];
    }
    return kept;
}

/* Keeps the candidates with the highest score. */
static int
keep_best(Candidate *c, int n, const int *score)
{
    bool good[CANDIDATES_MOST];
    int best = -1;

    for (int i = 0; i < n; i++)
        best = MAX_OF(best, score[i]);
    for (int i = 0; i < n; i++)
        good[i] = score[i] == best;
    return keep(c, n, good);
}

/* anyarray next to anyelement: the types given must be able to agree on one element type. */
static bool
polymorphic_fits(const Candidate *c, const Oid *actual)
{
    Oid strict = OID_NONE, loose = OID_NONE;

    for (int k = 0; k < c->arg_count; k++) {
        bool is_array = c->args[k] == TYPE_ANYARRAY || c->args[k] == TYPE_ANYCOMPATIBLEARRAY;
        bool is_loose = c->args[k] == TYPE_ANYCOMPATIBLEARRAY || c->args[k] == TYPE_ANYCOMPATIBLE;
        bool is_strict =
            c->args[k] == TYPE_ANYARRAY || c->args[k] == TYPE_ANYELEMENT || c->args[k] == TYPE_ANYNONARRAY;
        Oid element = is_array && actual[k] != TYPE_UNKNOWN ? info(actual[k])->elem : actual[k];

        if ((!is_loose && !is_strict) || actual[k] == TYPE_UNKNOWN)
            continue;
        if (is_strict && strict != OID_NONE && strict != element)
            return false;
        if (is_loose && loose != OID_NONE && !coerce_possible(loose, element, COERCE_IMPLICIT) &&
            !coerce_possible(element, loose, COERCE_IMPLICIT))
            return false;
        if (is_strict)
            strict = element;
        else
            loose = element;
    }
    return true;
}

static int
keep_possible(Candidate *c, int n, const Oid *actual)
{
    bool good[CANDIDATES_MOST];

    for (int i = 0; i < n; i++) {
        good[i] = true;
        for (int k = 0; k < c[i].arg_count && good[i]; k++)
            good[i] = coerce_possible(actual[k], c[i].args[k], COERCE_IMPLICIT);
        good[i] = good[i] && polymorphic_fits(&c[i], actual);
    }
    return keep(c, n, good);
}

/* Step 4 of the manual: the category that the candidates want where a literal has no type yet. */
static int
keep_by_unknown_category(Candidate *c, int n, const Oid *actual, int arg_count)
{
    bool good[CANDIDATES_MOST];
    char category[FN_ARGS_MOST * 2];
    bool preferred_exists[FN_ARGS_MOST * 2];
    int kept;

    for (int k = 0; k < arg_count; k++) {
        bool conflict = false;

        category[k] = 0;
        preferred_exists[k] = false;
        if (actual[k] != TYPE_UNKNOWN)
            continue;
        for (int i = 0; i < n; i++) {
            const TypeInfo *t = info(c[i].args[k]);

            if (category[k] == 0) {
                category[k] = t->category;
                preferred_exists[k] = t->preferred;
            } else if (category[k] == t->category) {
                preferred_exists[k] |= t->preferred;
            } else if (t->category == 'S') {
                category[k] = 'S';
                preferred_exists[k] = t->preferred;
            } else if (category[k] != 'S') {
                conflict = true;
            }
        }
        if (conflict && category[k] != 'S')
            return n;
    }
    for (int i = 0; i < n; i++) {
        good[i] = true;
        for (int k = 0; k < arg_count && good[i]; k++) {
            const TypeInfo *t;

            if (actual[k] != TYPE_UNKNOWN)
                continue;
            t = info(c[i].args[k]);
            good[i] = t->category == category[k] && (t->preferred || !preferred_exists[k]);
        }
    }
    for (int i = 0; i < n; i++) {
        if (good[i]) {
            kept = keep(c, n, good);
            return kept;
        }
    }
    return n;
}

/* The last resort: treat untyped literals as of the one type the other arguments have. */
static int
keep_by_known_type(Candidate *c, int n, const Oid *actual, int arg_count)
{
    Oid assumed[FN_ARGS_MOST * 2];
    Oid known = OID_NONE;
    Candidate copy[CANDIDATES_MOST];
    int kept;

    for (int k = 0; k < arg_count; k++) {
        if (actual[k] == TYPE_UNKNOWN)
            continue;
        if (known != OID_NONE && known != actual[k])
            return n;
        known = actual[k];
    }
    if (known == OID_NONE)
        return n;
    for (int k = 0; k < arg_count; k++)
        assumed[k] = known;
    memcpy(copy, c, sizeof(*c) * (size_t)n);
    kept = keep_possible(copy, n, assumed);
    if (kept != 1)
        return n;
    c[0] = copy[0];
    return 1;
}

static int
narrow(Candidate *c, int n, const Oid *actual, int arg_count)
{
    int score[CANDIDATES_MOST];
    int unknowns = 0;

    for (int k = 0; k < arg_count; k++)
        unknowns += actual[k] == TYPE_UNKNOWN;
    for (int i = 0; i < n; i++) {
        score[i] = 0;
        for (int k = 0; k < arg_count; k++)
            score[i] += actual[k] != TYPE_UNKNOWN && c[i].args[k] == actual[k];
    }
    n = keep_best(c, n, score);
    if (n == 1)
        return n;
    for (int i = 0; i < n; i++) {
        score[i] = 0;
        for (int k = 0; k < arg_count; k++) {
            const TypeInfo *t;

            if (actual[k] == TYPE_UNKNOWN)
                continue;
            t = info(c[i].args[k]);
            score[i] += c[i].args[k] == actual[k] || (t->category == info(actual[k])->category && t->preferred);
        }
    }
    n = keep_best(c, n, score);
    if (n == 1 || unknowns == 0)
        return n;
    n = keep_by_unknown_category(c, n, actual, arg_count);
    if (n == 1 || unknowns == arg_count)
        return n;
    return keep_by_known_type(c, n, actual, arg_count);
}

static bool
exact(const Candidate *c, const Oid *actual)
{
    for (int k = 0; k < c->arg_count; k++) {
        if (c->args[k] != actual[k])
            return false;
    }
    return true;
}

static const Candidate *
choose(Candidate *c, int n, const Oid *actual, int arg_count, int *left)
{
    for (int i = 0; i < n; i++) {
        if (exact(&c[i], actual)) {
            *left = 1;
            return &c[i];
        }
    }
    n = keep_possible(c, n, actual);
    if (n > 1)
        n = narrow(c, n, actual, arg_count);
    *left = n;
    return n == 1 ? &c[0] : NULL;
}

/* ---- polymorphic types ----------------------------------------------------------------------------- */

static bool
is_simple_polymorphic(Oid t)
{
    return t == TYPE_ANYELEMENT || t == TYPE_ANYNONARRAY;
}

Status
resolve_polymorphic(Ctx *cx, const Oid *actual, Oid *declared, int count, Oid *result, int location)
{
    Oid element = OID_NONE, array = OID_NONE;
    bool any = false;

    for (int i = 0; i < count; i++) {
        Oid d = declared[i];
        bool is_array = d == TYPE_ANYARRAY || d == TYPE_ANYCOMPATIBLEARRAY;
        bool is_element = is_simple_polymorphic(d) || d == TYPE_ANYCOMPATIBLE;
        bool loose = d == TYPE_ANYCOMPATIBLEARRAY || d == TYPE_ANYCOMPATIBLE;
        Oid e;

        if (!is_array && !is_element)
            continue;
        any = true;
        if (actual[i] == TYPE_UNKNOWN)
            continue;
        e = is_array ? info(actual[i])->elem : actual[i];
        if (is_array)
            array = actual[i];
        if (element == OID_NONE || (loose && coerce_possible(element, e, COERCE_IMPLICIT) && element != e)) {
            element = e;
        } else if (element != e && !(loose && coerce_possible(e, element, COERCE_IMPLICIT))) {
            Status rc = fail_at(cx, location, "42804",
                                is_array ? "arguments declared \"%s\" are not all alike"
                                         : "arguments declared \"%s\" are not all alike",
                                info(d)->name);

            fail_detail(cx, "%s versus %s", info(element)->sql_name, info(e)->sql_name);
            return rc;
        }
    }
    if (!any)
        return ST_OK;
    if (element == OID_NONE) {
        for (int i = 0; i < count; i++) {
            if (declared[i] == TYPE_ANYCOMPATIBLE || declared[i] == TYPE_ANYCOMPATIBLEARRAY)
                element = TYPE_TEXT;
        }
        if (element == OID_NONE)
            return fail_at(cx, location, "42804",
                           "could not determine polymorphic type because input has type unknown");
    }
    if (array == OID_NONE || info(array)->elem != element)
        array = info(element)->array;
    for (int i = 0; i < count; i++) {
        if (is_simple_polymorphic(declared[i]) || declared[i] == TYPE_ANYCOMPATIBLE)
            declared[i] = element;
        else if (declared[i] == TYPE_ANYARRAY || declared[i] == TYPE_ANYCOMPATIBLEARRAY)
            declared[i] = array;
    }
    if (is_simple_polymorphic(*result) || *result == TYPE_ANYCOMPATIBLE)
        *result = element;
    else if (*result == TYPE_ANYARRAY || *result == TYPE_ANYCOMPATIBLEARRAY)
        *result = array;
    if (*result == OID_NONE)
        return fail_at(cx, location, "42704", "could not find array type for data type %s",
                       info(element)->sql_name);
    return ST_OK;
}

/* ---- calls ----------------------------------------------------------------------------------------- */

/* Brings the arguments to the declared types; `declared` is changed. */
static Status
coerce_args(Binder *b, Expr **args, Oid *declared, int count, Oid *result, int location)
{
    Oid actual[FN_ARGS_MOST * 2] = {OID_NONE};

    for (int i = 0; i < count; i++)
        actual[i] = args[i]->type;
    TRY(resolve_polymorphic(b->cx, actual, declared, count, result, location));
    for (int i = 0; i < count; i++) {
        if (declared[i] == TYPE_ANY && args[i]->type == TYPE_UNKNOWN)
            TRY(resolve_unknown(b, &args[i]));
        else
            TRY(coerce_or_fail(b, args[i], declared[i], -1, COERCE_IMPLICIT, args[i]->location, &args[i]));
    }
    return ST_OK;
}

Status
make_call(Binder *b, const FnInfo *fn, const OperInfo *oper, Expr **args, int arg_count, int location,
          Expr **out)
{
    Oid declared[FN_ARGS_MOST * 2];
    Oid result = fn->result;
    Expr *e;

    ASSERT(arg_count <= (int)COUNT_OF(declared));
    for (int i = 0; i < arg_count; i++) {
        if (oper != NULL)
            declared[i] = oper->left == OID_NONE ? oper->right : i == 0 ? oper->left : oper->right;
        else if (fn->variadic != 0 && i >= fn->arg_count - 1)
            declared[i] = fn->variadic;
        else
            declared[i] = fn->args[i];
    }
    TRY(coerce_args(b, args, declared, arg_count, &result, location));
    e = expr_new(b->arena, EXPR_CALL, result, -1, location);
    e->call.fn = fn;
    e->call.oper = oper;
    e->call.args = args;
    e->call.arg_count = arg_count;
    *out = e;
    return ST_OK;
}

static void
type_list(Expr *const *args, int count, Buf *to)
{
    for (int i = 0; i < count; i++) {
        if (i > 0)
            buf_add_text(to, ", ");
        type_format(args[i]->type, -1, to);
    }
}

static Status
fail_function(Binder *b, const AstFunc *f, Expr *const *args, int count, int left)
{
    Buf types = {0};

    /* Functions that only exist with these are not there yet, like their clauses. */
    if (f->has_window)
        return fail_unsupported(b->cx, f->ast.location, "a window function");
    if (f->within_group)
        return fail_unsupported(b->cx, f->ast.location, "an ordered-set aggregate");
    type_list(args, count, &types);
    if (left > 1) {
        (void)fail_at(b->cx, f->ast.location, "42725", "function %s(%s) is not unique", f->name,
                      buf_cstr(&types));
        fail_hint(b->cx,
                  "Could not choose a best candidate function. You might need to add explicit type casts.");
    } else {
        (void)fail_at(b->cx, f->ast.location, "42883", "function %s%s%s(%s) does not exist",
                      f->schema != NULL ? f->schema : "", f->schema != NULL ? "." : "", f->name,
                      buf_cstr(&types));
        fail_hint(b->cx,
                  "No function matches the given name and argument types. You might need to add explicit "
                  "type casts.");
    }
    buf_free(&types);
    return ST_ERROR;
}

static int
collect_functions(const AstFunc *f, int arg_count, Candidate *c)
{
    const FnInfo *const *list = fn_by_name(f->name);
    int n = 0;

    if (f->schema != NULL && strcmp(f->schema, "pg_catalog") != 0)
        return 0;
    for (; list != NULL && *list != NULL && n < CANDIDATES_MOST; list++) {
        const FnInfo *fn = *list;
        Candidate *k = &c[n];

        if (fn->variadic != 0 && !f->variadic) {
            if (arg_count < fn->arg_count - 1 + (fn->variadic == TYPE_ANY ? 1 : 1) ||
                arg_count > FN_ARGS_MOST * 2)
                continue;
            k->expanded = true;
            for (int i = 0; i < arg_count; i++)
                k->args[i] = i >= fn->arg_count - 1 ? fn->variadic : fn->args[i];
        } else {
            if (arg_count > fn->arg_count || arg_count < fn->arg_count - fn->default_count)
                continue;
            k->expanded = false;
            memcpy(k->args, fn->args, sizeof(Oid) * (size_t)arg_count);
        }
        k->what = fn;
        k->arg_count = arg_count;
        n++;
    }
    return n;
}

/* name(x) where name is a type: a cast written as a function. */
static Status
try_cast_syntax(Binder *b, const AstFunc *f, Expr *arg, Expr **out)
{
    const TypeInfo *t = type_by_name(f->name);
    Expr *c = NULL;

    *out = NULL;
    if (t == NULL || t->typtype == 'p')
        return ST_OK;
    if (arg->type == TYPE_UNKNOWN || coerce_possible(arg->type, t->oid, COERCE_EXPLICIT))
        TRY(coerce_expr(b->cx, b->arena, b->params, arg, t->oid, -1, COERCE_EXPLICIT, &c));
    *out = c;
    return ST_OK;
}

static bool
needs_plain_call(const AstFunc *f, const char **what)
{
    *what = f->star             ? "(*)"
            : f->distinct       ? "DISTINCT"
            : f->within_group   ? "WITHIN GROUP"
            : f->order_by.count ? "ORDER BY"
            : f->filter != NULL ? "FILTER"
            : f->has_window     ? "OVER"
                                : NULL;
    return *what != NULL;
}

static Status
bind_aggregate(Binder *b, const AstFunc *f, const FnInfo *fn, Expr **args, int arg_count, Expr **out)
{
    Expr *e;
    Oid declared[FN_ARGS_MOST * 2];
    Oid result = fn->result;
    static const char *const refused[] = {
        [CLAUSE_WHERE] = "aggregate functions are not allowed in WHERE",
        [CLAUSE_JOIN_ON] = "aggregate functions are not allowed in JOIN conditions",
        [CLAUSE_FROM_FUNCTION] = "aggregate functions are not allowed in functions in FROM",
        [CLAUSE_GROUP_BY] = "aggregate functions are not allowed in GROUP BY",
        [CLAUSE_LIMIT] = "aggregate functions are not allowed in LIMIT",
        [CLAUSE_OFFSET] = "aggregate functions are not allowed in OFFSET",
        [CLAUSE_VALUES] = "aggregate functions are not allowed in VALUES",
        [CLAUSE_RETURNING] = "aggregate functions are not allowed in RETURNING",
        [CLAUSE_UPDATE_SET] = "aggregate functions are not allowed in UPDATE",
        [CLAUSE_AGG_FILTER] = "aggregate functions are not allowed in FILTER",
    };

    if (f->has_window)
        return fail_unsupported(b->cx, f->ast.location, "a window function");
    if (f->within_group)
        return fail_at(b->cx, f->ast.location, "42809",
                       "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", f->name);
    if (b->aggregate_depth > 0)
        return fail_at(b->cx, f->ast.location, "42803", "aggregate function calls cannot be nested");
    if (b->clause == CLAUSE_OTHER)
        return fail_at(b->cx, f->ast.location, "42803", "aggregate functions are not allowed in %s",
                       b->clause_text);
    if ((size_t)b->clause < COUNT_OF(refused) && refused[b->clause] != NULL)
        return fail_at(b->cx, f->ast.location, "42803", "%s", refused[b->clause]);
    if (arg_count == 0 && !f->star)
        return fail_at(b->cx, f->ast.location, "42809",
                       "%s(*) must be used to call a parameterless aggregate function", f->name);
    for (int i = 0; i < arg_count; i++)
        declared[i] = fn->args[MIN_OF(i, fn->arg_count - 1)];
    TRY(coerce_args(b, args, declared, arg_count, &result, f->ast.location));
    e = expr_new(b->arena, EXPR_AGG, result, -1, f->ast.location);
    e->agg.fn = fn;
    e->agg.args = args;
    e->agg.arg_count = arg_count;
    e->agg.star = f->star;
    e->agg.distinct = f->distinct;
    if (f->filter != NULL) {
        b->aggregate_depth++;
        TRY(bind_condition(b, f->filter, CLAUSE_AGG_FILTER, "FILTER", &e->agg.filter));
        b->aggregate_depth--;
    }
    if (f->order_by.count > 0) {
        e->agg.order = arena_array(b->arena, SortKey, f->order_by.count);
        for (int i = 0; i < f->order_by.count; i++) {
            const AstSortBy *s = (const AstSortBy *)f->order_by.items[i];
            SortKey *k = &e->agg.order[e->agg.order_count++];

            TRY(bind_expr(b, s->expr, &k->expr));
            TRY(resolve_unknown(b, &k->expr));
            k->descending = s->descending;
            k->nulls_first = s->nulls_given ? s->nulls_first : s->descending;
        }
    }
    b->query->has_aggregates = true;
    *out = e;
    return ST_OK;
}

Status
bind_function(Binder *b, const AstFunc *f, Expr **out)
{
    Candidate candidates[CANDIDATES_MOST];
    Oid actual[FN_ARGS_MOST * 2] = {OID_NONE};
    Expr **args = arena_array(b->arena, Expr *, f->args.count + 1);
    int n = f->args.count, count, left, depth;
    const Candidate *best;
    const FnInfo *fn;
    const char *what;
    bool maybe_aggregate = false;
    const FnInfo *const *list = fn_by_name(f->name);

    if (n > FN_ARGS_MOST * 2) {
        if (list != NULL && (*list)->variadic != 0)
            return fail_at(b->cx, f->ast.location, "54023", "cannot pass more than %d arguments to a function",
                           FN_ARGS_MOST * 2);
        return fail_at(b->cx, f->ast.location, "42883", "function %s does not exist", f->name);
    }
    for (const FnInfo *const *l = list; l != NULL && *l != NULL; l++)
        maybe_aggregate |= (*l)->kind == 'a';
    depth = b->aggregate_depth;
    if (maybe_aggregate)
        b->aggregate_depth = 1;
    for (int i = 0; i < n; i++) {
        Status rc = bind_expr(b, f->args.items[i], &args[i]);

        if (rc != ST_OK)
            return rc;
        actual[i] = args[i]->type;
    }
    b->aggregate_depth = depth;
    count = collect_functions(f, n, candidates);
    best = choose(candidates, count, actual, n, &left);
    if (best == NULL || !exact(best, actual)) {
        if (n == 1 && !needs_plain_call(f, &what) && f->schema == NULL) {
            TRY(try_cast_syntax(b, f, args[0], out));
            if (*out != NULL)
                return ST_OK;
        }
        if (best == NULL)
            return fail_function(b, f, args, n, left);
    }
    fn = best->what;
    if (fn->kind == 'a')
        return bind_aggregate(b, f, fn, args, n, out);
    if (fn->kind == 'w')
        return fail_unsupported(b->cx, f->ast.location, "a window function");
    if (needs_plain_call(f, &what)) {
        if (f->has_window)
            return fail_at(b->cx, f->ast.location, "42809",
                           "OVER specified, but %s is not a window function nor an aggregate function",
                           f->name);
        return fail_at(b->cx, f->ast.location, "42809", "%s specified, but %s is not an aggregate function",
                       what, f->name);
    }
    if (fn->returns_set && b->clause != CLAUSE_SELECT && b->clause != CLAUSE_FROM_FUNCTION)
        return fail_at(b->cx, f->ast.location, "0A000", "set-returning functions are not allowed in %s",
                       clause_name(b));
    if (best->expanded)
        TRY(make_call(b, fn, NULL, args, n, f->ast.location, out));
    else {
        FnInfo plain = *fn;

        if (fn->variadic == TYPE_ANY && !type_is_array(type_by_oid(args[n - 1]->type)))
            return fail_at(b->cx, args[n - 1]->location, "42804", "VARIADIC argument must be an array");
        plain.variadic = 0;
        TRY(make_call(b, &plain, NULL, args, n, f->ast.location, out));
        (*out)->call.fn = fn;
        (*out)->call.variadic_array = fn->variadic != 0;
    }
    return ST_OK;
}

/* ---- operators ------------------------------------------------------------------------------------- */

static int
collect_operators(const char *schema, const char *name, bool prefix, Candidate *c)
{
    const OperInfo *const *list = oper_by_name(name);
    int n = 0;

    if (schema != NULL && strcmp(schema, "pg_catalog") != 0)
        return 0;
    for (; list != NULL && *list != NULL && n < CANDIDATES_MOST; list++) {
        if (((*list)->left == OID_NONE) != prefix)
            continue;
        c[n].what = *list;
        c[n].expanded = false;
        c[n].arg_count = prefix ? 1 : 2;
        c[n].args[0] = prefix ? (*list)->right : (*list)->left;
        c[n].args[1] = (*list)->right;
        n++;
    }
    return n;
}

Status
find_operator(Binder *b, const char *schema, const char *name, Oid left, Oid right, int location,
              const OperInfo **out)
{
    Candidate candidates[CANDIDATES_MOST];
    Oid actual[2] = {left, right};
    bool prefix = left == OID_NONE;
    int count = collect_operators(schema, name, prefix, candidates), remaining;
    const Candidate *best;
    Buf one = {0}, two = {0};

    if (prefix)
        actual[0] = right;
    if (!prefix && (left == TYPE_UNKNOWN) != (right == TYPE_UNKNOWN)) {
        /* one literal without a type: first try it as of the other's type */
        Oid same = left == TYPE_UNKNOWN ? right : left;
        Oid both[2] = {same, same};

        for (int i = 0; i < count; i++) {
            if (exact(&candidates[i], both)) {
                *out = candidates[i].what;
                return ST_OK;
            }
        }
    }
    best = choose(candidates, count, actual, prefix ? 1 : 2, &remaining);
    if (best != NULL) {
        *out = best->what;
        return ST_OK;
    }
    if (!prefix)
        type_format(left, -1, &one);
    type_format(right, -1, &two);
    if (remaining > 1) {
        (void)fail_at(b->cx, location, "42725", "operator is not unique: %s%s%s %s", buf_cstr(&one),
                      prefix ? "" : " ", name, buf_cstr(&two));
        fail_hint(b->cx,
                  "Could not choose a best candidate operator. You might need to add explicit type casts.");
    } else {
        (void)fail_at(b->cx, location, "42883", "operator does not exist: %s%s%s %s", buf_cstr(&one),
                      prefix ? "" : " ", name, buf_cstr(&two));
        fail_hint(b->cx,
                  "No operator matches the given name and argument type%s. You might need to add explicit "
                  "type cast%s.",
                  prefix ? "" : "s", prefix ? "" : "s");
    }
    buf_free(&one);
    buf_free(&two);
    return ST_ERROR;
}

Status
bind_operator(Binder *b, const char *schema, const char *name, Expr *left, Expr *right, int location,
              Expr **out)
{
    const OperInfo *oper;
    Expr **args = arena_array(b->arena, Expr *, 2);
    int n = 0;

    TRY(find_operator(b, schema, name, left != NULL ? left->type : OID_NONE, right->type, location, &oper));
    if (left != NULL)
        args[n++] = left;
    args[n++] = right;
    return make_call(b, fn_by_oid(oper->fn), oper, args, n, location, out);
}
