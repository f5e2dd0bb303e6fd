
/* The arguments of no request. */
#define IOAIO_ARGS_INIT {.fd = -1, .fd2 = -1, .dirfd = -100, .dirfd2 = -100, .off = -1, .off2 = -1, .uid = (uid_t)-1, .gid = (gid_t)-1}

/* Any request, by args->op: for languages that bind C at run time. */
const ioaio_req *ioaio_submit(const ioaio *aio, const ioaio_args *args, IOAIO_HOW);

#undef IOAIO_HOW

#ifdef __cplusplus
}
#endif

#endif
