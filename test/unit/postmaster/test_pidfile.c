#include "postmaster/pidfile.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static const char *
fresh_path(void)
{
    const char *path = arena_printf(test_ctx()->arena, "/tmp/helios-pidfile-%d", (int)getpid());

    unlink(path);
    return path;
}

TEST(pidfile, holds_the_pid_and_the_facts_while_the_server_runs)
{
    const char *path = fresh_path(), *why = NULL;
    PidFile file;
    Buf facts = {0};

    EXPECT_EQ(pidfile_running(path, &why), 0);
    EXPECT_STR(why, "there is no pid file");
    EXPECT_OK(pidfile_create(test_ctx(), path, (int)getpid(), &file));
    EXPECT_EQ(pidfile_running(path, &why), getpid());
    buf_add_text(&facts, "mode=Test\nempty=\nlast=1\n");
    EXPECT_OK(pidfile_write_facts(test_ctx(), &file, &facts));
    EXPECT_STR(pidfile_fact(test_ctx()->arena, path, "mode"), "Test");
    EXPECT_STR(pidfile_fact(test_ctx()->arena, path, "empty"), "");
    EXPECT(pidfile_fact(test_ctx()->arena, path, "las") == NULL);
    pidfile_remove(&file);
    EXPECT_EQ(pidfile_running(path, &why), 0);
    EXPECT(pidfile_fact(test_ctx()->arena, path, "mode") == NULL);
}

TEST(pidfile, has_no_facts_rather_than_old_ones)
{
    const char *path = fresh_path();
    const char *in_the_way = arena_printf(test_ctx()->arena, "%s.status.new", path);
    PidFile file;
    Buf facts = {0};

    EXPECT_OK(pidfile_create(test_ctx(), path, (int)getpid(), &file));
    buf_add_text(&facts, "listen=there\n");
    EXPECT_OK(pidfile_write_facts(test_ctx(), &file, &facts));
    EXPECT_EQ(mkdir(in_the_way, 0700), 0);
    EXPECT_FAIL(pidfile_write_facts(test_ctx(), &file, &facts), "58030");
    EXPECT(pidfile_fact(test_ctx()->arena, path, "listen") == NULL);
    EXPECT_EQ(rmdir(in_the_way), 0);
    EXPECT_OK(pidfile_write_facts(test_ctx(), &file, &facts));
    EXPECT_STR(pidfile_fact(test_ctx()->arena, path, "listen"), "there");
    pidfile_remove(&file);
}

TEST(pidfile, belongs_to_one_server)
{
    const char *path = fresh_path();
    PidFile file, second;

    EXPECT_OK(pidfile_create(test_ctx(), path, (int)getpid(), &file));
    EXPECT_FAIL(pidfile_create(test_ctx(), path, (int)getpid(), &second), "55006");
    pidfile_remove(&file);
    EXPECT_OK(pidfile_create(test_ctx(), path, (int)getpid(), &second));
    pidfile_remove(&second);
}

TEST(pidfile, left_behind_by_a_killed_server_says_so)
{
    const char *path = fresh_path(), *why = NULL;
    PidFile file;
    Buf facts = {0};
    int pid = fork(), status;

    if (pid == 0) {
        buf_add_text(&facts, "listen=there\n");
        if (pidfile_create(test_ctx(), path, (int)getpid(), &file) != ST_OK ||
            pidfile_write_facts(test_ctx(), &file, &facts) != ST_OK)
            _exit(1);
        _exit(0); /* the lock goes with the process, the file stays */
    }
    EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
    EXPECT_EQ(pidfile_running(path, &why), 0);
    EXPECT(strstr(why, "left over") != NULL);
    EXPECT_OK(pidfile_create(test_ctx(), path, (int)getpid(), &file));
    EXPECT(pidfile_fact(test_ctx()->arena, path, "listen") == NULL); /* the next server says it itself */
    pidfile_remove(&file);
}
