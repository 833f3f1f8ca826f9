/* src/storage/wal/wal_segment.h - the files of the log.
 *
 * Each is made full size and full of zeros before it is used, so that flushing it later has no metadata to write. A
 * file that is not needed any more becomes one of the next (wal_segments_recycle). While a file is being made it has
 * the name "next". */
#ifndef WAL_SEGMENT_H
#define WAL_SEGMENT_H
#include "base/ctx.h"
#include "storage/seal/seal.h"
#include "storage/wal/wal_format.h"

typedef struct WalDir {
    const char *path; /* of the folder */
    uint64_t system_id;
    uint32_t incarnation;
    const SealKey *data_key; /* NULL = the log is not encrypted, or: */
    bool is_sealed; /* it is, and who says so has no need of the key */
} WalDir;

static inline Lsn
wal_segment_first(Lsn lsn)
{
    return lsn - lsn % WAL_SEGMENT_BYTES;
}
static inline uint64_t
wal_file_offset(Lsn lsn)
{
    return WAL_SEGMENT_HEADER_BYTES + lsn % WAL_SEGMENT_BYTES;
}

/* A segment as a file; fd -1 = none. */
typedef struct WalSegment {
    int fd;
    Lsn first;
} WalSegment;
#define WAL_SEGMENT_NONE ((WalSegment){.fd = -1})

enum { WAL_PATH_MOST = 4096 };
/* The file that contains `lsn`. */
void wal_segment_path(const WalDir *dir, Lsn lsn, char out[WAL_PATH_MOST]);

/* Opens the segment that contains `lsn`. `exists` false: there is no such file (and ST_OK). A header that is not ours, or a
 * length that is not a segment's, is XX001. */
MUST_CHECK Status wal_segment_open(Ctx *cx, const WalDir *dir, Lsn lsn, bool for_writing, WalSegment *out,
                                   bool *exists);
void wal_segment_close(Ctx *cx, WalSegment *segment);
/* Names last after this. For whoever finds a file made by somebody else, who may not have come to it. */
MUST_CHECK Status wal_folder_sync(Ctx *cx, const WalDir *dir);

/* Making one in portions, because zeroing 16 MB takes longer than a commit should. */
typedef struct WalMaking {
    int fd; /* -1 = nothing is being made */
    Lsn first;
    uint64_t done_bytes;
} WalMaking;
#define WAL_MAKING_NONE ((WalMaking){.fd = -1})
MUST_CHECK Status wal_making_begin(Ctx *cx, const WalDir *dir, Lsn first, WalMaking *m);
/* Writes up to `bytes` more; *done: the file is there under its name, and durable. 53100 when the disk is full: it
 * may be tried again. */
MUST_CHECK Status wal_making_step(Ctx *cx, const WalDir *dir, WalMaking *m, uint64_t bytes, bool *done);
void wal_making_abandon(Ctx *cx, const WalDir *dir, WalMaking *m);

/* Segments that end at or before `before` are renamed to follow the last one, up to `keep` segments ahead of `current`; the
 * others are deleted. */
MUST_CHECK Status wal_segments_recycle(Ctx *cx, const WalDir *dir, Lsn before, Lsn current, uint32_t keep);
/* The server ends: of the segments that wait for use one stays. A start would have to search them all (wal_end.h), and deletes them. */
MUST_CHECK Status wal_segments_shorten(Ctx *cx, const WalDir *dir, Lsn current);
/* What follows `end` is no longer part of the log: zeros to the end of its segment, later files go. What has been read from
 * `from` on is written once more: after a flush that failed the system may take for written what it only remembers. */
MUST_CHECK Status wal_segments_cut(Ctx *cx, const WalDir *dir, Lsn from, Lsn end);
/* The least and the greatest first LSN of the files there; 0, 0 when there are none. */
MUST_CHECK Status wal_segments_range(Ctx *cx, const WalDir *dir, Lsn *first, Lsn *last);

/* There is no log any more. */
MUST_CHECK Status wal_segments_remove(Ctx *cx, const WalDir *dir);
MUST_CHECK Status wal_write_at(Ctx *cx, int fd, const void *data, uint64_t bytes, uint64_t at,
                               const char *path); /* for a message */

#endif
