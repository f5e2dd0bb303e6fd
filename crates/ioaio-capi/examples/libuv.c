/* ioaio in libuv: copies a tree, and tells every tenth of a second how far it is.
 *
 *     cc libuv.c $(pkg-config --cflags --libs ioaio) -luv -o libuv && ./libuv FROM TO
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>
#include <ioaio.h>

static ioaio *aio;
static ioaio_progress *progress;
static uv_poll_t results;
static uv_timer_t timer;
static int failed;

static void on_copied(void *data, const ioaio_result *r) {
    if (r->error) {
        fprintf(stderr, "%s: %s\n", (const char *)data, strerror(r->error));
        failed = 1;
    } else
        printf("%llu entries, %llu bytes\n", (unsigned long long)ioaio_progress_entries(progress),
               (unsigned long long)ioaio_progress_bytes(progress));
    uv_close((uv_handle_t *)&results, NULL);
    uv_close((uv_handle_t *)&timer, NULL);
}

static void on_readable(uv_poll_t *handle, int status, int events) {
    (void)handle, (void)status, (void)events;
    ioaio_poll(aio);
}

static void on_timer(uv_timer_t *handle) {
    (void)handle;
    fprintf(stderr, "%llu entries\r", (unsigned long long)ioaio_progress_entries(progress));
}

int main(int argc, char **argv) {
    uv_loop_t *loop = uv_default_loop();
    aio = ioaio_new();
    progress = ioaio_progress_new();
    if (argc != 3 || !aio)
        return 2;
    uv_poll_init(loop, &results, ioaio_fd(aio));
    uv_poll_start(&results, UV_READABLE, on_readable);
    uv_timer_init(loop, &timer);
    uv_timer_start(&timer, on_timer, 100, 100);
    ioaio_copy_tree(aio, AT_FDCWD, argv[1], AT_FDCWD, argv[2], 0, progress, 0, NULL, on_copied, argv[1]);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    ioaio_progress_free(progress);
    ioaio_free(aio);
    return failed;
}
