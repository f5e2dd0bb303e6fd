/* The engine from C: limits, groups, cancel, priorities, forks, and its end. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int order[64], count;

static void note(void *data, const ioaio_result *r) {
    order[count++] = (int)(intptr_t)data;
    (void)r;
}
static void *number(int n) { return (void *)(intptr_t)n; }

static void polling(void) {
    struct pollfd fd = {.fd = ioaio_fd(aio), .events = POLLIN};
    CHECK(ioaio_poll(aio) == 0 && ioaio_wait(aio, 0) == 0 && ioaio_wait(aio, -1) == 0);
    CHECK(poll(&fd, 1, 0) == 0);
    got.calls = 0;
    CHECK(ioaio_busy(aio, 0.01, HOW) && ioaio_nreqs(aio) == 1);
    CHECK(poll(&fd, 1, 10000) == 1);
    while (!got.calls) {
        CHECK(ioaio_wait(aio, 10000) == 1);
        ioaio_poll(aio);
    }
    while (ioaio_poll(aio))
        ;
    CHECK(poll(&fd, 1, 0) == 0 && ioaio_npending(aio) == 0 && ioaio_nready(aio) == 0);
    ioaio_wake(aio);
    CHECK(poll(&fd, 1, 0) == 1 && ioaio_poll(aio) == 0 && poll(&fd, 1, 0) == 0);
    CHECK(*ioaio_version() == '0');
}

static void limits(void) {
    ioaio_max_poll_reqs(aio, 2);
    for (count = 0; ioaio_nreqs(aio) < 5;)
        ioaio_nop(aio, 0, NULL, note, NULL);
    usleep(20000);
    CHECK(ioaio_poll(aio) <= 2);
    CHECK(ioaio_max_poll_reqs(aio, 0) == 0);
    ioaio_max_poll_time(aio, 0.5);
    ioaio_max_poll_time(aio, 0);
    ioaio_flush(aio);
    CHECK(count == 5);
    ioaio_max_parallel(aio, 2);
    ioaio_min_parallel(aio, 2);
    ioaio_max_idle(aio, 2);
    ioaio_idle_timeout(aio, 5);
    CHECK(ioaio_nthreads(aio) <= 2);
    ioaio_min_parallel(aio, 100000);
    CHECK(ioaio_nthreads(aio) <= IOAIO_MAX_THREADS);
    ioaio_min_parallel(aio, -1);
    ioaio_max_parallel(aio, 2);
    CHECK(ioaio_max_outstanding(aio, 0) == -1 && errno == EINVAL);
    CHECK(ioaio_max_outstanding(aio, 3) == 0);
    for (count = 0; count + (int)ioaio_nreqs(aio) < 12;)
        ioaio_busy(aio, 0.001, 0, NULL, note, NULL); /* held until there is room */
    CHECK(ioaio_max_outstanding(aio, 1000000) == 0);
    ioaio_flush(aio);
    CHECK(count == 12);
}

static void priorities_and_cancel(void) {
    const ioaio_req *req;
    ioaio_max_parallel(aio, 1);
    ioaio_busy(aio, 0.05, 0, NULL, note, number(0));
    usleep(10000);
    count = 0;
    for (int pri = -4; pri <= 4; pri++)
        ioaio_busy(aio, 0, pri, NULL, note, number(pri));
    got.calls = 0;
    req = ioaio_busy(aio, 30, -4, NULL, done, &got);
    CHECK(ioaio_cancel(aio, req) == 1 && ioaio_cancel(aio, req) == 0 && ioaio_cancel(aio, NULL) == 0);
    ioaio_flush(aio);
    CHECK(got.calls == 1 && got.result == -1 && got.error == ECANCELED);
    CHECK(count == 10 && (order[0] == 4 || order[1] == 4) && order[9] == -4);
    got.calls = 0;
    req = ioaio_busy(aio, 0.1, 0, NULL, done, &got);
    usleep(20000);
    CHECK(ioaio_cancel(aio, req) == 0); /* it runs already */
    ioaio_flush(aio);
    CHECK(got.calls == 1 && got.error == 0);
    ioaio_max_parallel(aio, 4);
}

