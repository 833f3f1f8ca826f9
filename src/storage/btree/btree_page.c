/* btree_page.c - bytes of a page: searching, inserting, removing. Functions of (page, record) alone. */
#include "base/bytes.h"
#include "storage/btree/btree_int.h"

/* ---- comparing ---------------------------------------------------------------------------------------------------- */

int
bytes_compare(Bytes a, Bytes b)
{
    uint32_t n = MIN_OF(a.bytes, b.bytes);
    int c = n > 0 ? memcmp(a.data, b.data, n) : 0;

    return c != 0 ? c : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

int
target_compare(Bytes key, const BtreeTarget *t)
{
    uint32_t n = MIN_OF(key.bytes, t->key.bytes);
    int c = n > 0 ? memcmp(key.data, t->key.data, n) : 0;

    if (c != 0)
        return c;
    if (t->after && key.bytes >= t->key.bytes)
        return -1;
    return (key.bytes > t->key.bytes) - (key.bytes < t->key.bytes);
}

uint32_t
bytes_common(Bytes a, Bytes b)
{
    uint32_t n = MIN_OF(a.bytes, b.bytes), i = 0;

    while (i < n && a.data[i] == b.data[i])
        i++;
    return i;
}

Bytes
btree_full_key(BtreeKey key, Tid tid, uint8_t *out)
{
    memcpy(out, key.data, key.bytes);
    put_be16(out + key.bytes, (uint16_t)(tid >> 32));
    put_be32(out + key.bytes + 2, (uint32_t)tid);
    return (Bytes){out, key.bytes + TID_BYTES};
}

Bytes
btree_separator(Bytes a, Bytes b)
{
    uint32_t n = bytes_common(a, b);

    ASSERT(n < b.bytes);
    return (Bytes){b.data, n + 1};
}

static uint32_t
head_of(const uint8_t *data, uint32_t bytes)
{
    uint8_t first[4] = {0};

    if (bytes >= 4)
        return get_be32(data);
    if (bytes == 0)
        return 0;
    memcpy(first, data, bytes);
    return get_be32(first);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

Bytes
btree_slot_key(const BtreePage *p, uint32_t i, uint8_t *out)
{
    const BtreeSlot *s = &p->slots[i];
    uint32_t n = slot_key_bytes(s);
    uint8_t head[4];

    ASSERT(i < p->count);
    memcpy(out, btree_prefix(p), p->prefix_bytes);
    put_be32(head, s->head);
    memcpy(out + p->prefix_bytes, head, MIN_OF(n, 4u));
    if (n > 4)
        memcpy(out + p->prefix_bytes + 4, (const uint8_t *)p + s->at, n - 4);
    return (Bytes){out, p->prefix_bytes + n};
}

uint32_t
btree_tid_count(const BtreePage *p, uint32_t i)
{
    return p->slots[i].bytes & BTREE_POSTING ? get_u16(slot_payload(p, &p->slots[i])) : 1;
}

Tid
btree_tid(const BtreePage *p, uint32_t i, uint32_t k)
{
    const uint8_t *b = slot_payload(p, &p->slots[i]);

    if (p->slots[i].bytes & BTREE_POSTING)
        b += POSTING_HEAD_BYTES + TID_BYTES * k;
    return tid_read(b);
}

BlockNo
btree_child(const BtreePage *p, uint32_t i)
{
    return get_u32(slot_payload(p, &p->slots[i]));
}

static uint32_t
payload_bytes(const BtreePage *p, uint32_t i)
{
    if (p->level > 0)
        return 4;
    if (p->slots[i].bytes & BTREE_POSTING)
        return POSTING_HEAD_BYTES + TID_BYTES * (uint32_t)get_u16(slot_payload(p, &p->slots[i]) + 2);
    return TID_BYTES;
}

uint32_t
btree_body_bytes(const BtreePage *p, uint32_t i)
{
    return slot_rest_bytes(&p->slots[i]) + payload_bytes(p, i);
}

/* Compares the key of a slot, both without prefix; the heads are equal. */
static int
compare_rest(const BtreePage *p, const BtreeSlot *s, const BtreeTarget *t)
{
    uint32_t have = slot_key_bytes(s), want = t->key.bytes, n = MIN_OF(have, want);
    int c = n > 4 ? memcmp((const uint8_t *)p + s->at, t->key.data + 4, n - 4) : 0;

    if (c != 0)
        return c;
    if (t->after && have >= want)
        return -1;
    return (have > want) - (have < want);
}

/* The part of a target behind the page's prefix. False: *answer says where all entries are. */
static inline bool
cut_prefix(const BtreePage *p, const BtreeTarget *t, BtreeTarget *rest, uint32_t *answer)
{
    uint32_t n = MIN_OF(t->key.bytes, (uint32_t)p->prefix_bytes);
    int c = n > 0 ? memcmp(t->key.data, btree_prefix(p), n) : 0;

    if (c == 0 && n == p->prefix_bytes) {
        *rest = (BtreeTarget){{t->key.data + n, t->key.bytes - n}, t->after};
        return true;
    }
    if (c == 0) /* the target is shorter than the prefix: all entries start with it */
        c = t->after ? 1 : -1;
    *answer = c < 0 ? 0 : p->count;
    return false;
}

/* First slot of [from, count) whose head is not below. Without branches that could be guessed wrongly:
 * for random keys every other guess would be. */
static inline uint32_t
head_lower(const BtreePage *p, uint32_t from, uint32_t head)
{
    const BtreeSlot *base = p->slots + from;
    uint32_t n = p->count - from;

    if (n == 0)
        return from;
    while (n > 1) {
        uint32_t half = n / 2;

        base += half & (0u - (uint32_t)(base[half - 1].head < head)); /* a mask, not a jump */
        n -= half;
    }
    return (uint32_t)(base - p->slots) + (base->head < head);
}

/* btree_lower; *equal: the slot's key is the target. */
static uint32_t
find_lower(const BtreePage *p, const BtreeTarget *target, bool *equal)
{
    uint32_t from = p->level > 0 ? 1 : 0, low, high, head, answer = 0;
    BtreeTarget t;

    *equal = false;
    from = MIN_OF(from, (uint32_t)p->count);
    if (!cut_prefix(p, target, &t, &answer))
        return MAX_OF(answer, from);
    head = head_of(t.key.data, t.key.bytes);
    if (t.after && t.key.bytes < 4) { /* behind every head that begins with these bytes */
        uint32_t last = head | (t.key.bytes == 0 ? ~0u : ~0u >> (8 * t.key.bytes));

        return last == ~0u ? p->count : head_lower(p, from, last + 1);
    }
    low = head_lower(p, from, head);
    /* Among equal heads the rest of the key decides; mostly there is one. */
    high = low;
    for (uint32_t step = 1; high < p->count && p->slots[high].head == head; step *= 2)
        high = MIN_OF(high + step, (uint32_t)p->count);
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        int c = p->slots[mid].head != head ? 1 : compare_rest(p, &p->slots[mid], &t);

        if (c < 0) {
            low = mid + 1;
        } else {
            high = mid;
            *equal = c == 0;
        }
    }
    return low;
}

uint32_t
btree_lower(const BtreePage *p, const BtreeTarget *t)
{
    bool equal;

    return find_lower(p, t, &equal);
}

/* Mostly the answer is near: a range of one key ends where it begins. */
uint32_t
btree_lower_from(const BtreePage *p, const BtreeTarget *target, uint32_t from)
{
    uint32_t head, near = MIN_OF((uint32_t)p->count, from + 3), answer;
    BtreeTarget t;

    if (from < p->count && cut_prefix(p, target, &t, &answer)) {
        head = head_of(t.key.data, t.key.bytes);
        if (t.after && t.key.bytes < 4) {
            head |= t.key.bytes == 0 ? ~0u : ~0u >> (8 * t.key.bytes);
            for (uint32_t i = from; i < near; i++) {
                if (p->slots[i].head > head)
                    return i;
            }
            near = from;
        }
        for (uint32_t i = from; i < near; i++) {
            const BtreeSlot *s = &p->slots[i];

            if (s->head != head ? s->head > head : compare_rest(p, s, &t) >= 0)
                return i;
        }
    }
    return MAX_OF(from, btree_lower(p, target));
}

uint32_t
btree_child_no(const BtreePage *p, const BtreeTarget *t, bool strict)
{
    bool equal;
    uint32_t i = find_lower(p, t, &equal);

    ASSERT(p->level > 0);
    ASSERT(p->count > 0);
    /* A separator equal to the target: the target belongs behind it. */
    if (equal && !strict)
        return i;
    return i > 0 ? i - 1 : 0;
}

/* ---- building an image ------------------------------------------------------------------------------------------------ */

void
btree_image_begin(BtreePage *p, uint32_t level, BlockNo right, Bytes low, Bytes high, uint32_t prefix_most)
{
    uint32_t at = PAGE_BYTES;

    low.bytes = MIN_OF(low.bytes, (uint32_t)BTREE_LOW_MOST);
    memset(p, 0, sizeof(BtreePage));
    p->h = (PageHeader){.magic = PAGE_MAGIC, .kind = PAGE_KIND_BTREE};
    p->level = (uint16_t)level;
    p->right = right;
    if (right == 0)
        high.bytes = 0;
    ASSERT(high.bytes <= BTREE_FULL_MOST);
    at -= high.bytes;
    p->high_at = (uint16_t)at;
    p->high_bytes = (uint16_t)high.bytes;
    if (high.bytes > 0)
        memcpy((uint8_t *)p + at, high.data, high.bytes);
    at -= low.bytes;
    p->low_at = (uint16_t)at;
    p->low_bytes = (uint16_t)low.bytes;
    if (low.bytes > 0)
        memcpy((uint8_t *)p + at, low.data, low.bytes);
    p->prefix_bytes = (uint16_t)MIN_OF(bytes_common(low, high), prefix_most);
    p->data_low = (uint16_t)at;
}

/* A new slot at i with room for its body, whose payload the caller fills. NULL: no room. */
static uint8_t *
open_slot(BtreePage *p, uint32_t i, Bytes key, uint32_t payload, bool posting)
{
    bool no_key = key.bytes == 0; /* first entry of an inner page */
    uint32_t n = no_key ? 0 : key.bytes - p->prefix_bytes, rest = n > 4 ? n - 4 : 0;
    const uint8_t *suffix = no_key ? key.data : key.data + p->prefix_bytes;
    BtreeSlot *s = &p->slots[i];

    ASSERT(i <= p->count);
    ASSERT(no_key || key.bytes >= p->prefix_bytes);
    DEBUG_ASSERT(no_key || memcmp(key.data, btree_prefix(p), p->prefix_bytes) == 0);
    if (btree_free_bytes(p) < 8 + rest + payload)
        return NULL;
    memmove(s + 1, s, sizeof(*s) * (p->count - i));
    p->count++;
    p->data_low = (uint16_t)(p->data_low - rest - payload);
    *s =
        (BtreeSlot){n > 0 ? head_of(suffix, n) : 0, p->data_low, (uint16_t)(n | (posting ? BTREE_POSTING : 0))};
    if (rest > 0)
        memcpy((uint8_t *)p + s->at, suffix + 4, rest);
    return (uint8_t *)p + s->at + rest;
}

bool
btree_image_add(BtreePage *p, const BtreeEntry *e)
{
    uint8_t *payload = open_slot(p, p->count, e->key, e->payload_bytes, e->posting);

    if (payload == NULL)
        return false;
    memcpy(payload, e->payload, e->payload_bytes);
    return true;
}

/* Posting lists are copied with a little room only. */
static void
entry_of(const BtreePage *p, uint32_t i, uint8_t *key, uint8_t *posting, BtreeEntry *e)
{
    const uint8_t *payload = slot_payload(p, &p->slots[i]);

    e->key = p->level > 0 && i == 0 ? (Bytes){key, 0} : btree_slot_key(p, i, key);
    e->posting = (p->slots[i].bytes & BTREE_POSTING) != 0;
    e->payload = payload;
    e->payload_bytes = (uint16_t)payload_bytes(p, i);
    if (e->posting) {
        uint32_t count = get_u16(payload), capacity = MIN_OF(count + count / 8, (uint32_t)get_u16(payload + 2));

        if (count == 1) {
            e->posting = false;
            e->payload = payload + POSTING_HEAD_BYTES;
            e->payload_bytes = TID_BYTES;
            return;
        }
        memcpy(posting, payload, POSTING_HEAD_BYTES + TID_BYTES * count);
        memset(posting + POSTING_HEAD_BYTES + TID_BYTES * count, 0, TID_BYTES * (capacity - count));
        put_u16(posting + 2, (uint16_t)capacity);
        e->payload = posting;
        e->payload_bytes = (uint16_t)(POSTING_HEAD_BYTES + TID_BYTES * capacity);
    }
}

bool
btree_image_copy(BtreePage *p, const BtreePage *from_page, uint32_t from, uint32_t to)
{
    uint8_t key[BTREE_FULL_MOST], posting[POSTING_HEAD_BYTES + TID_BYTES * (POSTING_MOST + 8)];

    for (uint32_t i = from; i < to; i++) {
        BtreeEntry e;

        entry_of(from_page, i, key, posting, &e);
        if (from_page->level > 0 && p->count == 0)
            e.key.bytes = 0; /* the first entry begins at the low fence */
        if (!btree_image_add(p, &e))
            return false;
    }
    return true;
}

uint32_t
btree_least_key(const BtreePage *p, uint32_t from, uint32_t to)
{
    uint32_t least = BTREE_FULL_MOST;

    for (uint32_t i = from; i < to && p->level == 0; i++)
        least = MIN_OF(least, p->prefix_bytes + slot_key_bytes(&p->slots[i]));
    return least;
}

void
btree_page_compact(BtreePage *p)
{
    _Alignas(16) char image[PAGE_BYTES];
    BtreePage *q = (BtreePage *)(void *)image;

    btree_image_begin(q, p->level, p->right, btree_low(p), btree_high(p), p->prefix_bytes);
    ASSERT(q->prefix_bytes == p->prefix_bytes);
    if (!btree_image_copy(q, p, 0, p->count))
        ASSERT(!"a page without holes is not larger");
    q->h = p->h;
    memcpy(p, q, PAGE_BYTES);
}

/* ---- changing ------------------------------------------------------------------------------------------------------------ */

void
btree_slot_remove(BtreePage *p, uint32_t i)
{
    BtreeSlot *s = &p->slots[i];

    ASSERT(i < p->count);
    p->dead_bytes = (uint16_t)(p->dead_bytes + btree_body_bytes(p, i));
    memmove(s, s + 1, sizeof(*s) * (p->count - i - 1u));
    p->count--;
}

bool
btree_inner_insert(BtreePage *p, Bytes separator, BlockNo child)
{
    BtreeTarget t = {separator, false};
    uint32_t i = btree_lower(p, &t);
    uint8_t *payload;

    ASSERT(p->level > 0);
    ASSERT(i > 0);
    payload = open_slot(p, i, separator, 4, false);
    if (payload == NULL)
        return false;
    put_u32(payload, child);
    return true;
}

static bool
slot_key_is(const BtreePage *p, uint32_t i, BtreeKey key)
{
    const BtreeSlot *s = &p->slots[i];
    const uint8_t *suffix = (const uint8_t *)key.data + p->prefix_bytes;
    uint32_t n = slot_key_bytes(s);

    if (key.bytes != p->prefix_bytes + n || head_of(suffix, n) != s->head)
        return false;
    return n <= 4 || memcmp((const uint8_t *)p + s->at, suffix + 4, n - 4) == 0;
}

/* First TID of the list that is not below; the list's length if there is none. */
static uint32_t
posting_lower(const uint8_t *tids, uint32_t count, Tid tid)
{
    uint32_t low = 0, high = count;

    while (low < high) {
        uint32_t mid = (low + high) / 2;

        if (tid_read(tids + TID_BYTES * mid) < tid)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Gives slot i a posting list with room for more: a new body, the old one is dead. */
static bool
posting_grow(BtreePage *p, uint32_t i)
{
    BtreeSlot *s = &p->slots[i];
    uint32_t count = btree_tid_count(p, i), rest = slot_rest_bytes(s);
    uint32_t capacity = MIN_OF(count + MAX_OF(count / 2, 2u), posting_most(rest)),
             bytes = rest + POSTING_HEAD_BYTES + TID_BYTES * capacity;
    uint32_t old_bytes = btree_body_bytes(p, i);
    uint8_t *to;

    ASSERT(capacity > count);
    if (btree_free_bytes(p) < bytes)
        return false;
    p->data_low = (uint16_t)(p->data_low - bytes);
    to = (uint8_t *)p + p->data_low;
    memcpy(to, (const uint8_t *)p + s->at, rest);
    put_u16(to + rest, (uint16_t)count);
    put_u16(to + rest + 2, (uint16_t)capacity);
    for (uint32_t k = 0; k < count; k++)
        tid_write(to + rest + POSTING_HEAD_BYTES + TID_BYTES * k, btree_tid(p, i, k));
    p->dead_bytes = (uint16_t)(p->dead_bytes + old_bytes);
    s->at = p->data_low;
    s->bytes |= BTREE_POSTING;
    return true;
}

/* The upper half of a full list becomes an entry of its own behind it. */
static bool
posting_divide(BtreePage *p, uint32_t i)
{
    uint8_t key[BTREE_FULL_MOST], *payload;
    uint32_t count = btree_tid_count(p, i), keep = count / 2, move = count - keep;
    uint32_t capacity = MIN_OF(move + 8, posting_most(slot_rest_bytes(&p->slots[i])));
    uint8_t *list;

    payload = open_slot(p, i + 1, btree_slot_key(p, i, key), POSTING_HEAD_BYTES + TID_BYTES * capacity, true);
    if (payload == NULL)
        return false;
    list = (uint8_t *)(uintptr_t)slot_payload(p, &p->slots[i]);
    put_u16(payload, (uint16_t)move);
    put_u16(payload + 2, (uint16_t)capacity);
    memcpy(payload + POSTING_HEAD_BYTES, list + POSTING_HEAD_BYTES + TID_BYTES * keep, TID_BYTES * move);
    put_u16(list, (uint16_t)keep);
    return true;
}

/* A full list, and the TID belongs behind all of it: an entry of its own. */
static bool
posting_append(BtreePage *p, uint32_t i, Tid tid)
{
    uint8_t key[BTREE_FULL_MOST];
    uint8_t *payload = open_slot(p, i + 1, btree_slot_key(p, i, key), TID_BYTES, false);

    if (payload == NULL)
        return false;
    tid_write(payload, tid);
    return true;
}

/* Where the TID belongs among those of an entry. */
static uint32_t
tid_lower(const BtreePage *p, uint32_t i, Tid tid)
{
    if (p->slots[i].bytes & BTREE_POSTING)
        return posting_lower(slot_payload(p, &p->slots[i]) + POSTING_HEAD_BYTES, btree_tid_count(p, i), tid);
    return btree_tid(p, i, 0) < tid;
}

/* Adds the TID to an entry that has its key. */
static bool
posting_insert(BtreePage *p, uint32_t i, Tid tid)
{
    uint32_t count = btree_tid_count(p, i), at = tid_lower(p, i, tid);
    bool posting = (p->slots[i].bytes & BTREE_POSTING) != 0;
    uint8_t *list;

    if (at < count && btree_tid(p, i, at) == tid)
        return true;
    if (!posting || count == get_u16(slot_payload(p, &p->slots[i]) + 2)) { /* no room in the list */
        if (count < posting_most(slot_rest_bytes(&p->slots[i]))) {
            if (!posting_grow(p, i))
                return false;
        } else if (at == count) {
            return posting_append(p, i, tid);
        } else {
            if (!posting_divide(p, i))
                return false;
            if (at > btree_tid_count(p, i)) {
                at -= btree_tid_count(p, i);
                i++;
            }
        }
    }
    count = btree_tid_count(p, i);
    list = (uint8_t *)(uintptr_t)slot_payload(p, &p->slots[i]);
    memmove(list + POSTING_HEAD_BYTES + TID_BYTES * (at + 1), list + POSTING_HEAD_BYTES + TID_BYTES * at,
            TID_BYTES * (count - at));
    tid_write(list + POSTING_HEAD_BYTES + TID_BYTES * at, tid);
    put_u16(list, (uint16_t)(count + 1));
    return true;
}

bool
btree_leaf_insert(BtreePage *p, BtreeKey key, Tid tid)
{
    BtreeTarget t = {{key.data, key.bytes}, false};
    uint32_t i = btree_lower(p, &t);
    uint8_t *payload;

    ASSERT(p->level == 0);
    if (i < p->count && slot_key_is(p, i, key)) {
        /* The last entry of the key that does not begin behind the TID, else the first. */
        while (i + 1 < p->count && slot_key_is(p, i + 1, key) && btree_tid(p, i + 1, 0) <= tid)
            i++;
        return posting_insert(p, i, tid);
    }
    payload = open_slot(p, i, t.key, TID_BYTES, false);
    if (payload == NULL)
        return false;
    tid_write(payload, tid);
    return true;
}

bool
btree_leaf_has(const BtreePage *p, BtreeKey key)
{
    BtreeTarget t = {{key.data, key.bytes}, false};
    uint32_t i = btree_lower(p, &t);

    return i < p->count && slot_key_is(p, i, key);
}

uint32_t
btree_slot_filter(BtreePage *p, uint32_t i, bool (*keep)(void *arg, Tid tid), void *arg)
{
    uint32_t count = btree_tid_count(p, i), left = 0;
    uint8_t *list;

    if (!(p->slots[i].bytes & BTREE_POSTING)) {
        if (keep(arg, btree_tid(p, i, 0)))
            return 0;
        btree_slot_remove(p, i);
        return 1;
    }
    list = (uint8_t *)(uintptr_t)slot_payload(p, &p->slots[i]);
    for (uint32_t k = 0; k < count; k++) {
        Tid tid = btree_tid(p, i, k);

        if (keep(arg, tid))
            tid_write(list + POSTING_HEAD_BYTES + TID_BYTES * left++, tid);
    }
    put_u16(list, (uint16_t)left);
    if (left == 0)
        btree_slot_remove(p, i);
    return count - left;
}

static bool
is_other(void *arg, Tid tid)
{
    return tid != *(const Tid *)arg;
}

bool
btree_leaf_remove(BtreePage *p, BtreeKey key, Tid tid)
{
    BtreeTarget t = {{key.data, key.bytes}, false};

    for (uint32_t i = btree_lower(p, &t); i < p->count && slot_key_is(p, i, key); i++) {
        if (btree_slot_filter(p, i, is_other, &tid) > 0)
            return true;
    }
    return false;
}
