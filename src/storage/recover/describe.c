/* describe.c - see describe.h: what is common, and the records that are not about a page. */
#include "storage/branch/fork.h"
#include "storage/recover/describe.h"

#include "shmem/pagecache/page.h"
#include "storage/rel/rel.h"
#include "storage/txn/txn_log.h"
#include "storage/wal/page_image.h"

enum { BYTES_SHOWN = 48 };

/* ---- words and bytes --------------------------------------------------------------------------------------------- */

void
describe_nothing(const uint8_t *data, uint32_t bytes, Buf *out)
{
    if (bytes > 0)
        describe_bytes(data, bytes, out);
}

void
describe_bytes(const uint8_t *data, uint32_t bytes, Buf *out)
{
    buf_printf(out, "%u bytes", bytes);
    for (uint32_t i = 0; i < MIN_OF(bytes, (uint32_t)BYTES_SHOWN); i++)
        buf_printf(out, i == 0 ? " %02x" : "%02x", data[i]);
    if (bytes > BYTES_SHOWN)
        buf_add_text(out, "...");
}

bool
describe_head(const uint8_t *data, uint32_t bytes, void *head, size_t head_bytes, Buf *out)
{
    if (bytes < head_bytes) {
        describe_bytes(data, bytes, out);
        return false;
    }
    memcpy(head, data, head_bytes);
    return true;
}

bool
describe_whole(const uint8_t *data, uint32_t bytes, void *head, size_t head_bytes, Buf *out)
{
    if (bytes == head_bytes)
        return describe_head(data, bytes, head, head_bytes, out);
    describe_bytes(data, bytes, out);
    return false;
}

static void
describe_id(Ctx *cx, Xid xid, Buf *out)
{
    Csn csn = 0;

    buf_printf(out, "id %llu", (unsigned long long)xid);
    if (cx == NULL || cx->proc == NULL)
        return;
    if (xid < atomic_load(&txn_shared(cx->proc)->ids.trimmed) ||
        xid >= atomic_load(&txn_shared(cx->proc)->ids.next)) {
        buf_add_text(out, " (not known)");
        return;
    }
    switch (xid_status(cx, xid, &csn)) {
    case XID_COMMITTED: buf_printf(out, " (committed %llu)", (unsigned long long)csn); break;
    case XID_ABORTED: buf_add_text(out, " (rolled back)"); break;
    case XID_RUNNING:
    case XID_OWN: buf_add_text(out, " (running)"); break;
    }
}

void
describe_word(Ctx *cx, uint64_t word, Buf *out)
{
    if (word == WORD_NONE)
        buf_add_text(out, "none");
    else if (word_is_raw(word))
        describe_id(cx, word_xid(word), out);
    else
        buf_printf(out, "csn %llu", (unsigned long long)word);
}

/* ---- records that are not about a page --------------------------------------------------------------------------- */

void
seal_describe(const uint8_t *data, uint32_t bytes, Buf *out)
{
    WalSeal seal;

    if (!describe_whole(data, bytes, &seal, sizeof(seal), out))
        return;
    buf_add_text(out, "with the key of writer ");
    for (size_t i = 0; i < sizeof(seal.salt); i++)
        buf_printf(out, "%02x", seal.salt[i]);
}

/* Savepoints and what goes. False: there are not so many. */
static bool
describe_entries(const uint8_t *data, uint32_t bytes, uint32_t sub_count, uint32_t gone_count, Buf *out)
{
    if ((uint64_t)sub_count * sizeof(Xid) + (uint64_t)gone_count * sizeof(Gone) > bytes) {
        buf_add_text(out, ", too short");
        return false;
    }
    for (uint32_t i = 0; i < sub_count; i++, data += sizeof(Xid)) {
        Xid sub;

        memcpy(&sub, data, sizeof(sub));
        buf_printf(out, ", savepoint %llu", (unsigned long long)sub);
    }
    for (uint32_t i = 0; i < gone_count; i++, data += sizeof(Gone)) {
        Gone gone;

        memcpy(&gone, data, sizeof(gone));
        buf_printf(out, gone.relation == RELATION_NONE ? ", drops branch %u" : ", drops %u/%u", gone.branch,
                   gone.relation);
    }
    return true;
}

void
commit_part_describe(const uint8_t *data, uint32_t bytes, Buf *out)
{
    CommitPartRecord r;

    if (!describe_head(data, bytes, &r, sizeof(r), out))
        return;
    buf_printf(out, "if id %llu commits", (unsigned long long)r.xid);
    (void)describe_entries(data + sizeof(r), bytes - (uint32_t)sizeof(r), r.sub_count, r.gone_count, out);
}

