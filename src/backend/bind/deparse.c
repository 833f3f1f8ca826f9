/* deparse.c - a bound expression as text, in the form pg_get_expr shows: every operator in parentheses,
 * literals with their types, implicit coercions left out where reading the text back gives them again. */
#include "backend/bind/bind.h"

#include "backend/parse/parse.h"

typedef struct Deparse {
    Ctx *cx;
    const TableInfo *table;
    Buf *out;
    bool pretty; /* parentheses only where they are needed */
    bool one_line;
    const DeparseHooks *hooks; /* NULL: of a definition */
} Deparse;

static Status deparse(Deparse *d, const Expr *e);

/* The parentheses that a node puts around itself when it is not pretty. */
static void
own_paren(Deparse *d, char c)
{
    if (!d->pretty)
        buf_add_char(d->out, c);
}

static bool
is_compound(const Expr *e)
{
    switch (e->kind) {
    case EXPR_CALL:
        if (e->call.oper != NULL)
            return true;
        return e->call.implicit && e->call.arg_count > 0 && is_compound(e->call.args[0]);
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_NOT:
    case EXPR_NULL_TEST:
    case EXPR_BOOL_TEST:
    case EXPR_DISTINCT:
    case EXPR_SCALAR_ARRAY: return true;
    case EXPR_ONCE: return is_compound(e->once.arg);
    default: return false;
    }
}

/* An operand: protected where its parts could be taken for the parent's. */
static Status
deparse_operand(Deparse *d, const Expr *e, bool protect)
{
    if (!d->pretty || !protect || !is_compound(e))
        return deparse(d, e);
    buf_add_char(d->out, '(');
    TRY(deparse(d, e));
    buf_add_char(d->out, ')');
    return ST_OK;
}

void
deparse_identifier(const char *name, Buf *out)
{
    bool plain = (name[0] >= 'a' && name[0] <= 'z') || name[0] == '_';

    for (const char *p = name; *p != '\0' && plain; p++)
        plain = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_';
    if (plain && !keyword_needs_quotes(name)) {
        buf_add_text(out, name);
        return;
    }
    buf_add_char(out, '"');
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '"')
            buf_add_char(out, '"');
        buf_add_char(out, *p);
    }
    buf_add_char(out, '"');
}

static void
quote_literal(const char *text, size_t bytes, Buf *out)
{
    bool escape = memchr(text, '\\', bytes) != NULL;

    if (escape)
        buf_add_char(out, 'E');
    buf_add_char(out, '\'');
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\'' || text[i] == '\\')
            buf_add_char(out, text[i]);
        buf_add_char(out, text[i]);
    }
    buf_add_char(out, '\'');
}

static Status
deparse_const(Deparse *d, const Expr *e)
{
    const TypeInfo *type = type_by_oid(e->type);
    Buf text = {0};
    Status rc;
    bool negative;

    if (e->constant.is_null) {
        buf_add_text(d->out, "NULL::");
        type_format(e->type, e->typmod, d->out);
        return ST_OK;
    }
    rc = type->out(d->cx, type, &e->constant, &text);
    if (rc != ST_OK) {
        buf_free(&text);
        return rc;
    }
    negative = text.bytes > 0 && text.data[0] == '-';
    switch (e->type) {
    case TYPE_BOOL: buf_add_text(d->out, e->constant.b ? "true" : "false"); break;
    case TYPE_INT4:
        if (!negative) {
            buf_add(d->out, text.data, text.bytes);
            break;
        }
        quote_literal(text.data, text.bytes, d->out);
        buf_add_text(d->out, "::integer");
        break;
    case TYPE_NUMERIC:
        if (!negative && memchr(text.data, '.', text.bytes) != NULL && e->typmod < 0) {
            buf_add(d->out, text.data, text.bytes);
            break;
        }
        /* fall through */
    default:
        quote_literal(text.data, text.bytes, d->out);
        buf_add_text(d->out, "::");
        type_format(e->type, e->typmod, d->out);
    }
    buf_free(&text);
    return ST_OK;
}

