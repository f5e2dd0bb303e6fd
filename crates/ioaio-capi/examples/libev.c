/* ioaio in libev: sums up what a directory has, a request for each name.
 *
 *     cc libev.c $(pkg-config --cflags --libs ioaio) -lev -o libev && ./libev /etc
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <ev.h>
#include <ioaio.h>

static ioaio *aio;
static int dir = -1;
static unsigned long long files, bytes;

static void on_stat(void *data, const ioaio_result *r) {
    (void)data;
    if (!r->error) {
        files++;
        bytes += (unsigned long long)((const struct stat *)r->data)->st_size;
    }
}

static void on_names(void *data, const ioaio_result *r) {
    const ioaio_dirent *names = r->data;
    if (r->error)
        fprintf(stderr, "%s: %s\n", (const char *)data, strerror(r->error));
    else
        for (size_t n = 0; n < r->len; n++)
            ioaio_lstat(aio, dir, names[n].name, 0, NULL, on_stat, NULL);
}

static void on_dir(void *data, const ioaio_result *r) {
    if (r->error)
        fprintf(stderr, "%s: %s\n", (const char *)data, strerror(r->error));
    else {
        dir = (int)r->result;
        ioaio_read_dir(aio, dir, ".", IOAIO_STAT_ORDER, 0, NULL, on_names, data);
    }
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)events;
    ioaio_poll(aio);
    if (!ioaio_nreqs(aio))
        ev_io_stop(loop, watcher); /* nothing more to wait for: the loop ends */
}

int main(int argc, char **argv) {
    struct ev_loop *loop = ev_default_loop(0);
    ev_io watcher;
    aio = ioaio_new();
    if (argc != 2 || !aio || !loop)
        return 2;
    ev_io_init(&watcher, on_readable, ioaio_fd(aio), EV_READ);
    ev_io_start(loop, &watcher);
    ioaio_open_dir(aio, AT_FDCWD, argv[1], 0, NULL, on_dir, argv[1]);
    ev_run(loop, 0);
    printf("%llu names, %llu bytes\n", files, bytes);
    ioaio_free(aio);
    return dir < 0;
}