void
commit_describe(const uint8_t *data, uint32_t bytes, Buf *out)
{
    CommitRecord r;

    if (!describe_head(data, bytes, &r, sizeof(r), out))
        return;
    buf_printf(out, "id %llu csn %llu wall_us %lld", (unsigned long long)r.xid, (unsigned long long)r.csn,
               (long long)r.wall_us);
    if (!describe_entries(data + sizeof(r), bytes - (uint32_t)sizeof(r), r.sub_count, r.gone_count, out))
        return;
    if (r.message_count > 0)
        buf_printf(out, ", %u messages", r.message_count);
}

void
id_limit_describe(const uint8_t *data, uint32_t bytes, Buf *out)
{
    IdLimitRecord r;

    if (!describe_whole(data, bytes, &r, sizeof(r), out))
        return;
    buf_printf(out, "ids below %llu, OIDs below %u", (unsigned long long)r.xid, r.oid);
}

void
rel_create_describe(const uint8_t *data, uint32_t bytes, Buf *out)
{
    RelCreateRecord r;

    if (!describe_whole(data, bytes, &r, sizeof(r), out))
        return;
    buf_printf(out, "by id %llu, persistence %u", (unsigned long long)r.creator, r.persistence);
}

void
rel_length_describe(const uint8_t *data, uint32_t bytes, Buf *out)
{
    RelLengthRecord r;

    if (!describe_whole(data, bytes, &r, sizeof(r), out))
        return;
    buf_printf(out, "%u blocks", r.length);
}

void
branch_create_describe(const uint8_t *data, uint32_t bytes, Buf *out)
{
    Xid creator;

    if (!describe_whole(data, bytes, &creator, sizeof(creator), out))
        return;
    buf_printf(out, "by id %llu", (unsigned long long)creator);
}

void
branch_fork_describe(const uint8_t *data, uint32_t bytes, Buf *out)
{
    BranchForkRecord r;

    if (!describe_whole(data, bytes, &r, sizeof(r), out))
        return;
    buf_printf(out, "from branch %u at csn %llu, epoch %llu, by id %llu", r.parent,
               (unsigned long long)r.fork_csn, (unsigned long long)r.fork_epoch, (unsigned long long)r.creator);
}

void
page_describe_image(const uint8_t *data, uint32_t bytes, Buf *out)
{
    PageImage image;

    if (!describe_head(data, bytes, &image, sizeof(image), out))
        return;
    buf_printf(out, "%u bytes, zeros from %u to %u", bytes - (uint32_t)sizeof(image), image.hole,
               image.hole_end);
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

void
record_describe(RecordKind kind, const uint8_t *data, uint32_t bytes, Buf *out)
{
    static const RecordDescribe table[RECORD_KIND_COUNT] = {
#define RECORD(symbol, name, redo, describe, doc) [RECORD_##symbol] = describe,
#include "storage/wal/record_kinds.def"
#undef RECORD
#define SYSTEM_RECORD(symbol, number, name, describe, doc) [RECORD_##symbol] = describe,
#include "storage/wal/system_records.def"
#undef SYSTEM_RECORD
    };

    if ((uint32_t)kind < RECORD_KIND_COUNT && table[kind] != NULL)
        table[kind](data, bytes, out);
    else
        describe_bytes(data, bytes, out);
}

static const char *
kind_name(uint8_t kind)
{
    static const char *const names[] = {[PAGE_KIND_NONE] = "none",
                                        [PAGE_KIND_HEAP] = "heap",
                                        [PAGE_KIND_BTREE] = "btree",
                                        [PAGE_KIND_SEQUENCE] = "sequence",
                                        [PAGE_KIND_FREESPACE] = "freespace"};

    return kind < COUNT_OF(names) ? names[kind] : "unknown";
}

void
page_describe(Ctx *cx, const char *page, Buf *out)
{
    const PageHeader *h = page_header_const(page);

    if (h->magic == 0) {
        buf_add_text(out, "not initialized\n");
        return;
    }
    buf_printf(out,
               "magic %04x, kind %s, flags %02x, layout %u, lsn %llx, epoch %llu, previous epoch %llu, all "
               "before %llu\n",
               h->magic, kind_name(h->kind), h->flags, h->layout_version, (unsigned long long)h->lsn,
               (unsigned long long)h->epoch, (unsigned long long)h->prev_epoch,
               (unsigned long long)h->all_before);
    if (page_is(page, PAGE_KIND_HEAP))
        heap_describe_page(cx, page, out);
    else if (page_is(page, PAGE_KIND_BTREE))
        btree_describe_page(page, out);
    else if (page_is(page, PAGE_KIND_SEQUENCE))
        seq_describe_page(page, out);
}
