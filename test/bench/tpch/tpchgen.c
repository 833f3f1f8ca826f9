/* tpchgen.c - a data set with the shape of TPC-H, for comparing databases on the 22 queries.
 *
 *     tpchgen SF OUTDIR        writes OUTDIR/{region,nation,part,...}.tbl
 *
 * Written from the public TPC-H specification (clause 4.2: cardinalities, key relations, value ranges, price
 * formulas, word lists); the random numbers and the comment texts are its own, so answers differ from published
 * ones while selectivities agree. One row per line, fields separated by '|' with none after the last:
 * COPY t FROM ... (DELIMITER '|').
 *
 * Every value is a hash of (seed, table, row, draw number). There is no generator state that runs through the
 * file, so the same SF always gives the same bytes, and a change to one column leaves other tables alone.
 *
 * Rows: region 5, nation 25, and
 *     SF     supplier  customer     part  partsupp    orders  lineitem
 *     0.1       1 000    15 000   20 000    80 000   150 000     600 460
 *     1        10 000   150 000  200 000   800 000 1 500 000  5 999 805
 * Result rows of q01..q22 (validation parameters):
 *     0.1   4 45 10 5 5 1 4 2 175 20 23 2 31 1 1 2852 1 8 1 20 38 7
 *     1     4 100 10 5 5 1 4 2 175 20 415 2 35 1 1 18221 1 71 1 162 100 7
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SEED = 19920101,
    SUPPLIERS_PER_SF = 10000,
    CUSTOMERS_PER_SF = 150000,
    PARTS_PER_SF = 200000,
    ORDERS_PER_SF = 1500000,
    CLERKS_PER_SF = 1000,
    SUPPLIERS_PER_PART = 4,
    PARTS_PER_SUPPLIER = PARTS_PER_SF / SUPPLIERS_PER_SF,
    LINES_MAX = 7,
    COMPLAINT_EVERY = 2000,
    DATE_COUNT = 2557,
    TODAY = 1263, /* 1992-01-01 .. 1998-12-31; the data's "today" is 1995-06-17 */
    ORDER_DAYS_BEFORE_END = 151, /* the receipt of the last order still has a date */
    DATE_CHARS = 10,
    ROW_BYTES_MAX = 1024,
    OUT_BYTES = 1 << 18,
};

enum Table { REGION, NATION, PART, SUPPLIER, PARTSUPP, CUSTOMER, ORDERS, LINEITEM };
#define LENGTH(a) ((int)(sizeof(a) / sizeof *(a)))

/* ---- Word lists of the specification. ---- */

static const char *const region_names[] = {"AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"};
static const struct {
    const char *name;
    int region_no;
} nations[] = {{"ALGERIA", 0},      {"ARGENTINA", 1}, {"BRAZIL", 1}, {"CANADA", 1},
               {"EGYPT", 4},        {"ETHIOPIA", 0},  {"FRANCE", 3}, {"GERMANY", 3},
               {"INDIA", 2},        {"INDONESIA", 2}, {"IRAN", 4},   {"IRAQ", 4},
               {"JAPAN", 2},        {"JORDAN", 4},    {"KENYA", 0},  {"MOROCCO", 0},
               {"MOZAMBIQUE", 0},   {"PERU", 1},      {"CHINA", 2},  {"ROMANIA", 3},
               {"SAUDI ARABIA", 4}, {"VIETNAM", 2},   {"RUSSIA", 3}, {"UNITED KINGDOM", 3},
               {"UNITED STATES", 1}};
