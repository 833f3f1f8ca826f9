/* Sealing: what comes out is what went in, or it is refused; known answers; keys that differ where they have to. */
#include <string.h>

#include "harness.h"
#include "storage/seal/seal_ring.h"

enum { BYTES = 1000 };

static SealKey
key_of(int seed)
{
    SealKey key;

    for (int i = 0; i < SEAL_KEY_BYTES; i++)
        key.bytes[i] = (uint8_t)(seed * 31 + i * 7);
    return key;
}

static Sealer *
open_sealer(int seed)
{
    SealKey key = key_of(seed);
    Sealer *s;

    EXPECT_OK(sealer_open(test_ctx(), &key, &s));
    return s;
}

/* Test case 14 of the paper that defines GCM: 16 bytes of zeros, everything else zero. */
TEST(seal, agrees_with_a_published_answer)
{
    static const uint8_t expected[16] = {0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e,
                                         0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18},
                         expected_tag[16] = {0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0,
                                             0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19};
    uint8_t zeros[16] = {0}, out[16], tag[SEAL_TAG_BYTES];
    SealKey key = {{0}};
    Sealer *s;

    EXPECT_OK(sealer_open(test_ctx(), &key, &s));
    EXPECT_OK(sealer_seal(test_ctx(), s, 0, (SealBound){0}, zeros, sizeof(zeros), out, tag));
    EXPECT(memcmp(out, expected, sizeof(out)) == 0);
    EXPECT(memcmp(tag, expected_tag, sizeof(tag)) == 0);
    sealer_close(s);
}

/* RFC 5869, with what Python's hmac gives for it. */
TEST(seal, derives_what_hkdf_says)
{
    static const uint8_t expected[SEAL_KEY_BYTES] = {0xbb, 0x85, 0x4e, 0xdd, 0x83, 0x9f, 0xfc, 0xc2,
                                                     0xab, 0x2b, 0xa5, 0xae, 0xd9, 0xe7, 0xd7, 0xc8,
                                                     0x92, 0x2d, 0x71, 0x93, 0x1b, 0x22, 0xc4, 0xa0,
                                                     0x39, 0xaa, 0x20, 0xeb, 0xf7, 0xe6, 0x30, 0x4e};
    uint8_t salt[SEAL_SALT_BYTES];
    SealKey key, out;

    for (int i = 0; i < SEAL_KEY_BYTES; i++)
        key.bytes[i] = (uint8_t)i;
    for (int i = 0; i < SEAL_SALT_BYTES; i++)
        salt[i] = (uint8_t)(100 + i);
    EXPECT_OK(seal_key_derive(test_ctx(), &key, "pages", salt, &out));
    EXPECT(memcmp(out.bytes, expected, sizeof(expected)) == 0);
}

TEST(seal, keys_differ_by_purpose_by_salt_and_by_what_they_come_from)
{
    uint8_t salt[SEAL_SALT_BYTES] = {1}, other_salt[SEAL_SALT_BYTES] = {2};
    SealKey key = key_of(1), other = key_of(2), made[4];

    EXPECT_OK(seal_key_derive(test_ctx(), &key, "pages", salt, &made[0]));
    EXPECT_OK(seal_key_derive(test_ctx(), &key, "log", salt, &made[1]));
    EXPECT_OK(seal_key_derive(test_ctx(), &key, "pages", other_salt, &made[2]));
    EXPECT_OK(seal_key_derive(test_ctx(), &other, "pages", salt, &made[3]));
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < i; k++)
            EXPECT(memcmp(&made[i], &made[k], sizeof(made[i])) != 0);
    }
}

typedef struct Piece {
    uint8_t bytes[BYTES], tag[SEAL_TAG_BYTES];
} Piece;

static void
make_piece(Sealer *s, const char *plain, Piece *out)
{
    EXPECT_OK(
        sealer_seal(test_ctx(), s, 7, (SealBound){"here and now", 12}, plain, BYTES, out->bytes, out->tag));
}

TEST(seal, what_was_sealed_comes_back_also_in_place)
{
    Sealer *s = open_sealer(1);
    char plain[BYTES], back[BYTES];
    Piece p;

    for (int i = 0; i < BYTES; i++)
        plain[i] = (char)(i / 3);
    make_piece(s, plain, &p);
    EXPECT(memcmp(p.bytes, plain, 16) != 0);
    EXPECT(sealer_unseal(s, 7, (SealBound){"here and now", 12}, p.bytes, BYTES, back, p.tag));
    EXPECT(memcmp(back, plain, BYTES) == 0);
    EXPECT(sealer_unseal(s, 7, (SealBound){"here and now", 12}, p.bytes, BYTES, p.bytes, p.tag));
    EXPECT(memcmp(p.bytes, plain, BYTES) == 0);
    sealer_close(s);
}

