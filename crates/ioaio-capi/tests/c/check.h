/* What the C tests share: a result that outlives its callback, and checks that say where. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ioaio.h>

struct got {
    int calls, error;
    long long result;
    size_t len;
    char call[32], path[256];
    char data[65536]; /* as much of the data as fits */
};

static struct got got;
static ioaio *aio;
static size_t element = 1; /* how large are those that len counts */

static void done(void *data, const ioaio_result *r) {
    struct got *to = data;
    to->calls++;
    to->result = r->result;
    to->error = r->error;
    to->len = r->len;
    strcpy(to->call, r->call ? r->call : "");
    strcpy(to->path, r->path ? r->path : "");
    if (r->data) {
        size_t bytes = r->len * element < sizeof to->data ? r->len * element : sizeof to->data - 1;
        memcpy(to->data, r->data, bytes);
        to->data[bytes] = 0;
    }
}

#define HOW 0, NULL, done, &got

#define CHECK(condition)                                                                                        \
    do {                                                                                                        \
        if (!(condition)) {                                                                                     \
            fprintf(stderr, "%s:%d: not so: %s (result %lld, error %d: %s)\n", __FILE__, __LINE__, #condition, \
                    got.result, got.error, strerror(got.error));                                                \
            exit(1);                                                                                            \
        }                                                                                                       \
    } while (0)

/* Submits, waits, and gives the result. */
#define RUN(call)                              \
    (got.calls = 0, (call) ? (void)0 : abort(), \
     ioaio_flush(aio) == 0 && got.calls == 1 ? got.result : (abort(), 0LL))

#define FAILS(call, errno_) CHECK(RUN(call) == -1 && got.error == (errno_))