static const char *const colors[] = {
    "almond",    "antique",    "aquamarine", "azure",     "beige",     "bisque",     "black",     "blanched",
    "blue",      "blush",      "brown",      "burlywood", "burnished", "chartreuse", "chiffon",   "chocolate",
    "coral",     "cornflower", "cornsilk",   "cream",     "cyan",      "dark",       "deep",      "dim",
    "dodger",    "drab",       "firebrick",  "floral",    "forest",    "frosted",    "gainsboro", "ghost",
    "goldenrod", "green",      "grey",       "honeydew",  "hot",       "indian",     "ivory",     "khaki",
    "lace",      "lavender",   "lawn",       "lemon",     "light",     "lime",       "linen",     "magenta",
    "maroon",    "medium",     "metallic",   "midnight",  "mint",      "misty",      "moccasin",  "navajo",
    "navy",      "olive",      "orange",     "orchid",    "pale",      "papaya",     "peach",     "peru",
    "pink",      "plum",       "powder",     "puff",      "purple",    "red",        "rose",      "rosy",
    "royal",     "saddle",     "salmon",     "sandy",     "seashell",  "sienna",     "sky",       "slate",
    "smoke",     "snow",       "spring",     "steel",     "tan",       "thistle",    "tomato",    "turquoise",
    "violet",    "wheat",      "white",      "yellow"};
_Static_assert(LENGTH(nations) == 25 && LENGTH(colors) == 92, "clause 4.2.3");
static const char *const type_grades[] = {"STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"};
static const char *const type_finishes[] = {"ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"};
static const char *const type_metals[] = {"TIN", "NICKEL", "BRASS", "STEEL", "COPPER"};
static const char *const container_sizes[] = {"SM", "LG", "MED", "JUMBO", "WRAP"};
static const char *const container_kinds[] = {"CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM"};
static const char *const segments[] = {"AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD"};
static const char *const priorities[] = {"1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"};
static const char *const instructions[] = {"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"};
static const char *const modes[] = {"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"};

/* ---- Words of the comments: our own, but for the eight that Q13 may ask for, which begin the first two lists. The
 * lengths of these two set how many orders match '%special%requests%': about 1.1 %. ---- */

static const char *const adjectives[] = {"special", "pending", "unusual", "express", "early", "local",
                                         "overdue", "patient", "remote",  "sealed",  "spare", "urgent"};
static const char *const nouns[] = {"requests", "accounts", "deposits", "packages", "barges",  "couriers",
                                    "crates",   "harbors",  "invoices", "ledgers",  "parcels", "shipments"};
static const char *const verbs[] = {"arrive", "balance",  "cross",  "depart", "expire",   "follow", "gather",
                                    "linger", "overtake", "return", "settle", "transfer", "unload", "wait"};
static const char *const adverbs[] = {"again",   "barely", "by night", "calmly", "daily",
                                      "in turn", "later",  "promptly", "seldom", "together"};
static const char *const prepositions[] = {"above",  "across",  "after",   "against", "along",  "before",
                                           "beside", "between", "despite", "near",    "toward", "without"};
/* T: "the"; the other letters name the lists above. */
static const char *const sentences[] = {"TANVD.", "ANVPTAN.", "DTNVPAN.", "NVDPTAN;", "ANVTAN.", "TNPTANV."};

/* ---- Random numbers. ---- */

typedef struct Draws {
    uint64_t key, drawn;
} Draws;

