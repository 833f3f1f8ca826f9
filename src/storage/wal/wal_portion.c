/* wal_portion.c - see wal_portion.h. The seal is a record like others, so whoever looks for the end of the log finds it by its
 * checksum, without a key. */
#include "storage/wal/wal_portion.h"

#include "base/crc32c.h"
#include "storage/wal/record.h"

const char wal_key_purpose[] = "log";

static uint32_t
crc_of(const uint8_t seal[WAL_SEAL_BYTES], Lsn at)
{
    uint32_t crc = crc32c(0, &at, sizeof(at));

    return crc32c(crc, seal + sizeof(uint32_t), WAL_SEAL_BYTES - sizeof(uint32_t));
}

static SealBound
bound_of(const WalRecord *head)
{
    return (SealBound){.data = &head->bytes, .bytes = sizeof(*head) - offsetof(WalRecord, bytes)};
}

Status
wal_portion_seal(Ctx *cx, SealWriter *writer, Lsn at, Lsn flushed, uint8_t *portion, uint32_t bytes)
{
    uint64_t behind = (at - flushed + WAL_BEHIND_BYTES - 1) / WAL_BEHIND_BYTES;
    uint8_t *data = portion + WAL_SEAL_BYTES;
    WalRecord head = {.bytes = WAL_SEAL_BYTES,
                      .kind = RECORD_SEAL,
                      .behind = (uint16_t)MIN_OF(behind, (uint64_t)WAL_BEHIND_MOST),
                      .block = bytes};
    WalSeal seal;

    memcpy(seal.salt, writer->salt, sizeof(seal.salt));
    TRY(sealer_seal(cx, writer->sealer, at, bound_of(&head), data, bytes, data, seal.tag));
    memcpy(portion, &head, sizeof(head));
    memcpy(portion + sizeof(head), &seal, sizeof(seal));
    head.crc = crc_of(portion, at);
    memcpy(portion, &head.crc, sizeof(head.crc));
    return ST_OK;
}

bool
wal_portion_begins(const uint8_t seal[WAL_SEAL_BYTES], Lsn at, uint32_t *bytes)
{
    WalRecord head;

    memcpy(&head, seal, sizeof(head));
    if (head.kind != RECORD_SEAL || head.bytes != WAL_SEAL_BYTES || head.block % WAL_ALIGN != 0 ||
        head.block > WAL_PORTION_MOST || crc_of(seal, at) != head.crc)
        return false;
    *bytes = head.block;
    return true;
}

Status
wal_portion_open(Ctx *cx, SealRing *ring, Lsn at, const uint8_t seal[WAL_SEAL_BYTES], uint8_t *data,
                 bool *whole)
{
    WalRecord head;
    WalSeal s;

    memcpy(&head, seal, sizeof(head));
    memcpy(&s, seal + sizeof(head), sizeof(s));
    return seal_ring_unseal(cx, ring, s.salt, at, bound_of(&head), data, head.block, data, s.tag, whole);
}
