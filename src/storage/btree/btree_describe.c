/* btree_describe.c - B+tree records and pages in words (storage/recover/describe.h). */
#include "storage/btree/btree_int.h"
#include "storage/recover/describe.h"

static void
describe_tid(Tid tid, Buf *out)
{
    buf_printf(out, "(%u,%u)", tid_block(tid), tid_slot(tid));
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

void
btree_describe_entry(const uint8_t *data, uint32_t bytes, Buf *out)
{
    Tid tid;

    if (!describe_head(data, bytes, &tid, sizeof(tid), out))
        return;
    buf_add_text(out, "row ");
    describe_tid(tid, out);
    buf_add_text(out, " key ");
    describe_bytes(data + sizeof(tid), bytes - (uint32_t)sizeof(tid), out);
}

void
btree_describe_link(const uint8_t *data, uint32_t bytes, Buf *out)
{
    BlockNo child;

    if (!describe_head(data, bytes, &child, sizeof(child), out))
        return;
    buf_printf(out, "child %u separator ", child);
    describe_bytes(data + sizeof(child), bytes - (uint32_t)sizeof(child), out);
}

void
btree_describe_remove_many(const uint8_t *data, uint32_t bytes, Buf *out)
{
    buf_printf(out, "%zu rows:", bytes / sizeof(Tid));
    for (uint32_t at = 0; at + sizeof(Tid) <= bytes; at += (uint32_t)sizeof(Tid)) {
        Tid tid;

        memcpy(&tid, data + at, sizeof(tid));
        buf_add_char(out, ' ');
        describe_tid(tid, out);
    }
}

void
btree_describe_slot(const uint8_t *data, uint32_t bytes, Buf *out)
{
    uint32_t no;

    if (!describe_whole(data, bytes, &no, sizeof(no), out))
        return;
    buf_printf(out, "entry %u", no + 1);
}

void
btree_describe_flags(const uint8_t *data, uint32_t bytes, Buf *out)
{
    if (bytes == 1)
        buf_printf(out, "flags %02x", data[0]);
    else
        describe_bytes(data, bytes, out);
}

void
btree_describe_retire(const uint8_t *data, uint32_t bytes, Buf *out)
{
    BtreeRetired r;

    if (!describe_whole(data, bytes, &r, sizeof(r), out))
        return;
    buf_printf(out, "contents in %u, next unused %u, csn %llu", r.redirect, r.next_free,
               (unsigned long long)r.deleted_csn);
}

void
btree_describe_image(const uint8_t *data, uint32_t bytes, Buf *out)
{
    BtreePage head;

    if (!describe_head(data, bytes, &head, sizeof(head), out))
        return;
    buf_printf(out, "level %u, %u entries, right %u, flags %02x, %u bytes", head.level, head.count, head.right,
               head.h.flags, bytes);
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

static void
describe_fence(const char *name, Bytes fence, Buf *out)
{
    buf_printf(out, "%s fence ", name);
    describe_bytes(fence.data, fence.bytes, out);
    buf_add_char(out, '\n');
}

static void
describe_entry(const BtreePage *p, uint32_t i, Buf *out)
{
    uint8_t bytes[BTREE_FULL_MOST];
    Bytes key = btree_slot_key(p, i, bytes);

    buf_printf(out, "  entry %u: ", i + 1);
    describe_bytes(key.data, key.bytes, out);
    if (p->level > 0) {
        buf_printf(out, " -> block %u\n", btree_child(p, i));
        return;
    }
    buf_add_text(out, " ->");
    for (uint32_t k = 0; k < btree_tid_count(p, i); k++) {
        buf_add_char(out, ' ');
        describe_tid(btree_tid(p, i, k), out);
    }
    buf_add_char(out, '\n');
}

void
btree_describe_page(const char *page, Buf *out)
{
    const BtreePage *p = (const BtreePage *)(const void *)page;
    uint32_t slot;
    const char *fault;

    if (p->h.flags & BTREE_DELETED) {
        buf_printf(out, "not in use: contents in block %u, next unused %u, csn %llu\n", p->redirect,
                   p->next_free, (unsigned long long)p->deleted_csn);
        return;
    }
    buf_printf(
        out, "level %u, %u entries, right %u, prefix %u bytes, bodies begin at %u, %u of their bytes dead%s\n",
        p->level, p->count, p->right, p->prefix_bytes, p->data_low, p->dead_bytes,
        p->h.flags & BTREE_SPLIT_OPEN ? ", its parent does not know of the page to its right" : "");
    fault = btree_page_fault(p, &slot);
    if (fault != NULL) {
        buf_printf(out, "damaged, entry %u: %s\n", slot, fault);
        return;
    }
    describe_fence("low", btree_low(p), out);
    describe_fence("high", btree_high(p), out);
    for (uint32_t i = 0; i < p->count; i++)
        describe_entry(p, i, out);
}
