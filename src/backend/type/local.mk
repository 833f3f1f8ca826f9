# Types, functions, operators, casts, aggregates; no catalog, no session.
noinst_LIBRARIES += libtype.a
libtype_a_SOURCES = \
	src/backend/type/agg_basic.c \
	src/backend/type/agg_float.c \
	src/backend/type/agg_int.h \
	src/backend/type/agg_numeric.c \
	src/backend/type/all_funcs.def \
	src/backend/type/all_types.def \
	src/backend/type/array.c \
	src/backend/type/array.h \
	src/backend/type/array_fn.c \
	src/backend/type/array_io.c \
	src/backend/type/bool.c \
	src/backend/type/bytea.c \
	src/backend/type/calendar.h \
	src/backend/type/casts.def \
	src/backend/type/date_templates.def \
	src/backend/type/datetime.c \
	src/backend/type/datetime_arith.c \
	src/backend/type/datetime_cast.c \
	src/backend/type/datetime_extract.c \
	src/backend/type/datetime_int.h \
	src/backend/type/datetime_parse.c \
	src/backend/type/datetime_show.c \
	src/backend/type/datetime_token.c \
	src/backend/type/float.c \
	src/backend/type/float.h \
	src/backend/type/float_math.c \
	src/backend/type/fn_call.c \
	src/backend/type/fn_decl.h \
	src/backend/type/fn_order.c \
	src/backend/type/func.h \
	src/backend/type/funcs.def \
	src/backend/type/int.c \
	src/backend/type/interval_parse.c \
	src/backend/type/kernels.c \
	src/backend/type/kernels.def \
	src/backend/type/kernels_avx2.c \
	src/backend/type/kernels_base.c \
	src/backend/type/kernels_body.h \
	src/backend/type/kernels_int.h \
	src/backend/type/range_mask.c src/backend/type/range_mask.h \
	src/backend/type/like.c \
	src/backend/type/number_template.c \
	src/backend/type/numeric.h \
	src/backend/type/numeric_arith.c \
	src/backend/type/numeric_int.h \
	src/backend/type/numeric_io.c \
	src/backend/type/numeric_math.c \
	src/backend/type/numeric_pack.c \
	src/backend/type/oid.c \
	src/backend/type/pg_lsn.c \
	src/backend/type/aclitem.c src/backend/type/aclitem.h \
	src/backend/type/opers.def \
	src/backend/type/pow10.h \
	src/backend/type/count_nulls.c \
	src/backend/type/pseudo.c \
	src/backend/type/quoted_words.def \
	src/backend/type/record.c \
	src/backend/type/record.h \
	src/backend/type/regex.c \
	src/backend/type/regex.h \
	src/backend/type/regex_fn.c \
	src/backend/type/regex_int.h \
	src/backend/type/regex_translate.c \
	src/backend/type/regnames.h \
	src/backend/type/series.c \
	src/backend/type/tables.c \
	src/backend/type/template.c \
	src/backend/type/template_int.h \
	src/backend/type/template_read.c \
	src/backend/type/text.c \
	src/backend/type/text_build.c \
	src/backend/type/text_fn.c \
	src/backend/type/text_int.h \
	src/backend/type/timezone.c \
	src/backend/type/timezone.h \
	src/backend/type/type.h \
	src/backend/type/type_int.h \
	src/backend/type/type_oids.def \
	src/backend/type/type_util.c \
	src/backend/type/types.def \
	src/backend/type/tz_abbrevs.def \
	src/backend/type/unicode.c \
	src/backend/type/unicode.h \
	src/backend/type/unicode_ranges.def \
	src/backend/type/value.c \
	src/backend/type/value.h
TYPE_LIBS = libtype.a $(BASE_LIBS) $(PCRE2_LIBS) $(OPENSSL_LIBS) -lgmp -lm

# The orders in which the tables are searched, from the same rows.
noinst_PROGRAMS += gen_type_index
gen_type_index_SOURCES = src/backend/type/gen_type_index.c
type_index.inc: gen_type_index$(EXEEXT)
	$(AM_V_GEN)./gen_type_index$(EXEEXT) > $@.tmp && mv $@.tmp $@
src/backend/type/tables.$(OBJEXT): type_index.inc
CLEANFILES += type_index.inc
