/* src/storage/store/table_format.h - RocksDB's table files as bytes: enough of them to find one value.
 *
 * A file of the block-based format, versions 4 and 5 (rocks_store.c sets 5): blocks, an index block with the last key of each
 * of them, a block of properties, a block that says where those are, and a footer:
 *
 *   | data blocks ... | filter | index | properties | meta index | footer, 53 bytes |
 *
 * A block is what a handle (offset, bytes) names, and 5 bytes behind it: how it is compressed, and a checksum. Everything here
 * takes the bytes for those of a stranger: what is not as expected is "not understood", never read beyond, never trusted.
 * Nothing here proves that a value is right; who asks compares checksums of its own (rocks_store.c, page_direct.c). */
#ifndef TABLE_FORMAT_H
#define TABLE_FORMAT_H
#include "base/attr.h"

enum {
    TABLE_FOOTER_BYTES = 53,
    TABLE_TAIL_BYTES = 5, /* behind each block; the first says how it is compressed */
    TABLE_BLOCK_MOST = 32 * 1024, /* a block with a page is smaller, unpacked */
    TABLE_META_MOST = 64 * 1024,
    TABLE_INDEX_MOST = 16 << 20
};

typedef struct TableHandle {
    uint64_t offset, bytes; /* without what is behind the block */
} TableHandle;

/* The last bytes of a file. False: not understood. */
MUST_CHECK bool table_footer(const char *footer, TableHandle *meta_index, TableHandle *index);
/* A value of the meta index that is a handle. */
MUST_CHECK bool table_meta_find(const char *block, size_t bytes, const char *name, TableHandle *out);

/* A block as it was read, with the byte behind it: `bytes` counts it. How large it is unpacked; 0 = not understood. */
size_t table_plain_bytes(const char *block, size_t bytes);
/* Unpacks it to `out`, of just that size. */
MUST_CHECK bool table_unpack(const char *block, size_t bytes, char *out, size_t plain_bytes);

/* In a data block: the newest version of the key, if that is a value. It points into the block. */
typedef enum TableFound {
    TABLE_FOUND,
    TABLE_NOT_THERE,
    TABLE_OTHER /* deleted, or not understood */
} TableFound;
TableFound table_find(const char *block, size_t bytes, const void *key, size_t key_bytes, const char **value,
                      size_t *value_bytes);

/* What of the properties tells how to read the index. False: not understood. */
typedef struct TableIndexForm {
    bool user_keys; /* its keys are without the 8 bytes of a version */
} TableIndexForm;
MUST_CHECK bool table_index_form(const char *properties, size_t bytes, TableIndexForm *out);
/* The block that holds the key, if the file does. False: none, or not understood. */
MUST_CHECK bool table_index_find(const char *index, size_t bytes, TableIndexForm form, const void *key,
                                 size_t key_bytes, TableHandle *out);

#endif
