/* table_format.c - see table_format.h.
 *
 * Entries of a block: how much of the key before is kept, how many bytes follow, how long the value is, then those bytes and
 * the value. Behind the entries lie the offsets of those that begin anew (a whole key), and how many such there are. In an
 * index every entry begins anew, and the value is a handle, whose length is not said.
 *
 * Keys are the user's and 8 bytes more: a version and, lowest, what was done. The newest version comes first. */
#include "storage/store/table_format.h"

#include <lz4.h>
#include <zstd.h>

#include "base/bytes.h"

enum {
    FOOTER_HANDLES_AT = 1,
    FOOTER_VERSION_AT = 41,
    FOOTER_MAGIC_AT = 45,
    VERSION_FIRST = 4,
    VERSION_LAST = 5,
    PACKED_NOT = 0,
    PACKED_LZ4 = 4,
    PACKED_LZ4HC = 5,
    PACKED_ZSTD = 7,
    KEY_MOST = 256,
    VERSION_BYTES = 8,
    DONE_PUT = 1,
};
#define FOOTER_MAGIC UINT64_C(0x88e241b785f4cff7)

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

static bool
get_varint(const char **at, const char *end, uint64_t *out)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = (uint8_t) * (*at)++;

        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}

static bool
get_handle(const char **at, const char *end, TableHandle *out)
{
    TableHandle h;

    if (!get_varint(at, end, &h.offset) || !get_varint(at, end, &h.bytes))
        return false;
    *out = h;
    return true;
}

bool
table_footer(const char *footer, TableHandle *meta_index, TableHandle *index)
{
    const char *at = footer + FOOTER_HANDLES_AT, *end = footer + FOOTER_VERSION_AT;
    uint32_t version = get_u32(footer + FOOTER_VERSION_AT);

    return get_u64(footer + FOOTER_MAGIC_AT) == FOOTER_MAGIC && version >= VERSION_FIRST &&
           version <= VERSION_LAST && get_handle(&at, end, meta_index) && get_handle(&at, end, index);
}

/* ---- compression -------------------------------------------------------------------------------------------------- */

size_t
table_plain_bytes(const char *block, size_t bytes)
{
    const char *at = block;
    uint64_t plain;

    if (bytes < 2)
        return 0;
    switch (block[bytes - 1]) {
    case PACKED_NOT: return bytes - 1;
    case PACKED_LZ4:
    case PACKED_LZ4HC:
    case PACKED_ZSTD: break;
    default: return 0;
    }
    if (!get_varint(&at, block + bytes - 1, &plain) || plain > TABLE_INDEX_MOST)
        return 0;
    return plain;
}

bool
table_unpack(const char *block, size_t bytes, char *out, size_t plain_bytes)
{
    const char *at = block, *end = block + bytes - 1;
    uint64_t plain;

    ASSERT(bytes >= 2);
    if (*end == PACKED_NOT) {
        if (plain_bytes != bytes - 1)
            return false;
        memcpy(out, block, plain_bytes);
        return true;
    }
    if (!get_varint(&at, end, &plain) || plain != plain_bytes)
        return false;
    if (*end == PACKED_ZSTD)
        return ZSTD_decompress(out, plain_bytes, at, (size_t)(end - at)) == plain_bytes;
    return LZ4_decompress_safe(at, out, (int)(end - at), (int)plain_bytes) == (int)plain_bytes;
}

/* ---- entries ------------------------------------------------------------------------------------------------------ */

typedef struct Entry {
    const char *at, *end; /* of what comes next */
    char key[KEY_MOST];
    size_t key_bytes;
    const char *value;
    size_t value_bytes;
} Entry;

/* Where the entries end. NULL: not understood. A number of restarts with its highest bit set is one with a hash index. */
static const char *
entries_end(const char *block, size_t bytes, uint32_t *restarts)
{
    if (bytes < 8)
        return NULL;
    *restarts = get_u32(block + bytes - 4);
    if (*restarts == 0 || *restarts > (bytes - 4) / 4)
        return NULL;
    return block + bytes - 4 - (size_t)*restarts * 4;
}

static bool
first_entry(const char *block, size_t bytes, Entry *e)
{
    uint32_t restarts;

    e->at = block;
    e->end = entries_end(block, bytes, &restarts);
    e->key_bytes = 0;
    return e->end != NULL;
}