/* The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection that scatters neighbours. */
static uint64_t
scatter(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static Draws
draws_of_row(enum Table table, uint64_t row)
{
    return (Draws){scatter(scatter(SEED + (uint64_t)table) + row), 0};
}

/* From lo to hi, both included; hi - lo < 2^32. */
static int64_t
uniform(Draws *d, int64_t lo, int64_t hi)
{
    uint64_t bits = scatter(d->key + ++d->drawn * UINT64_C(0x9E3779B97F4A7C15)) >> 32;
    return lo + (int64_t)(bits * (uint64_t)(hi - lo + 1) >> 32);
}

#define PICK(d, list) ((list)[uniform(d, 0, LENGTH(list) - 1)])

/* ---- Output. Each put_ writes one field and the separator; end_row turns the last separator into a newline. */

typedef struct Out {
    FILE *file;
    const char *table;
    int64_t rows;
    size_t used;
    char bytes[OUT_BYTES];
} Out;

static void
die(const char *what, const char *name)
{
    fprintf(stderr, "tpchgen: %s %s: %s\n", what, name, strerror(errno));
    exit(1);
}

static Out *
open_table(const char *table)
{
    char path[32];
    snprintf(path, sizeof path, "%s.tbl", table);
    Out *o = calloc(1, sizeof *o);
    if (o == NULL || (o->file = fopen(path, "wb")) == NULL)
        die("cannot open", path);
    o->table = table;
    return o;
}

static void
flush(Out *o)
{
    if (fwrite(o->bytes, 1, o->used, o->file) != o->used)
        die("cannot write", o->table);
    o->used = 0;
}

static void
close_table(Out *o)
{
    flush(o);
    if (fclose(o->file) != 0)
        die("cannot write", o->table);
    printf("%s %lld\n", o->table, (long long)o->rows);
    free(o);
}

static void
end_row(Out *o)
{
    o->bytes[o->used - 1] = '\n';
    o->rows++;
    if (o->used > OUT_BYTES - ROW_BYTES_MAX)
        flush(o);
}

static void
put_bytes(Out *o, const char *bytes, size_t count)
{
    memcpy(o->bytes + o->used, bytes, count);
    o->used += count;
    o->bytes[o->used++] = '|';
}

static void
put_string(Out *o, const char *s)
{
    put_bytes(o, s, strlen(s));
}
static void
put_char(Out *o, char c)
{
    put_bytes(o, &c, 1);
}

/* At least `digits` digits, zeros in front. */
static void
put_number(Out *o, const char *prefix, int64_t value, int digits)
{
    char text[64], *end = text + sizeof text, *p = end;
    for (; value > 0 || digits > 0; value /= 10, digits--)
        *--p = (char)('0' + value % 10);
    size_t prefix_bytes = strlen(prefix);
    memcpy(o->bytes + o->used, prefix, prefix_bytes);
    o->used += prefix_bytes;
    put_bytes(o, p, (size_t)(end - p));
}

static void
put_int(Out *o, int64_t value)
{
    put_number(o, "", value, 1);
}

static void
put_cents(Out *o, int64_t cents)
{
    put_number(o, cents < 0 ? "-" : "", llabs(cents) / 100, 1);
    o->bytes[o->used - 1] = '.';
    put_number(o, "", llabs(cents) % 100, 2);
}

static void
put_words(Out *o, int count, const char *const *words)
{
    for (int i = 0; i < count; i++, o->bytes[o->used - 1] = i < count ? ' ' : '|')
        put_string(o, words[i]);
}

/* A phone number's country code is the nation's number plus ten: Q22 selects on it. */
static void
put_phone(Out *o, Draws *d, int64_t nation_no)
{
    put_number(o, "", nation_no + 10, 2);
    for (int i = 0; i < 3; i++) {
        o->bytes[o->used - 1] = '-';
        put_number(o, "", i < 2 ? uniform(d, 100, 999) : uniform(d, 1000, 9999), 3);
    }
}

static void
put_address(Out *o, Draws *d)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789, ";
    char text[40];
    int length = (int)uniform(d, 10, 40);
    for (int i = 0; i < length; i++) /* no comma or blank at either end */
        text[i] = alphabet[uniform(d, 0, i == 0 || i == length - 1 ? 61 : 63)];
    put_bytes(o, text, (size_t)length);
}

/* ---- Comments. ---- */

/* Sentences cut at `length` bytes. text must have room for one more word. */
static void
make_text(Draws *d, char *text, int length)
{
    for (int used = 0; used < length;) {
        const char *part = PICK(d, sentences);
        for (; *part != '\0' && used < length; part++) {
            const char *word = *part == 'A'   ? PICK(d, adjectives)
                               : *part == 'N' ? PICK(d, nouns)
                               : *part == 'V' ? PICK(d, verbs)
                               : *part == 'D' ? PICK(d, adverbs)
                               : *part == 'P' ? PICK(d, prepositions)
                               : *part == 'T' ? "the"
                                              : NULL;
            if (word == NULL)
                text[used - 1] = *part; /* the stop takes the place of the blank */
            else
                for (; *word != '\0'; word++)
                    text[used++] = *word;
            text[used++] = ' ';
        }
    }
    if (text[length - 1] == ' ')
        text[length - 1] = '.';
}

