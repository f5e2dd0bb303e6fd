
/* Any request, by args->op: for languages that bind C at run time. NULL with errno.
 * Errors: as for requests; EINVAL for an op or a size that there is not; E2BIG for a field that is set and that this
 * version does not know. */
const ioaio_req *ioaio_submit(const ioaio *aio, const ioaio_args *args, IOAIO_HOW);

#undef IOAIO_HOW

#ifdef __cplusplus
}
#endif

#endif
