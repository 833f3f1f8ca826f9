/* src/storage/temp/temp_file.h - room for rows that a statement's memory has no room for.
 *
 * A temporary file belongs to one session and is made of blocks that are written once and read by the position that
 * writing gave. With a data directory it is a file below DIR/temp that has no name any more when its first block is
 * written, so nothing is left of it whatever happens to the process. In memory mode the blocks lie in memory that
 * counts into the budget given. In both, bytes are compressed where that pays. */
#ifndef TEMP_FILE_H
#define TEMP_FILE_H
#include "base/ctx.h"

/* What a session's files take together (cx->temp; NULL: no limit, nothing counted). */
typedef struct TempSpace {
    bool limited;
    uint64_t limit_bytes; /* beyond it 53400 */
    uint64_t used_bytes;
    /* May be NULL. Called when a file ends that has taken so many bytes. */
    void (*ended)(Ctx *cx, uint64_t bytes);
} TempSpace;

typedef struct TempFile TempFile;
typedef struct TempBlock {
    uint64_t at;
    uint32_t bytes; /* as given */
    uint32_t stored_bytes;
} TempBlock;

/* Every block has room behind its bytes for this: a checksum, or with encryption a tag. */
enum { TEMP_TRAILER_BYTES = 28 };

/* Makes DIR/temp if it is not there, and removes what a server that died within an instant has left in it. */
MUST_CHECK Status temp_folder_prepare(Ctx *cx, const char *folder);

/* Below the engine's temporary folder, or in memory of `budget` if it has none. */
MUST_CHECK Status temp_file_create(Ctx *cx, Budget *budget, TempFile **out);
/* 53100 when the disk is full, 53200 when the memory is, 53400 beyond the session's limit. The file can still be
 * read and has to be closed after a failure too. */
MUST_CHECK Status temp_file_write(Ctx *cx, TempFile *file, const void *data, uint32_t bytes, TempBlock *out);
/* `out` has room for block.bytes. */
MUST_CHECK Status temp_file_read(Ctx *cx, TempFile *file, TempBlock block, void *out);
/* The block will not be read again. */
void temp_file_drop(TempFile *file, TempBlock block);
uint64_t temp_file_bytes(const TempFile *file); /* taken so far */
/* NULL is fine. */
void temp_file_close(Ctx *cx, TempFile *file);

#endif
