/* page_image.c - see page_image.h. The hole is found, not asked for: the longest run of zeros does for any kind of page. */
#include "storage/wal/page_image.h"

#include <string.h>

#include "base/ids.h"
#include "storage/recover/redo.h"

enum { WORD_BYTES = 8 };

static bool
is_zero(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word == 0;
}

void
page_image_parts(const char *page, PageImage *image, RecordPart parts[3])
{
    uint32_t start = 0, best = 0, best_bytes = 0;

    for (uint32_t at = 0; at <= PAGE_BYTES; at += WORD_BYTES) {
        if (at < PAGE_BYTES && is_zero(page + at))
            continue;
        if (at - start > best_bytes) {
            best = start;
            best_bytes = at - start;
        }
        start = at + WORD_BYTES;
    }
    *image = (PageImage){(uint16_t)best, (uint16_t)(best + best_bytes)};
    parts[0] = (RecordPart){image, sizeof(*image)};
    parts[1] = (RecordPart){page, best};
    parts[2] = (RecordPart){page + best + best_bytes, PAGE_BYTES - best - best_bytes};
}

bool
page_redo_image(char *page, const uint8_t *data, uint32_t bytes)
{
    PageImage image;

    if (bytes < sizeof(image))
        return false;
    memcpy(&image, data, sizeof(image));
    data += sizeof(image);
    bytes -= (uint32_t)sizeof(image);
    if (image.hole > image.hole_end || image.hole_end > PAGE_BYTES ||
        bytes != PAGE_BYTES - ((uint32_t)image.hole_end - image.hole))
        return false;
    memcpy(page, data, image.hole);
    memset(page + image.hole, 0, (size_t)image.hole_end - image.hole);
    memcpy(page + image.hole_end, data + image.hole, PAGE_BYTES - (size_t)image.hole_end);
    return true;
}
