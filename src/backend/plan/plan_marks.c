/* plan_marks.c - what a row is made of, for a re-check (R4): numbers of the parts of FROM, and the columns of those that are no heap
 * tables, which have no ctid to be found by again. */
#include "backend/plan/plan_int.h"

void
planner_number_range(Planner *p)
{
    int count = p->query->range_count;

    p->rel_numbers = arena_array(p->arena, int, count + 1);
    p->seen = arena_zalloc(p->arena, sizeof(Plan *) * (size_t)(count + 1));
    for (int i = 0; i < count; i++)
        p->rel_numbers[i] = p->statement->rel_count++;
}

void
planner_note_seen(Planner *p, int rel, Plan *plan)
{
    plan->seen_no = p->rel_numbers[rel] + 1;
    p->seen[rel] = plan;
}

int
find_output(const Plan *plan, int rel, int column)
{
    for (int i = 0; i < plan->output_count; i++) {
        const Expr *e = plan->outputs[i];

        if (e->kind == EXPR_COLUMN && e->column.levels_up == 0 && e->column.rel == rel &&
            e->column.column == column)
            return i;
    }
    return -1;
}

int
count_seen(const Planner *p)
{
    int count = 0;

    for (int rel = 0; rel < p->query->range_count; rel++)
        count += p->seen[rel] != NULL ? p->seen[rel]->output_count : 0;
    return count;
}

static bool
is_needed(const RangeEntry *r, const Expr *output)
{
    return output->column.column <= 0 || r->used[output->column.column - 1];
}

Status
project_seen(Planner *p, const Plan *over, Plan *project)
{
    for (int rel = 0; rel < p->query->range_count; rel++) {
        const Plan *seen = p->seen[rel];

        for (int i = 0; seen != NULL && i < seen->output_count; i++) {
            Expr *e = seen->outputs[i];

            if (!is_needed(p->query->range[rel], e) || find_output(project, rel, e->column.column) >= 0)
                continue;
            project->outputs[project->output_count] = e;
            TRY(resolve_over(p, e, over, &project->project.exprs[project->output_count]));
            project->output_count++;
        }
    }
    return ST_OK;
}

SeenMark *
seen_marks(const Planner *p, const Plan *over, int *count)
{
    SeenMark *marks = arena_array(p->arena, SeenMark, p->query->range_count + 1);

    *count = 0;
    for (int rel = 0; rel < p->query->range_count; rel++) {
        const Plan *seen = p->seen[rel];
        SeenMark *m = &marks[*count];

        if (seen == NULL)
            continue;
        *m = (SeenMark){.rel_no = p->rel_numbers[rel], .column_count = seen->output_count};
        m->slots = arena_array(p->arena, int, MAX_OF(m->column_count, 1));
        for (int i = 0; i < m->column_count; i++)
            m->slots[i] = find_output(over, rel, seen->outputs[i]->column.column);
        ++*count;
    }
    return marks;
}
