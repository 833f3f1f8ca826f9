include src/backend/type/local.mk
