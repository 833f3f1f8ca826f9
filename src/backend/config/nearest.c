/* nearest.c - Damerau's distance (insert, delete, replace, swap of neighbours), case ignored. */
#include "backend/config/nearest.h"

#include <ctype.h>
#include <string.h>

enum { NAME_MOST = 64 };

static int
least(int a, int b)
{
    return a < b ? a : b;
}

static int
name_distance(const char *a, const char *b)
{
    int rows[3][NAME_MOST + 1];
    int n = (int)strlen(a), m = (int)strlen(b);

    if (n > NAME_MOST || m > NAME_MOST)
        return NAME_MOST;
    for (int j = 0; j <= m; j++)
        rows[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

        now[0] = i;
        for (int j = 1; j <= m; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);

            now[j] = least(least(last[j] + 1, now[j - 1] + 1), last[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
                cb == tolower((unsigned char)a[i - 2]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

Nearest
nearest_begin(const char *wanted)
{
    /* Half of a short name may be wrong, but not half of a long one. */
    return (Nearest){.wanted = wanted, .distance = 2 + (int)strlen(wanted) / 6};
}

void
nearest_offer(Nearest *n, const char *name)
{
    int distance = name_distance(n->wanted, name);

    if (distance < n->distance || (distance == n->distance && n->best == NULL)) {
        n->best = name;
        n->distance = distance;
    }
}
