/* Walks: blocking, and under an event loop. The argument is a directory to work in. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

static int dir;

static int not_skipped(void *data, const ioaio_entry *entry) {
    ++*(int *)data;
    return strcmp(entry->name, "skipped") != 0;
}

static void make_tree(void) {
    char name[64];
    CHECK(mkdirat(dir, "tree", 0755) == 0 && mkdirat(dir, "tree/skipped", 0755) == 0);
    for (int n = 0; n < 20; n++) {
        sprintf(name, "tree/%02d", n);
        CHECK(mkdirat(dir, name, 0755) == 0);
        sprintf(name, "tree/%02d/file", n);
        int fd = openat(dir, name, O_CREAT | O_WRONLY, 0644);
        CHECK(fd >= 0 && write(fd, "text", 4) == 4 && close(fd) == 0);
    }
    CHECK(close(openat(dir, "tree/skipped/file", O_CREAT | O_WRONLY, 0644)) == 0);
    CHECK(symlinkat("..", dir, "tree/link") == 0);
}

static void blocking(void) {
    const ioaio_entry *entry;
    char last[64] = "";
    int found = 0, asked = 0, bytes = 0;
    ioaio_walk *walk = ioaio_walk_new(aio, dir, "tree", IOAIO_SORTED | IOAIO_METADATA, 1, -1, not_skipped, &asked);
    CHECK(walk);
    while ((entry = ioaio_walk_next(walk))) {
        CHECK(!entry->error && !entry->call && strcmp(entry->path, last) > 0 && !strncmp(entry->path, "tree/", 5));
        strcpy(last, entry->path);
        CHECK((entry->depth == 1) == !strchr(entry->path + 5, '/'));
        if (entry->kind == DT_REG)
            bytes += (int)((const struct stat *)entry->stat)->st_size;
        found++;
    }
    CHECK(errno == 0 && found == 42 && asked == 21 && bytes == 80);
    CHECK(ioaio_walk_next(walk) == NULL && errno == 0);
    ioaio_walk_free(walk);
    walk = ioaio_walk_new(aio, dir, "tree", 0, 0, 0, NULL, NULL);
    CHECK((entry = ioaio_walk_next(walk)) && !strcmp(entry->path, "tree") && entry->kind == DT_DIR && !entry->stat);
    CHECK(!ioaio_walk_next(walk));
    ioaio_walk_free(walk);
    ioaio_walk_free(NULL);
}

static void errors(void) {
    const ioaio_entry *entry;
    ioaio_walk *walk = ioaio_walk_new(aio, dir, "none", 0, 0, -1, NULL, NULL);
    CHECK((entry = ioaio_walk_next(walk)) && entry->error == ENOENT && entry->call && !strcmp(entry->path, "none"));
    CHECK(!ioaio_walk_next(walk) && errno == 0);
    ioaio_walk_free(walk);
    CHECK(!ioaio_walk_new(aio, dir, "tree", IOAIO_DURABLE, 0, -1, NULL, NULL) && errno == EINVAL);
    CHECK(!ioaio_walk_new(aio, dir, NULL, 0, 0, -1, NULL, NULL) && errno == EFAULT);
}

static void under_a_loop(void) {
    struct pollfd fd = {.fd = ioaio_fd(aio), .events = POLLIN};
    int found = 0, over = 0;
    ioaio_walk *walk = ioaio_walk_new(aio, dir, "tree", 0, 0, -1, NULL, NULL);
    while (!over) {
        while (ioaio_walk_try(walk))
            found++;
        over = errno == 0;
        CHECK(over || errno == EAGAIN);
        if (!over)
            CHECK(poll(&fd, 1, 10000) == 1);
        while (ioaio_poll(aio) > 0)
            ;
    }
    CHECK(found == 44);
    ioaio_walk_free(walk);
    walk = ioaio_walk_new(aio, dir, "tree", 0, 0, -1, NULL, NULL);
    ioaio_walk_try(walk);
    ioaio_walk_free(walk); /* in the middle */
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    dir = open(argv[1], O_RDONLY | O_DIRECTORY);
    aio = ioaio_new_with((unsigned)atoi(argv[2]));
    CHECK(dir >= 0 && aio);
    make_tree();
    blocking();
    errors();
    under_a_loop();
    CHECK(RUN(ioaio_nop(aio, HOW)) == 0);
    ioaio_flush(aio);
    ioaio_free(aio);
    puts("all");
    return 0;
}
