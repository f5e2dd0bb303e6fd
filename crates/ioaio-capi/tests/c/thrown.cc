// What a callback throws ends the process. The argument says what throws.
#include <cstdlib>
#include <stdexcept>

#include <ioaio.h>

static void thrower(void *, const ioaio_result *) { throw std::runtime_error("from a callback"); }
static void group_thrower(void *, const ioaio_group *) { throw std::runtime_error("from a group"); }
static int64_t execute_thrower(void *) { throw std::runtime_error("from a function"); }

int main(int, char **argv) {
    ioaio *aio = ioaio_new();
    ioaio_group *group = ioaio_group_new(aio);
    try {
        switch (std::atoi(argv[1])) {
        case 0: ioaio_nop(aio, 0, 0, thrower, 0); break;
        case 1: ioaio_custom(aio, execute_thrower, 0, 0, 0, 0, 0); break;
        case 2: ioaio_group_then(group, group_thrower, 0); break;
        default: ioaio_group_feed(group, group_thrower, 0);
        }
        ioaio_flush(aio);
    } catch (std::exception &) {
        return 3; // not through the library
    }
    return 4;
}
