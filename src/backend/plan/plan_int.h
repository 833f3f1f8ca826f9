/* src/backend/plan/plan_int.h - what the planner's files share. */
#ifndef PLAN_INT_H
#define PLAN_INT_H
#include "backend/bind/bind.h"
#include "backend/plan/plan.h"

/* Collected once for the whole statement. */
typedef struct PlanStatement {
    Ctx *cx;
    Arena *arena;
    int outer_count, rel_count, state_count, once_count;
    bool constant_raises;
    bool for_rows; /* one row's expression: nothing in it is computed once */
    Subplan **subplans;
    int subplan_count, subplan_capacity;
    struct PlannedCte *ctes;
    int cte_count, cte_capacity, work_count;
} PlanStatement;

/* What a plan needs from outside: set `index` to `expr` (in terms of whoever runs it). */
typedef struct OuterNeed {
    int index;
    Expr *expr;
} OuterNeed;

/* An order of one relation's rows that would save a sort, or everything but the first rows. */
enum { ORDER_KEYS_MOST = 8 };
typedef struct WantedOrder {
    int rel;
    int count;
    struct {
        int column;
        bool descending, nulls_first;
    } keys[ORDER_KEYS_MOST];
    double limit_rows; /* as many will be asked for; 0 = all */
    bool not_null; /* rows in which the first key is null are of no interest */
    bool granted; /* set by plan_base_table: the rows come in this order */
} WantedOrder;

typedef struct PlannedCte {
    const CteInfo *info;
    Plan *plan; /* NULL while it is being made */
    int work_no; /* of a recursive one */
} PlannedCte;

/* One query level. */
typedef struct Planner {
    PlanStatement *statement;
    Ctx *cx;
    Arena *arena;
    const Query *query;
    OuterNeed *needs; /* columns of enclosing queries, one level less up */
    int need_count, need_capacity;
    int *rel_numbers; /* of the query's range: number in the statement */
    Plan **seen; /* of the same: the plan of what is no heap table, else NULL */
    WantedOrder *wanted; /* NULL: any order will do */
    bool lateral; /* columns of this level that are not in the inputs come from the left side */
    OuterNeed *lateral_needs;
    int lateral_count, lateral_capacity;
} Planner;

/* A condition that must hold, with the range entries of this query it looks at. */
typedef struct Conjunct {
    Expr *expr;
    uint64_t rels; /* bit per range entry (queries with more than 64 are refused) */
    bool used;
    bool has_subquery, is_volatile;
} Conjunct;

typedef struct ConjunctList {
    Conjunct *items;
    int count, capacity;
} ConjunctList;

/* A part of FROM that has a plan: one relation or joined ones. */
typedef struct JoinUnit {
    Plan *plan;
    uint64_t rels;
    uint64_t lateral; /* rels that must be to the left */
    OuterNeed *needs; /* what it takes from them */
    int need_count;
    const RangeEntry *table; /* a single base table: it may be scanned by index from outside */
    int rel;
} JoinUnit;

Plan *plan_new(Planner *p, PlanKind kind, int output_count);
MUST_CHECK Status plan_level(PlanStatement *s, const Query *query, Planner *p, Plan **out);

/* plan_expr.c */
MUST_CHECK Status resolve_expr(Planner *p, Expr *e, Expr *const *inputs, int input_count, Expr **out);
MUST_CHECK Status resolve_over(Planner *p, Expr *e, const Plan *input, Expr **out);
uint64_t expr_rels(const Expr *e);
/* Rels of the query around q that q looks at. */
uint64_t query_outer_rels(const Query *q);
MUST_CHECK Status collect_conjuncts(Planner *p, Expr *e, ConjunctList *list);
int planner_need(Planner *p, Expr *e);
/* A need of a query in FROM that concerns neither it nor us goes one level up, under its number. */
void planner_pass_need(Planner *p, OuterNeed need);
/* The needs noted since planner_lateral_begin, and an end to it. */
void planner_lateral_begin(Planner *p);
void planner_lateral_end(Planner *p, OuterNeed **needs, int *count);
Expr *and_together(Planner *p, Expr *const *exprs, int count);

/* plan_scan.c */
MUST_CHECK Status plan_base_table(Planner *p, int rel, ConjunctList *conjuncts, Plan **out);
/* Gives `unit` another plan: an index scan whose keys come from `left_rels`, filtered by every conjunct
 * of the list that can be judged there (marked used). *out NULL when no index fits. */
MUST_CHECK Status plan_inner_index(Planner *p, JoinUnit *unit, uint64_t left_rels, ConjunctList *conjuncts,
                                   Plan **out);
/* scan_tests.c: which conditions of a scan's filter are range tests (ScanTest). */
void plan_scan_tests(Planner *p, Plan *scan, Expr *const *filter, int count);
double filter_selectivity(const RangeEntry *r, const Expr *e);

/* plan_from.c */
MUST_CHECK Status plan_from(Planner *p, ConjunctList *conjuncts, Plan **out);

/* plan_order.c */
/* ORDER BY of a query on one table. False: no index could help. */
MUST_CHECK bool wanted_by_sort(Planner *p, WantedOrder *out);
/* MIN and MAX without GROUP BY: *out is the first row, or the first and the last, by an index; NULL when there
 * is no such index. */
MUST_CHECK Status plan_extremes(Planner *p, ConjunctList *conjuncts, Plan **out);
/* Do rows come in the wanted order when read by this index, its first `fixed` keys being the same in all? */
bool index_gives_order(const TableInfo *t, const IndexInfo *x, int fixed, const WantedOrder *wanted,
                       bool *backward);

/* plan_agg.c: work that several aggregates of the node have in common. */
MUST_CHECK Status plan_share_aggregates(Planner *p, Plan *agg, int input_columns);

/* plan_cte.c */
/* The WITH query is run once, not merged into those that use it. */
bool cte_is_kept(const CteInfo *c);
/* Reading it; *out NULL: it needs values of an enclosing query and must be merged after all. */
MUST_CHECK Status plan_cte_scan(Planner *p, int rel, Plan **out);
/* Those that change something are run whether somebody reads them or not. */
MUST_CHECK Status plan_changing_ctes(PlanStatement *s, const Query *q);

/* plan_marks.c */
/* Numbers the parts of FROM: before they are planned. */
void planner_number_range(Planner *p);
/* `plan` makes the rows of a part of FROM that is no heap table. */
void planner_note_seen(Planner *p, int rel, Plan *plan);
/* Adds the columns of those that are not there yet to a projection of `over`, which has room for them. */
MUST_CHECK Status project_seen(Planner *p, const Plan *over, Plan *project);
/* How many those are at most. */
int count_seen(const Planner *p);
SeenMark *seen_marks(const Planner *p, const Plan *over, int *count);
int find_output(const Plan *plan, int rel, int column); /* slot; -1: it has none */

/* plan_modify.c */
MUST_CHECK Status plan_modify(PlanStatement *s, const Query *q, PlannedQuery *result, Plan **out);

#endif