static void
put_text(Out *o, Draws *d, int min, int max)
{
    char text[256];
    int length = (int)uniform(d, min, max);
    make_text(d, text, length);
    put_bytes(o, text, (size_t)length);
}

/* ---- Relations between keys, prices, dates. ---- */

/* The i-th of a part's four suppliers, i from 0 (clause 4.2.3, PS_SUPPKEY and L_SUPPKEY). */
static int64_t
supplier_of_part(int64_t part, int i, int64_t supplier_count)
{
    return (part + i * (supplier_count / SUPPLIERS_PER_PART + (part - 1) / supplier_count)) % supplier_count +
           1;
}

/* With very few suppliers the formula can name one twice; the step has PARTS_PER_SUPPLIER values. */
static bool
suppliers_are_distinct(int64_t supplier_count)
{
    for (int64_t n = 0; n < 3 * PARTS_PER_SUPPLIER; n++)
        if ((n % 3 + 1) * (supplier_count / SUPPLIERS_PER_PART + n / 3) % supplier_count == 0)
            return false;
    return true;
}

static int64_t
retail_cents(int64_t part)
{
    return 90000 + part / 10 % 20001 + 100 * (part % 1000);
}
/* Sparse: eight keys used, 24 left out; row_no from 0. */
static int64_t
order_key(int64_t row_no)
{
    return row_no / 8 * 32 + row_no % 8 + 1;
}

/* A third of the customers, those divisible by three, never order. */
static int64_t
ordering_customer(Draws *d, int64_t customer_count)
{
    int64_t k = uniform(d, 0, customer_count - customer_count / 3 - 1);
    return k / 2 * 3 + k % 2 + 1;
}

static char dates[DATE_COUNT][DATE_CHARS];

static void
make_dates(void)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int n = 0;
    for (int year = 1992; year <= 1998; year++)
        for (int month = 1; month <= 12; month++)
            for (int day = 1; day <= month_days[month - 1] + (month == 2 && year % 4 == 0); day++) {
                char text[40];
                snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
                memcpy(dates[n++], text, DATE_CHARS);
            }
}

/* ---- Tables. ---- */
static void
make_regions_and_nations(void)
{
    for (enum Table t = REGION; t <= NATION; t++) {
        Out *o = open_table(t == REGION ? "region" : "nation");
        for (int i = 0; i < (t == REGION ? LENGTH(region_names) : LENGTH(nations)); i++) {
            Draws d = draws_of_row(t, (uint64_t)i);
            put_int(o, i);
            put_string(o, t == REGION ? region_names[i] : nations[i].name);
            if (t == NATION)
                put_int(o, nations[i].region_no);
            put_text(o, &d, 31, 114);
            end_row(o);
        }
        close_table(o);
    }
}

/* Of every COMPLAINT_EVERY suppliers one has complaints and another has recommendations, for Q16. */
static void
put_supplier_comment(Out *o, Draws *d, int64_t key, int64_t supplier_count)
{
    char text[160];
    int length = (int)uniform(d, 25, 100), gap = (int)uniform(d, 1, 7);
    make_text(d, text, length);
    int64_t start = (key - 1) / COMPLAINT_EVERY * COMPLAINT_EVERY, left = supplier_count - start;
    int64_t count = left < COMPLAINT_EVERY ? left : COMPLAINT_EVERY;
    Draws of_block = draws_of_row(SUPPLIER, UINT64_C(1) << 40 | (uint64_t)start);
    int64_t bad = uniform(&of_block, 0, count - 1), good = (bad + uniform(&of_block, 1, count - 1)) % count;
    if (key - 1 - start == bad || key - 1 - start == good) {
        int at = (int)uniform(d, 0, length - 8 - gap - 10);
        memcpy(text + at, "Customer", 8);
        memcpy(text + at + 8 + gap, key - 1 - start == bad ? "Complaints" : "Recommends", 10);
    }
    put_bytes(o, text, (size_t)length);
}

