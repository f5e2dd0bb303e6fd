
/* Any request, by args->op: for languages that bind C at run time. NULL with errno.
 * Errors: as for requests; EINVAL for an op or a size that there is not; E2BIG for a field that is set and that this
 * version does not know.
 * With leftovers of 0 or more, ioaio_save, ioaio_copy, ioaio_copy_tree, and ioaio_move where it copies, first remove
 * from the target's directory what a kill or a crash has left there: of the caller's own, with a name like
 * .ioaio-0123456789abcdef, not changed for so many seconds, and not being worked on by anybody. EINVAL for what is no
 * number of seconds. */
const ioaio_req *ioaio_submit(const ioaio *aio, const ioaio_args *args, IOAIO_HOW);

#undef IOAIO_HOW

#ifdef __cplusplus
}
#endif

#endif
