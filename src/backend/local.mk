include src/backend/wire/local.mk