static Status
deparse_list(Deparse *d, Expr *const *items, int count, const char *separator)
{
    for (int i = 0; i < count; i++) {
        if (i > 0)
            buf_add_text(d->out, separator);
        TRY(deparse(d, items[i]));
    }
    return ST_OK;
}

static Status
deparse_cast(Deparse *d, const Expr *arg, Oid type, int32_t typmod)
{
    bool bare = arg->kind == EXPR_CONST || (d->pretty && !is_compound(arg));

    buf_add_text(d->out, bare ? "" : "(");
    TRY(deparse(d, arg));
    buf_add_text(d->out, bare ? "::" : ")::");
    type_format(type, typmod, d->out);
    return ST_OK;
}

static bool
is_cast_function(const Expr *e)
{
    const CastInfo *c = e->call.arg_count >= 1 ? cast_find(e->call.args[0]->type, e->type) : NULL;

    return c != NULL && c->fn == e->call.fn->oid;
}

static Status
deparse_call(Deparse *d, const Expr *e)
{
    const OperInfo *o = e->call.oper;

    if (o != NULL) {
        own_paren(d, '(');
        if (e->call.arg_count == 2) {
            TRY(deparse_operand(d, e->call.args[0], true));
            buf_add_char(d->out, ' ');
        }
        buf_add_text(d->out, o->name);
        buf_add_char(d->out, ' ');
        TRY(deparse_operand(d, e->call.args[e->call.arg_count - 1], true));
        own_paren(d, ')');
        return ST_OK;
    }
    if (is_cast_function(e)) {
        if (e->call.implicit)
            return deparse(d, e->call.args[0]);
        return deparse_cast(d, e->call.args[0], e->type, e->typmod);
    }
    deparse_identifier(e->call.fn->name, d->out);
    buf_add_char(d->out, '(');
    TRY(deparse_list(d, e->call.args, e->call.arg_count, ", "));
    buf_add_char(d->out, ')');
    return ST_OK;
}

static void
case_word(Deparse *d, const char *indent, const char *word)
{
    if (d->one_line)
        buf_printf(d->out, "%s%s", strcmp(word, "CASE") == 0 ? "" : " ", word);
    else
        buf_printf(d->out, "\n%s%s", indent, word);
}

static Status
deparse_case(Deparse *d, const Expr *e)
{
    case_word(d, "", "CASE");
    if (e->cases.arg != NULL) {
        buf_add_char(d->out, ' ');
        TRY(deparse(d, e->cases.arg));
    }
    for (int i = 0; i < e->cases.when_count; i++) {
        const Expr *when = e->cases.whens[i];

        case_word(d, "    ", "WHEN ");
        if (e->cases.arg != NULL && when->kind == EXPR_CALL && when->call.arg_count == 2)
            when = when->call.args[1];
        TRY(deparse(d, when));
        buf_add_text(d->out, " THEN ");
        TRY(deparse(d, e->cases.thens[i]));
    }
    case_word(d, "    ", "ELSE ");
    TRY(deparse(d, e->cases.otherwise));
    case_word(d, "", "END");
    return ST_OK;
}

static Status
deparse_aggregate(Deparse *d, const Expr *e)
{
    deparse_identifier(e->agg.fn->name, d->out);
    buf_add_text(d->out, e->agg.star ? "(*" : e->agg.distinct ? "(DISTINCT " : "(");
    TRY(deparse_list(d, e->agg.args, e->agg.arg_count, ", "));
    for (int i = 0; i < e->agg.order_count; i++) {
        const SortKey *k = &e->agg.order[i];

        buf_add_text(d->out, i == 0 ? " ORDER BY " : ", ");
        TRY(deparse(d, k->expr));
        buf_add_text(d->out, k->descending ? " DESC" : "");
        if (k->nulls_first != k->descending)
            buf_add_text(d->out, k->nulls_first ? " NULLS FIRST" : " NULLS LAST");
    }
    buf_add_char(d->out, ')');
    if (e->agg.filter != NULL) {
        buf_add_text(d->out, " FILTER (WHERE ");
        TRY(deparse(d, e->agg.filter));
        buf_add_char(d->out, ')');
    }
    return ST_OK;
}