/* table is SUPPLIER or CUSTOMER: they differ in their last fields only. */
static void
make_parties(enum Table table, int64_t count)
{
    Out *o = open_table(table == SUPPLIER ? "supplier" : "customer");
    for (int64_t key = 1; key <= count; key++) {
        Draws d = draws_of_row(table, (uint64_t)key);
        int64_t nation_no = uniform(&d, 0, LENGTH(nations) - 1);
        put_int(o, key);
        put_number(o, table == SUPPLIER ? "Supplier#" : "Customer#", key, 9);
        put_address(o, &d);
        put_int(o, nation_no);
        put_phone(o, &d, nation_no);
        put_cents(o, uniform(&d, -99999, 999999));
        if (table == SUPPLIER) {
            put_supplier_comment(o, &d, key, count);
        } else {
            put_string(o, PICK(&d, segments));
            put_text(o, &d, 29, 116);
        }
        end_row(o);
    }
    close_table(o);
}

static void
make_parts(int64_t count, int64_t supplier_count)
{
    Out *o = open_table("part"), *supplies = open_table("partsupp");
    for (int64_t key = 1; key <= count; key++) {
        Draws d = draws_of_row(PART, (uint64_t)key);
        const char *name[5];
        for (int i = 0, j; i < LENGTH(name); i += j == i) { /* five different colors */
            name[i] = PICK(&d, colors);
            for (j = 0; j < i && name[j] != name[i];)
                j++;
        }
        int64_t maker = uniform(&d, 1, 5), brand = maker * 10 + uniform(&d, 1, 5);
        const char *grade = PICK(&d, type_grades), *finish = PICK(&d, type_finishes),
                   *metal = PICK(&d, type_metals);
        put_int(o, key);
        put_words(o, LENGTH(name), name);
        put_number(o, "Manufacturer#", maker, 1);
        put_number(o, "Brand#", brand, 2);
        put_words(o, 3, (const char *const[]){grade, finish, metal});
        put_int(o, uniform(&d, 1, 50));
        const char *size = PICK(&d, container_sizes), *kind = PICK(&d, container_kinds);
        put_words(o, 2, (const char *const[]){size, kind});
        put_cents(o, retail_cents(key));
        put_text(o, &d, 5, 22);
        end_row(o);
        for (int i = 0; i < SUPPLIERS_PER_PART; i++) {
            d = draws_of_row(PARTSUPP, (uint64_t)(key * SUPPLIERS_PER_PART + i));
            put_int(supplies, key);
            put_int(supplies, supplier_of_part(key, i, supplier_count));
            put_int(supplies, uniform(&d, 1, 9999));
            put_cents(supplies, uniform(&d, 100, 100000));
            put_text(supplies, &d, 49, 198);
            end_row(supplies);
        }
    }
    close_table(o);
    close_table(supplies);
}

