/* src/backend/type/aclitem.h - who may do what: one entry of an access control list. */
#ifndef TYPE_ACLITEM_H
#define TYPE_ACLITEM_H
#include "backend/type/type.h"

/* Bits; the letters are PostgreSQL's, in this order: arwdDxtXUCTcsA. */
enum {
    ACL_INSERT = 1 << 0,
    ACL_SELECT = 1 << 1,
    ACL_UPDATE = 1 << 2,
    ACL_DELETE = 1 << 3,
    ACL_TRUNCATE = 1 << 4,
    ACL_REFERENCES = 1 << 5,
    ACL_TRIGGER = 1 << 6,
    ACL_EXECUTE = 1 << 7,
    ACL_USAGE = 1 << 8,
    ACL_CREATE = 1 << 9,
    ACL_TEMPORARY = 1 << 10,
    ACL_CONNECT = 1 << 11,
    ACL_SET = 1 << 12, /* of parameters */
    ACL_ALTER_SYSTEM = 1 << 13,
    ACL_BITS = 14,
    ACL_PUBLIC = 0, /* grantee: everybody */
};

typedef struct AclItem {
    Oid grantee, grantor;
    uint32_t held, grantable;
} AclItem;

/* The value's bytes are the struct's. */
AclItem aclitem_of(const Value *v);
Value aclitem_value(Arena *a, const AclItem *item);

#endif
