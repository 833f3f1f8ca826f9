/* login.c - see login.h. */
#include "backend/auth/login.h"

#include "backend/wire/encode.h"
#include "base/log.h"

Status
login_read(Ctx *cx, Conn *conn, const LoginOptions *options, StartupRequest *out)
{
    return startup_negotiate(cx, conn, &options->startup, out);
}

Status
login_prove(Ctx *cx, Conn *conn, const LoginOptions *options, AuthDirectory *directory,
            const StartupRequest *request, SettingSet *settings, AuthIdentity *out)
{
    TRY(auth_login(cx, conn, &options->auth, directory, request, out));
    settings_assign_text(settings, SETTING_SESSION_AUTHORIZATION, out->user_name);
    settings_assign_number(settings, SETTING_IS_SUPERUSER, (SettingNumber){.b = out->role.superuser});
    for (int i = 0; i < request->setting_count; i++) {
        const StartupSetting *s = &request->settings[i];

        TRY(settings_set_initial(cx, settings, s->name, s->value, SOURCE_CLIENT, out->role.superuser));
    }
    return ST_OK;
}

void
login_welcome(Conn *conn, SettingSet *settings, int32_t pid, uint32_t secret)
{
    Buf shown = {0};

    settings_seal(settings);
    conn->deadline_us = 0;
    for (int i = 0; i < SETTING_COUNT; i++) {
        if ((setting_infos[i].flags & SETTING_IS_REPORT) == 0)
            continue;
        buf_clear(&shown);
        settings_show(settings, (SettingNo)i, false, &shown);
        encode_parameter_status(conn, setting_infos[i].name, buf_cstr(&shown));
    }
    buf_free(&shown);
    encode_backend_key(conn, pid, secret);
}

void
login_refuse(Ctx *cx, Conn *conn, Status rc, const char *who)
{
    bool garbage; /* not a client of ours; a damaged catalog is ST_CORRUPT too, and is told */

    ASSERT(rc != ST_OK);
    ASSERT(cx->error.message != NULL);
    fail_fatal(cx, rc);
    garbage = rc == ST_CORRUPT && strcmp(cx->error.sqlstate, "08P01") == 0;
    log_report(rc == ST_CLOSED || garbage ? LOG_DEBUG : LOG_INFO, who, &cx->error, NULL);
    if (garbage || conn->broken)
        return;
    encode_report(conn, &cx->error);
    if (conn_flush(cx, conn) != ST_OK)
        return; /* it did not want to know */
}