static int fed;
static void feeder(void *data, const ioaio_group *group) {
    if (fed < 20) {
        fed++;
        ioaio_busy(aio, 0, 0, group, note, data);
    }
}
static void ended(void *data, const ioaio_group *group) {
    (void)group;
    ++*(int *)data;
}

static void groups(void) {
    int ends = 0;
    ioaio_group *group = ioaio_group_new(aio), *other = ioaio_group_new(aio);
    count = 0;
    ioaio_nop(aio, 0, group, note, NULL);
    ioaio_busy(aio, 0.01, 0, group, note, NULL);
    ioaio_group_then(group, ended, &ends);
    ioaio_flush(aio);
    CHECK(ends == 1 && count == 2);
    ioaio_group_limit(other, 4);
    ioaio_group_feed(other, feeder, NULL);
    ioaio_group_then(other, ended, &ends);
    ioaio_flush(aio);
    CHECK(ends == 2 && count == 22);
    ioaio_group_free(group);
    ioaio_group_free(other);
    group = ioaio_group_new(aio);
    got.calls = 0;
    ioaio_max_parallel(aio, 1);
    ioaio_busy(aio, 0.02, 0, NULL, note, NULL);
    usleep(5000);
    ioaio_busy(aio, 30, 0, group, done, &got);
    ioaio_group_then(group, ended, &ends);
    ioaio_group_cancel(group);
    ioaio_flush(aio);
    CHECK(ends == 3 && got.error == ECANCELED);
    ioaio_group_free(group);
    ioaio_group_free(NULL);
}

static void forks(void) {
    int status;
    pid_t child;
    got.calls = 0;
    CHECK(ioaio_busy(aio, 0.02, HOW));
    child = fork();
    if (!child) {
        CHECK(ioaio_forked(aio) == 1);
        errno = 0;
        CHECK(!ioaio_nop(aio, HOW) && errno == EOWNERDEAD);
        CHECK(ioaio_poll(aio) == -1 && errno == EOWNERDEAD);
        CHECK(ioaio_reinit(aio) == 0 && ioaio_forked(aio) == 0);
        CHECK(RUN(ioaio_nop(aio, HOW)) == 0);
        ioaio_free(aio);
        _exit(7);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    CHECK(ioaio_reinit(aio) == -1 && errno == EBUSY);
    ioaio_flush(aio);
    CHECK(got.calls == 1);
    child = fork();
    if (!child) {
        ioaio_free(aio); /* of the parent: nothing happens to it */
        _exit(8);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 8);
    CHECK(RUN(ioaio_nop(aio, HOW)) == 0);
}

static void *submitter(void *calls) {
    for (int n = 0; n < 200; n++)
        ioaio_stat(aio, AT_FDCWD, "/", 0, NULL, done, calls);
    return NULL;
}

static void threads(void) {
    static struct got each[4];
    pthread_t thread[4];
    for (int n = 0; n < 4; n++)
        CHECK(pthread_create(&thread[n], NULL, submitter, &each[n]) == 0);
    for (int n = 0; n < 4; n++)
        pthread_join(thread[n], NULL);
    ioaio_flush(aio);
    for (int n = 0; n < 4; n++)
        CHECK(each[n].calls == 200);
}

/* Freed with requests in flight: their callbacks never run, and nothing is written any more. */
static void end(void) {
    int ends[2];
    char *buf = malloc(100);
    CHECK(pipe(ends) == 0);
    got.calls = 0;
    CHECK(ioaio_read(aio, ends[0], buf, 100, -1, HOW));
    CHECK(ioaio_busy(aio, 0.01, HOW));
    CHECK(write(ends[1], "x", 1) == 1);
    usleep(20000);
    ioaio_free(aio);
    ioaio_free(NULL);
    CHECK(got.calls == 0);
    free(buf);
    CHECK(ioaio_new_with(1u << 20) == NULL && errno == EINVAL);
    CHECK(ioaio_new_with(IOAIO_RING) == NULL && errno == EINVAL); /* not IOAIO_NO_RING, nor its opposite */
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    aio = ioaio_new_with((unsigned)atoi(argv[1]));
    CHECK(aio);
    polling();
    limits();
    priorities_and_cancel();
    groups();
    threads();
    forks();
    end();
    puts("all");
    return 0;
}
