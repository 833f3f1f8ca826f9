/* seal_ring.c - see seal_ring.h. Deriving a key takes 5 us. Pages that are read together were mostly written by one process, the log by
 * the log writer and by sessions in turn (decision 0031): some keys are kept, in several sets of which a thread takes one that nobody uses. */
#include "storage/seal/seal_ring.h"

#include <sched.h>
#include <stdlib.h>

#include "base/env.h"

enum { SETS = 8, KEPT = 64 };

typedef struct KeptKey {
    Sealer *sealer; /* NULL = none */
    uint8_t salt[SEAL_SALT_BYTES];
} KeptKey;

typedef struct KeptSet {
    _Atomic uint32_t taken; /* atomic */
    KeptKey keys[KEPT]; /* by who has taken the set */
    uint32_t hand; /* of what is replaced next */
} KeptSet;

struct SealRing {
    SealKey *data_key;
    const char *purpose;
    KeptSet sets[SETS];
};

Status
seal_ring_open(Ctx *cx, const SealKey *data_key, const char *purpose, SealRing **out)
{
    SealRing *ring = calloc(1, sizeof(*ring));

    if (ring != NULL) {
        ring->data_key = seal_key_keep(data_key);
        ring->purpose = purpose;
    }
    if (ring == NULL || ring->data_key == NULL) {
        free(ring);
        return fail(cx, ST_NO_MEMORY, "53200", "out of memory");
    }
    *out = ring;
    return ST_OK;
}

void
seal_ring_close(SealRing *ring)
{
    if (ring == NULL)
        return;
    for (int i = 0; i < SETS; i++) {
        for (int k = 0; k < KEPT; k++)
            sealer_close(ring->sets[i].keys[k].sealer);
    }
    seal_key_forget(ring->data_key);
    free(ring);
}

static KeptSet *
take_set(SealRing *ring)
{
    for (;;) {
        for (int i = 0; i < SETS; i++) {
            uint32_t nobody = 0;

            if (atomic_compare_exchange_strong(&ring->sets[i].taken, &nobody, 1))
                return &ring->sets[i];
        }
        sched_yield(); /* each is held for microseconds */
    }
}

static Status
derive(Ctx *cx, const SealKey *data_key, const char *purpose, const uint8_t salt[SEAL_SALT_BYTES], Sealer **out)
{
    SealKey key;
    Status rc = seal_key_derive(cx, data_key, purpose, salt, &key);

    if (rc == ST_OK)
        rc = sealer_open(cx, &key, out);
    seal_wipe(&key, sizeof(key));
    return rc;
}

static Status
find(Ctx *cx, const SealRing *ring, KeptSet *set, const uint8_t salt[SEAL_SALT_BYTES], Sealer **out)
{
    KeptKey *k;

    for (int i = 0; i < KEPT; i++) {
        k = &set->keys[i];
        if (k->sealer != NULL && memcmp(k->salt, salt, SEAL_SALT_BYTES) == 0) {
            *out = k->sealer;
            return ST_OK;
        }
    }
    k = &set->keys[set->hand++ % KEPT];
    sealer_close(k->sealer);
    k->sealer = NULL;
    TRY(derive(cx, ring->data_key, ring->purpose, salt, &k->sealer));
    memcpy(k->salt, salt, SEAL_SALT_BYTES);
    *out = k->sealer;
    return ST_OK;
}

Status
seal_ring_unseal(Ctx *cx, SealRing *ring, const uint8_t salt[SEAL_SALT_BYTES], uint64_t number, SealBound bound,
                 const void *in, uint32_t bytes, void *out, const uint8_t tag[SEAL_TAG_BYTES], bool *whole)
{
    KeptSet *set = take_set(ring);
    Sealer *sealer;
    Status rc = find(cx, ring, set, salt, &sealer);

    if (rc == ST_OK)
        *whole = sealer_unseal(sealer, number, bound, in, bytes, out, tag);
    atomic_store(&set->taken, 0);
    return rc;
}

Status
seal_writer_open(Ctx *cx, const SealKey *data_key, const char *purpose, SealWriter *out)
{
    *out = (SealWriter){0};
    if (!cx->env->random(cx->env, out->salt, sizeof(out->salt)))
        return fail(cx, ST_IO, "58030", "the system gives no random numbers");
    return derive(cx, data_key, purpose, out->salt, &out->sealer);
}

void
seal_writer_close(SealWriter *w)
{
    sealer_close(w->sealer);
    *w = (SealWriter){0};
}