TEST(seal, a_change_of_anything_is_noticed)
{
    Sealer *s = open_sealer(1), *other = open_sealer(2);
    SealBound bound = {"here and now", 12};
    char plain[BYTES] = "secret", back[BYTES];
    Piece p;

    make_piece(s, plain, &p);
    for (uint32_t bit = 0; bit < sizeof(p) * 8; bit += 5) {
        ((uint8_t *)&p)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        EXPECT(!sealer_unseal(s, 7, bound, p.bytes, BYTES, back, p.tag));
        ((uint8_t *)&p)[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    EXPECT(!sealer_unseal(other, 7, bound, p.bytes, BYTES, back, p.tag));
    EXPECT(!sealer_unseal(s, 8, bound, p.bytes, BYTES, back, p.tag));
    EXPECT(!sealer_unseal(s, 7, bound, p.bytes, BYTES - 1, back, p.tag));
    EXPECT(!sealer_unseal(s, 7, (SealBound){"there and now", 13}, p.bytes, BYTES, back, p.tag));
    EXPECT(!sealer_unseal(s, 7, (SealBound){0}, p.bytes, BYTES, back, p.tag));
    EXPECT(sealer_unseal(s, 7, bound, p.bytes, BYTES, back, p.tag));
    sealer_close(s);
    sealer_close(other);
}

TEST(seal, nothing_can_be_sealed_for_what_it_is_bound_to)
{
    Sealer *s = open_sealer(1);
    SealBound bound = {"head", 4}, other = {"heap", 4};
    uint8_t tag[SEAL_TAG_BYTES], none[1];

    EXPECT_OK(sealer_seal(test_ctx(), s, 1, bound, NULL, 0, none, tag));
    EXPECT(sealer_unseal(s, 1, bound, NULL, 0, none, tag));
    EXPECT(!sealer_unseal(s, 1, other, NULL, 0, none, tag));
    sealer_close(s);
}

/* More writers than the ring keeps keys of. */
TEST(seal_ring, finds_the_keys_of_all_who_have_written)
{
    enum { WRITERS = 50 };
    SealKey key = key_of(3), wrong = key_of(4);
    SealWriter writers[WRITERS];
    uint8_t sealed[WRITERS][8], tags[WRITERS][SEAL_TAG_BYTES], back[8];
    SealRing *ring, *stranger;
    bool whole;

    EXPECT_OK(seal_ring_open(test_ctx(), &key, "test", &ring));
    EXPECT_OK(seal_ring_open(test_ctx(), &wrong, "test", &stranger));
    for (int i = 0; i < WRITERS; i++) {
        EXPECT_OK(seal_writer_open(test_ctx(), &key, "test", &writers[i]));
        EXPECT_OK(
            sealer_seal(test_ctx(), writers[i].sealer, 0, (SealBound){0}, "the same", 8, sealed[i], tags[i]));
        for (int k = 0; k < i; k++) /* two writers never seal alike */
            EXPECT(memcmp(sealed[i], sealed[k], 8) != 0);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < WRITERS; i++) {
            EXPECT_OK(seal_ring_unseal(test_ctx(), ring, writers[i].salt, 0, (SealBound){0}, sealed[i], 8, back,
                                       tags[i], &whole));
            EXPECT(whole && memcmp(back, "the same", 8) == 0);
            EXPECT_OK(seal_ring_unseal(test_ctx(), ring, writers[(i + 1) % WRITERS].salt, 0, (SealBound){0},
                                       sealed[i], 8, back, tags[i], &whole));
            EXPECT(!whole);
        }
    }
    EXPECT_OK(seal_ring_unseal(test_ctx(), stranger, writers[0].salt, 0, (SealBound){0}, sealed[0], 8, back,
                               tags[0], &whole));
    EXPECT(!whole);
    for (int i = 0; i < WRITERS; i++)
        seal_writer_close(&writers[i]);
    seal_ring_close(ring);
    seal_ring_close(stranger);
}

TEST(seal, a_kept_key_is_a_copy)
{
    SealKey key = key_of(5), *kept = seal_key_keep(&key);

    EXPECT(kept != NULL);
    seal_wipe(&key, sizeof(key));
    EXPECT_EQ(key.bytes[3], 0);
    key = key_of(5);
    EXPECT(memcmp(kept, &key, sizeof(key)) == 0);
    seal_key_forget(kept);
}