static Status
deparse_tests(Deparse *d, const Expr *e)
{
    static const char *const names[] = {
        [IS_TRUE] = " IS TRUE",           [IS_NOT_TRUE] = " IS NOT TRUE", [IS_FALSE] = " IS FALSE",
        [IS_NOT_FALSE] = " IS NOT FALSE", [IS_UNKNOWN] = " IS UNKNOWN",   [IS_NOT_UNKNOWN] = " IS NOT UNKNOWN",
    };

    own_paren(d, '(');
    if (e->kind == EXPR_NOT)
        buf_add_text(d->out, "NOT ");
    TRY(deparse_operand(d, e->unary.arg, true));
    buf_add_text(d->out, e->kind == EXPR_NOT         ? ""
                         : e->kind == EXPR_NULL_TEST ? (e->unary.is_not ? " IS NOT NULL" : " IS NULL")
                                                     : names[e->unary.test]);
    own_paren(d, ')');
    return ST_OK;
}

static Status
deparse_binary(Deparse *d, const Expr *e)
{
    const char *name = e->binary.oper->name;

    if (e->kind == EXPR_NULLIF) {
        buf_add_text(d->out, "NULLIF(");
        TRY(deparse(d, e->binary.left));
        buf_add_text(d->out, ", ");
        TRY(deparse(d, e->binary.right));
        buf_add_char(d->out, ')');
        return ST_OK;
    }
    own_paren(d, '(');
    TRY(deparse_operand(d, e->binary.left, true));
    if (e->kind == EXPR_DISTINCT) {
        buf_add_text(d->out, e->binary.is_not ? " IS NOT DISTINCT FROM " : " IS DISTINCT FROM ");
        TRY(deparse_operand(d, e->binary.right, true));
    } else {
        buf_printf(d->out, " %s %s (", name, e->binary.use_all ? "ALL" : "ANY");
        TRY(deparse(d, e->binary.right));
        buf_add_char(d->out, ')');
    }
    own_paren(d, ')');
    return ST_OK;
}