/* False: there is none, or it is not understood. */
static bool
next_entry(Entry *e)
{
    uint64_t shared, more, value;

    if (e->at >= e->end || !get_varint(&e->at, e->end, &shared) || !get_varint(&e->at, e->end, &more) ||
        !get_varint(&e->at, e->end, &value))
        return false;
    if (shared > e->key_bytes || more > KEY_MOST - shared || more > (uint64_t)(e->end - e->at) ||
        value > (uint64_t)(e->end - e->at) - more)
        return false;
    memcpy(e->key + shared, e->at, more);
    e->key_bytes = shared + more;
    e->value = e->at + more;
    e->value_bytes = value;
    e->at = e->value + value;
    return true;
}

bool
table_meta_find(const char *block, size_t bytes, const char *name, TableHandle *out)
{
    Entry e;

    for (bool is = first_entry(block, bytes, &e); is && next_entry(&e);) {
        const char *at = e.value;

        if (e.key_bytes == strlen(name) && memcmp(e.key, name, e.key_bytes) == 0)
            return get_handle(&at, e.value + e.value_bytes, out);
    }
    return false;
}

TableFound
table_find(const char *block, size_t bytes, const void *key, size_t key_bytes, const char **value,
           size_t *value_bytes)
{
    Entry e;

    if (!first_entry(block, bytes, &e))
        return TABLE_OTHER;
    while (next_entry(&e)) {
        if (e.key_bytes != key_bytes + VERSION_BYTES || memcmp(e.key, key, key_bytes) != 0)
            continue;
        if (e.key[key_bytes] != DONE_PUT)
            return TABLE_OTHER;
        *value = e.value;
        *value_bytes = e.value_bytes;
        return TABLE_FOUND;
    }
    return e.at == e.end ? TABLE_NOT_THERE : TABLE_OTHER;
}

/* ---- the index ------------------------------------------------------------------------------------------------------ */

static bool
is_named(const Entry *e, const char *name)
{
    return e->key_bytes == strlen(name) && memcmp(e->key, name, e->key_bytes) == 0;
}

bool
table_index_form(const char *properties, size_t bytes, TableIndexForm *out)
{
    bool has_delta = false, has_keys = false, has_type = false;
    Entry e;

    if (!first_entry(properties, bytes, &e))
        return false;
    while (next_entry(&e)) {
        const char *at = e.value;
        uint64_t n;

        if (is_named(&e, "rocksdb.index.value.is.delta.encoded")) {
            has_delta = get_varint(&at, e.value + e.value_bytes, &n) && n == 1;
        } else if (is_named(&e, "rocksdb.index.key.is.user.key")) {
            has_keys = get_varint(&at, e.value + e.value_bytes, &n) && n <= 1;
            out->user_keys = has_keys && n == 1;
        } else if (is_named(&e, "rocksdb.block.based.table.index.type")) {
            has_type = e.value_bytes == 4 && get_u32(e.value) == 0; /* one level, to be halved */
        }
    }
    return has_delta && has_keys && has_type;
}

/* An entry that begins anew, at one of the restarts. *value: the rest, of the entries all. */
static bool
index_entry(const char *index, const char *end, uint32_t at, TableIndexForm form, const char **key,
            size_t *key_bytes, const char **value)
{
    uint64_t shared, more;
    const char *p;

    if (at >= (size_t)(end - index))
        return false;
    p = index + at;
    if (!get_varint(&p, end, &shared) || !get_varint(&p, end, &more) || shared != 0 ||
        more > (uint64_t)(end - p) || (!form.user_keys && more < VERSION_BYTES))
        return false;
    *key = p;
    *key_bytes = more - (form.user_keys ? 0 : VERSION_BYTES);
    *value = p + more;
    return true;
}

static int
compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    int order = memcmp(a, b, MIN_OF(a_bytes, b_bytes));

    return order != 0 ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

bool
table_index_find(const char *index, size_t bytes, TableIndexForm form, const void *key, size_t key_bytes,
                 TableHandle *out)
{
    uint32_t restarts, low = 0, high;
    const char *end = entries_end(index, bytes, &restarts), *entry_key, *value;
    size_t entry_key_bytes;

    if (end == NULL)
        return false;
    high = restarts;
    while (low < high) { /* the first whose key is not below ours */
        uint32_t middle = low + (high - low) / 2;

        if (!index_entry(index, end, get_u32(end + (size_t)middle * 4), form, &entry_key, &entry_key_bytes,
                         &value))
            return false;
        if (compare(entry_key, entry_key_bytes, key, key_bytes) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == restarts ||
        !index_entry(index, end, get_u32(end + (size_t)low * 4), form, &entry_key, &entry_key_bytes, &value))
        return false;
    return get_handle(&value, end, out);
}
