/* harness.c - collects the TESTs of a program and runs them under libcheck. */
#include "harness.h"

#include <stdio.h>
#include <string.h>

enum { TESTS_MOST = 4096 };

static struct {
    const char *suite;
    const TTest *test;
} tests[TESTS_MOST];
static int test_count;

void
harness_add(const char *suite, const char *name, const TTest *test)
{
    (void)name;
    if (test_count == TESTS_MOST)
        abort();
    tests[test_count].suite = suite;
    tests[test_count].test = test;
    test_count++;
}

Ctx *
test_ctx(void)
{
    static Arena statement, errors;
    static Ctx cx;

    if (cx.arena == NULL) {
        arena_init(&statement, "test statement", NULL);
        arena_init(&errors, "test errors", NULL);
        cx = (Ctx){.arena = &statement, .error_arena = &errors, .env = env_system()};
    }
    return &cx;
}

uint64_t
test_seed(void)
{
    const char *given = getenv("HELIOS_SEED");
    uint64_t seed = 0;

    if (given != NULL)
        seed = strtoull(given, NULL, 10);
    else if (!env_system()->random(env_system(), &seed, sizeof(seed)))
        abort();
    fprintf(stderr, "replay with HELIOS_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

int
main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : NULL; /* part of "suite.name" */
    Suite *suite = suite_create(argv[0]);
    SRunner *runner = srunner_create(suite);
    int run, failed;

    for (int i = 0; i < test_count; i++) {
        TCase *one;

        if (only != NULL && strstr(tests[i].test->name, only) == NULL)
            continue;
        one = tcase_create(tests[i].test->name);
        tcase_set_timeout(one, 120);
        tcase_add_test(one, tests[i].test);
        suite_add_tcase(suite, one);
    }
    srunner_run_all(runner, CK_NORMAL);
    run = srunner_ntests_run(runner);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    printf("%d passed, %d failed\n", run - failed, failed);
    return failed == 0 ? 0 : 1;
}