static Status
deparse(Deparse *d, const Expr *e)
{
    TRY(ctx_check_stack(d->cx));
    switch (e->kind) {
    case EXPR_CONST: return deparse_const(d, e);
    case EXPR_ONCE: return deparse(d, e->once.arg);
    case EXPR_PARAM:
        if (d->hooks != NULL && d->hooks->params != NULL) {
            Expr known = {.kind = EXPR_CONST, .type = e->type, .typmod = -1};

            known.constant = d->hooks->params[e->param.number];
            return deparse_const(d, &known);
        }
        buf_printf(d->out, "$%d", e->param.number + 1);
        return ST_OK;
    case EXPR_COLUMN:
        ASSERT(d->table != NULL && e->column.column > 0 && e->column.column <= d->table->column_count);
        deparse_identifier(d->table->columns[e->column.column - 1].name, d->out);
        return ST_OK;
    case EXPR_CALL: return deparse_call(d, e);
    case EXPR_AGG: return deparse_aggregate(d, e);
    case EXPR_SLOT:
        if (d->hooks != NULL)
            return d->hooks->slot(d->hooks->arg, e, d->out);
        break;
    case EXPR_OUTER:
        if (d->hooks != NULL)
            return d->hooks->outer(d->hooks->arg, e, d->out);
        break;
    case EXPR_SUBQUERY:
        if (d->hooks == NULL)
            break;
        return d->hooks->subquery(d->hooks->arg, e, d->out);
    case EXPR_CASE_VALUE:
        if (d->hooks == NULL)
            break;
        buf_add_text(d->out, "CASE_TEST_EXPR");
        return ST_OK;
    case EXPR_ROW:
        buf_add_text(d->out, "ROW(");
        TRY(deparse_list(d, e->list.items, e->list.count, ", "));
        buf_add_char(d->out, ')');
        return ST_OK;
    case EXPR_AND:
    case EXPR_OR:
        own_paren(d, '(');
        for (int i = 0; i < e->list.count; i++) {
            const Expr *item = e->list.items[i];

            buf_add_text(d->out, i == 0 ? "" : e->kind == EXPR_AND ? " AND " : " OR ");
            TRY(deparse_operand(d, item, item->kind == EXPR_AND || item->kind == EXPR_OR));
        }
        own_paren(d, ')');
        return ST_OK;
    case EXPR_COALESCE:
    case EXPR_MINMAX:
    case EXPR_ARRAY:
        buf_add_text(d->out, e->kind == EXPR_COALESCE ? "COALESCE("
                             : e->kind == EXPR_ARRAY  ? "ARRAY["
                             : e->list.greatest       ? "GREATEST("
                                                      : "LEAST(");
        TRY(deparse_list(d, e->list.items, e->list.count, ", "));
        buf_add_char(d->out, e->kind == EXPR_ARRAY ? ']' : ')');
        if (e->kind == EXPR_ARRAY && e->list.count == 0) {
            buf_add_text(d->out, "::");
            type_format(e->type, e->typmod, d->out);
        }
        return ST_OK;
    case EXPR_CASE: return deparse_case(d, e);
    case EXPR_NOT:
    case EXPR_NULL_TEST:
    case EXPR_BOOL_TEST: return deparse_tests(d, e);
    case EXPR_IO_CAST:
    case EXPR_RELABEL:
    case EXPR_ARRAY_CAST:
        if (e->unary.implicit && e->kind != EXPR_RELABEL)
            return deparse(d, e->unary.arg);
        return deparse_cast(d, e->unary.arg, e->type, e->typmod);
    case EXPR_DISTINCT:
    case EXPR_NULLIF:
    case EXPR_SCALAR_ARRAY: return deparse_binary(d, e);
    case EXPR_SUBSCRIPT:
        TRY(deparse(d, e->subscript.arg));
        buf_add_char(d->out, '[');
        if (e->subscript.is_slice) {
            if (e->subscript.lower != NULL)
                TRY(deparse(d, e->subscript.lower));
            buf_add_char(d->out, ':');
        }
        if (e->subscript.upper != NULL)
            TRY(deparse(d, e->subscript.upper));
        buf_add_char(d->out, ']');
        return ST_OK;
    default: break;
    }
    return fail_unsupported(d->cx, e->location, "this expression in a definition");
}

Status
expr_deparse_plan(Ctx *cx, const Expr *e, const DeparseHooks *hooks, Buf *out)
{
    Deparse d = {.cx = cx, .out = out, .one_line = true, .hooks = hooks};

    return deparse(&d, e);
}

Status
expr_deparse(Ctx *cx, const Expr *e, const TableInfo *table, bool pretty, Buf *out)
{
    Deparse d = {.cx = cx, .table = table, .out = out, .pretty = pretty};

    TRY(deparse(&d, e));
    return out->failed ? fail(cx, ST_ERROR, "54000", "expression is too long") : ST_OK;
}

Status
expr_prettify(Ctx *cx, const char *text, const TableInfo *table, Buf *out)
{
    Ast *ast;
    Expr *e;

    TRY(parse_expression(cx, cx->arena, text, &ast));
    TRY(bind_table_expression(cx, cx->arena, table, ast, "definitions", OID_NONE, -1, NULL, &e));
    return expr_deparse(cx, e, table, true, out);
}
