/* utility_more.c - statements whose parts are spread over other files of this folder. */
#include "backend/command/command.h"
#include "backend/command/ddl.h"
#include "backend/command/grant.h"
#include "backend/command/utility.h"
#include "backend/session/cursor.h"

Status
utility_more(Session *s, const Ast *ast, Sink *sink, const char **tag)
{
    switch (ast->kind) {
    case AST_COPY: return command_copy(s, (const AstCopy *)ast, sink, tag);
    case AST_VACUUM: return command_vacuum(s, (const AstVacuum *)ast, tag);
    case AST_REINDEX: *tag = "REINDEX"; return command_reindex(s, (const AstReindex *)ast);
    case AST_EXPLAIN: *tag = "EXPLAIN"; return command_explain(s, (const AstExplain *)ast, sink);
    case AST_ALTER_TABLE: return ddl_alter_table(s, (const AstAlterTable *)ast, tag);
    case AST_ALTER_SEQUENCE: *tag = "ALTER SEQUENCE"; return ddl_alter_sequence(s, (const AstSequence *)ast);
    case AST_CREATE_TABLE_AS: return ddl_create_table_as(s, (const AstCreateTableAs *)ast, tag);
    case AST_CREATE_ROLE:
    case AST_ALTER_ROLE:
    case AST_DROP_ROLE: return command_role(s, (const AstRole *)ast, tag);
    case AST_CREATE_DATABASE:
    case AST_DROP_DATABASE: return command_database(s, (const AstDatabase *)ast, tag);
    case AST_RENAME: return ddl_rename(s, (const AstRename *)ast, tag);
    case AST_GRANT:
        *tag = ((const AstGrant *)ast)->is_grant ? "GRANT" : "REVOKE";
        return command_grant(s, (const AstGrant *)ast);
    case AST_GRANT_ROLE:
        *tag = ((const AstGrantRole *)ast)->is_grant ? "GRANT ROLE" : "REVOKE ROLE";
        return command_grant_role(s, (const AstGrantRole *)ast);
    case AST_COMMENT: *tag = "COMMENT"; return ddl_comment(s, (const AstComment *)ast);
    case AST_DECLARE_CURSOR: *tag = "DECLARE CURSOR"; return cursor_declare(s, (const AstCursor *)ast, s->sql);
    case AST_FETCH: return cursor_fetch(s, (const AstCursor *)ast, sink, tag);
    case AST_CLOSE: return cursor_close(s, (const AstCursor *)ast, tag);
    default: return fail_unsupported(s->cx, -1, "this statement");
    }
}
