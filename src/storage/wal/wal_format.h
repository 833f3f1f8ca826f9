/* src/storage/wal/wal_format.h - the log as bytes (doc/format/wal.md).
 *
 * The log is one sequence of bytes; an LSN is a place in it. Segment files hold WAL_SEGMENT_BYTES of it each, behind
 * a header of 4 KiB, and are named by the LSN they begin at. A record begins at a multiple of 8 and may go on in the
 * next segment. Its checksum covers its own LSN, so what an older use of the file left behind is no record.
 *
 * In an encrypted log what is written at once, a portion, begins with a record that is not encrypted (RECORD_SEAL); the
 * records behind it are, as one piece. Nothing moves by that: a record's LSN says where its bytes lie, in both kinds of log. A
 * portion is written once and never written to again, so a torn write costs nothing that anybody was told of. */
#ifndef WAL_FORMAT_H
#define WAL_FORMAT_H
#include "base/ids.h"

typedef uint64_t Lsn; /* 0 = none */

enum {
    WAL_FORMAT_VERSION = 1,
    WAL_FORMAT_SEALED = 2, /* version of an encrypted log */
    WAL_SEGMENT_HEADER_BYTES = 4096,
    WAL_ALIGN = 8,
    WAL_BEHIND_BYTES = 512,
    WAL_BEHIND_MOST = 0xffff, /* says nothing */
};
#define WAL_SEGMENT_MAGIC UINT64_C(0x006c61772d6e6148) /* "Han-wal" */
#define WAL_SEGMENT_BYTES (UINT64_C(16) << 20)
#define WAL_FIRST_LSN     WAL_SEGMENT_BYTES

typedef struct WalSegmentHeader {
    uint64_t magic;
    uint32_t version; /* WAL_FORMAT_VERSION or WAL_FORMAT_SEALED */
    uint32_t incarnation; /* S5: counts promotions */
    uint64_t system_id;
    Lsn first; /* where the segment begins */
    Lsn previous_end; /* S5: where the previous incarnation ended; 0 = none */
    uint32_t crc; /* of the bytes before */
    uint32_t spare;
} WalSegmentHeader;
static_assert(sizeof(WalSegmentHeader) == 48, "part of the log format");

typedef struct WalRecord {
    uint32_t crc; /* CRC-32C of the record's LSN, what follows here, and the payload */
    uint32_t bytes; /* header and payload, without the padding to a multiple of 8 */
    uint8_t kind; /* RecordKind */
    uint8_t fork;
    uint16_t
        behind; /* in units of WAL_BEHIND_BYTES: the log was durable up to so far before this record (wal_end.h) */
    BranchId branch;
    RelationId relation;
    BlockNo block;
} WalRecord;
static_assert(sizeof(WalRecord) == 24, "part of the log format");

/* What follows in a RECORD_SEAL, whose `block` says how many bytes of encrypted records come behind it. The nonce is its LSN; the
 * tag vouches for the record's header too. */
typedef struct WalSeal {
    uint8_t salt[16]; /* of its writer's key */
    uint8_t tag[16];
} WalSeal;
static_assert(sizeof(WalSeal) == 32, "part of the log format");
enum { WAL_SEAL_BYTES = sizeof(WalRecord) + sizeof(WalSeal) };

#endif
