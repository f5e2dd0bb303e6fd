/* For LD_PRELOAD: lets calls of io_uring_enter fail, as those of a kernel that is short of memory, or that has
   been given a filter. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>

int refuse_times;  /* so many calls will fail */
int refuse_errno;  /* with this */
int refuse_waits;  /* also those that submit nothing */
int refuse_hits;   /* so many have failed */

long syscall(long number, ...)
{
    static long (*real)(long, ...);
    long x[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        x[i] = va_arg(list, long);
    va_end(list);
    if (!real)
        real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    if (number == SYS_io_uring_enter && ((unsigned)x[1] > 0 || __atomic_load_n(&refuse_waits, __ATOMIC_SEQ_CST))) {
        int left = __atomic_load_n(&refuse_times, __ATOMIC_SEQ_CST);
        while (left > 0)
            if (__atomic_compare_exchange_n(&refuse_times, &left, left - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
                __atomic_fetch_add(&refuse_hits, 1, __ATOMIC_SEQ_CST);
                errno = __atomic_load_n(&refuse_errno, __ATOMIC_SEQ_CST);
                return -1;
            }
    }
    return real(number, x[0], x[1], x[2], x[3], x[4], x[5]);
}
