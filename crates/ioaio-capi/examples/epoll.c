/* ioaio in a loop of epoll(7): reads the files that are named on the command line, and prints how long they are.
 *
 *     cc epoll.c $(pkg-config --cflags --libs ioaio) -o epoll && ./epoll /etc/passwd /etc/hosts
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <ioaio.h>

static int failed;

static void on_load(void *data, const ioaio_result *r) {
    if (r->error) {
        fprintf(stderr, "%s: %s\n", (const char *)data, strerror(r->error));
        failed = 1;
    } else
        printf("%s: %zu bytes\n", (const char *)data, r->len);
}

int main(int argc, char **argv) {
    struct epoll_event event = {.events = EPOLLIN};
    int loop = epoll_create1(EPOLL_CLOEXEC);
    ioaio *aio = ioaio_new();
    if (!aio || loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, ioaio_fd(aio), &event) < 0) {
        perror("epoll");
        return 1;
    }
    for (int n = 1; n < argc; n++)
        if (!ioaio_load(aio, AT_FDCWD, argv[n], 0, NULL, on_load, argv[n])) {
            perror("ioaio_load");
            return 1;
        }
    while (ioaio_nreqs(aio) && epoll_wait(loop, &event, 1, -1) >= 0)
        ioaio_poll(aio);
    ioaio_free(aio);
    close(loop);
    return failed;
}
