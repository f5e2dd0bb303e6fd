/* The header alone is strict C89, without any macro for features. */
#include <ioaio.h>

#include <stdio.h>
#include <string.h>

static void done(void *data, const ioaio_result *result) {
    *(int *)data = result->error ? result->error : 1;
}

int main(void) {
    ioaio_args args = IOAIO_ARGS_INIT;
    ioaio *aio = ioaio_new();
    int called = 0;
    char text[256];
    ioaio_stats stats;
    if (!aio)
        return 1;
    args.op = IOAIO_OP_STAT;
    args.path = "/";
    if (args.size != sizeof args || args.dirfd != IOAIO_CWD || args.off2 != -1 || args.execute || args.context)
        return 2;
    if (!ioaio_submit(aio, &args, 0, NULL, done, &called) || ioaio_flush(aio) || called != 1)
        return 3;
    if (strcmp(ioaio_version(), IOAIO_VERSION) || ioaio_version_number() != IOAIO_VERSION_NUMBER)
        return 4;
    if (IOAIO_VERSION_NUMBER != (IOAIO_VERSION_MAJOR << 16 | IOAIO_VERSION_MINOR << 8 | IOAIO_VERSION_PATCH))
        return 5;
    ioaio_get_stats(aio, &stats, sizeof stats);
    if (stats.by_inline + stats.by_ring + stats.by_pool != 1)
        return 6;
    if (!(ioaio_routes(aio) & IOAIO_RING) != (ioaio_ring_off(aio, text, sizeof text) > 0))
        return 7;
    printf("%u\n", ioaio_routes(aio));
    ioaio_free(aio);
    return 0;
}
