/* src/backend/exec/page_tests.h - a scan's range tests, judged on the arrays of a pinned page (H5). */
#ifndef EXEC_PAGE_TESTS_H
#define EXEC_PAGE_TESTS_H
#include "backend/exec/exec_int.h"

typedef struct PageTest {
    int column; /* 0-based column of the table */
    Phys phys;
    int64_t low; /* low <= x <= low + width, on the circle of the column's values */
    uint64_t width;
} PageTest;

typedef struct PageTests {
    bool usable; /* false: a value has no such form, so the filter is to be judged as a whole */
    bool never; /* no row passes */
    int count;
    PageTest *tests;
} PageTests;

/* Takes the values as they are now. */
MUST_CHECK Status page_tests_open(Execution *e, const Plan *scan, Arena *a, PageTests *out);
/* The visible rows that pass all tests: their number, and in `sel` their slots. */
MUST_CHECK Status page_tests_judge(Ctx *cx, const PageTests *t, const HeapScan *scan, const HeapPageView *view,
                                   uint16_t *sel, uint32_t *count);

#endif