/* Returns what the line adds to the order's total price, in 1/10 000 cent. */
static int64_t
make_line(Out *o, int64_t order, int line_no, int day, int64_t part_count, int64_t supplier_count, int *shipped)
{
    Draws d = draws_of_row(LINEITEM, (uint64_t)(order * (LINES_MAX + 1) + line_no));
    int64_t part = uniform(&d, 1, part_count);
    int64_t supplier = supplier_of_part(part, (int)uniform(&d, 0, SUPPLIERS_PER_PART - 1), supplier_count);
    int64_t quantity = uniform(&d, 1, 50), discount = uniform(&d, 0, 10), tax = uniform(&d, 0, 8);
    int64_t price = quantity * retail_cents(part);
    int64_t ship = day + uniform(&d, 1, 121), commit = day + uniform(&d, 30, 90);
    int64_t receipt = ship + uniform(&d, 1, 30);
    bool returned = uniform(&d, 0, 1) == 1;
    *shipped += ship <= TODAY;
    put_int(o, order);
    put_int(o, part);
    put_int(o, supplier);
    put_int(o, line_no);
    put_int(o, quantity);
    put_cents(o, price);
    put_cents(o, discount);
    put_cents(o, tax);
    put_char(o, receipt > TODAY ? 'N' : returned ? 'R' : 'A');
    put_char(o, ship <= TODAY ? 'F' : 'O');
    put_bytes(o, dates[ship], DATE_CHARS);
    put_bytes(o, dates[commit], DATE_CHARS);
    put_bytes(o, dates[receipt], DATE_CHARS);
    put_string(o, PICK(&d, instructions));
    put_string(o, PICK(&d, modes));
    put_text(o, &d, 10, 43);
    end_row(o);
    return price * (100 - discount) * (100 + tax);
}

/* Orders with their lines: total price and status of an order follow from its lines. */
static void
make_orders(double sf, int64_t order_count, int64_t customer_count, int64_t part_count, int64_t supplier_count)
{
    Out *orders = open_table("orders"), *lines = open_table("lineitem");
    int64_t clerk_count = (int64_t)(sf * CLERKS_PER_SF + 0.5);
    for (int64_t row = 0; row < order_count; row++) {
        Draws d = draws_of_row(ORDERS, (uint64_t)row);
        int64_t key = order_key(row), charge = 0;
        int date = (int)uniform(&d, 0, DATE_COUNT - 1 - ORDER_DAYS_BEFORE_END);
        int line_count = (int)uniform(&d, 1, LINES_MAX), shipped = 0;
        for (int i = 1; i <= line_count; i++)
            charge += make_line(lines, key, i, date, part_count, supplier_count, &shipped);
        put_int(orders, key);
        put_int(orders, ordering_customer(&d, customer_count));
        put_char(orders, shipped == line_count ? 'F' : shipped == 0 ? 'O' : 'P');
        put_cents(orders, (charge + 5000) / 10000);
        put_bytes(orders, dates[date], DATE_CHARS);
        put_string(orders, PICK(&d, priorities));
        put_number(orders, "Clerk#", uniform(&d, 1, clerk_count), 9);
        put_int(orders, 0);
        put_text(orders, &d, 19, 78);
        end_row(orders);
    }
    close_table(orders);
    close_table(lines);
}

int
main(int argc, char **argv)
{
    char *end = NULL;
    double sf = argc == 3 ? strtod(argv[1], &end) : 0;
    if (end == NULL || *end != '\0' || !(sf >= 0.01 && sf <= 300)) { /* keys are 32-bit up to there */
        fprintf(stderr, "usage: tpchgen SF OUTDIR (SF from 0.01 to 300)\n");
        return 2;
    }
    int64_t suppliers = (int64_t)(sf * SUPPLIERS_PER_SF + 0.5),
            customers = (int64_t)(sf * CUSTOMERS_PER_SF + 0.5);
    int64_t parts = suppliers * PARTS_PER_SUPPLIER, orders = (int64_t)(sf * ORDERS_PER_SF + 0.5);
    if (!suppliers_are_distinct(suppliers)) {
        fprintf(stderr, "tpchgen: SF %s gives a part the same supplier twice; take another\n", argv[1]);
        return 2;
    }
    if ((mkdir(argv[2], 0777) != 0 && errno != EEXIST) || chdir(argv[2]) != 0)
        die("cannot use", argv[2]);
    make_dates();
    make_regions_and_nations();
    make_parties(SUPPLIER, suppliers);
    make_parties(CUSTOMER, customers);
    make_parts(parts, suppliers);
    make_orders(sf, orders, customers, parts, suppliers);
    return 0;
}
