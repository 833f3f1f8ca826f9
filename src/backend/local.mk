include src/backend/wire/local.mk
include src/backend/config/local.mk
include src/backend/auth/local.mk
include src/backend/door/local.mk
include src/backend/type/local.mk
include src/backend/sql.mk
