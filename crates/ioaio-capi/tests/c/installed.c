/* What a program that knows only the installed library does. */

#include <fcntl.h>
#include <ioaio.h>
#include <stdio.h>
#include <sys/stat.h>

static void on_stat(void *data, const ioaio_result *result)
{
    if (result->result == 0)
        *(off_t *)data = ((const struct stat *)result->data)->st_size;
}

int main(int argc, char **argv)
{
    off_t size = -1;
    ioaio *aio = ioaio_new();

    if (argc != 2 || !aio)
        return 1;
    if (!ioaio_stat(aio, AT_FDCWD, argv[1], 0, NULL, on_stat, &size) || ioaio_flush(aio) != 0)
        return 2;
    ioaio_free(aio);
    printf("%s %lld\n", ioaio_version(), (long long)size);
    return 0;
}
