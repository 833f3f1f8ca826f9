/* load_rows.c - lines for the bulk load: load_rows COUNT writes COUNT rows of load.py's table as CSV.
 *
 * The columns are like those of an order line: keys, numbers, dates, short texts. Always the same bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PICK(list) ((list)[next() % (sizeof(list) / sizeof(*(list)))])

static const char *const words[] = {"brisk",  "cedar",  "distant", "even", "fallow", "gentle",
                                    "harbor", "inland", "jovial",  "keen", "limber", "mossy",
                                    "nimble", "open",   "patient", "quiet"};
static const char *const instructions[] = {"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"};
static const char *const modes[] = {"AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB", "REG AIR"};

/* xorshift64 (Marsaglia 2003) */
static uint64_t
next(void)
{
    static uint64_t state = UINT64_C(0x9E3779B97F4A7C15);

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void
put_date(unsigned day)
{
    printf("%u-%02u-%02u,", 1992 + day / 360, day % 360 / 30 + 1, day % 30 % 28 + 1);
}

int
main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 0, order = 1;
    unsigned line = 1;

    if (count <= 0) {
        fprintf(stderr, "usage: load_rows COUNT\n");
        return 2;
    }
    for (long id = 1; id <= count; id++) {
        unsigned quantity = 1 + (unsigned)(next() % 50), part = 1 + (unsigned)(next() % 200000);
        unsigned day = (unsigned)(next() % 2520);

        if (line > 1 + next() % 7) {
            order += 1 + (next() % 3 == 0 ? 24 : 0);
            line = 1;
        }
        printf("%ld,%ld,%u,%u,%u,%u.00,%u.%02u,0.%02u,0.%02u,%c,%c,", id, order, part,
               1 + (unsigned)(next() % 10000), line++, quantity, quantity * (900 + part % 1000),
               (unsigned)(next() % 100), (unsigned)(next() % 11), (unsigned)(next() % 9), "ARN"[next() % 3],
               "OF"[next() % 2]);
        put_date(day);
        put_date(day + (unsigned)(next() % 60));
        put_date(day + 1 + (unsigned)(next() % 30));
        printf("%s,%s,", PICK(instructions), PICK(modes));
        printf("%s %s ", PICK(words), PICK(words));
        printf("%s\n", PICK(words));
    }
    return 0;
}
