
/* A group completes when it has no members left: give it to requests as they are submitted. Its handle is live
 * until ioaio_group_free, which may come when its callback has run. */
ioaio_group *ioaio_group_new(const ioaio *aio);
void ioaio_group_free(ioaio_group *group);

/* Calls callback inside ioaio_poll when no member is left. */
void ioaio_group_then(const ioaio_group *group, ioaio_group_cb callback, void *data);

/* Calls feeder now, and whenever members are missing, until a call adds none. */
void ioaio_group_feed(const ioaio_group *group, ioaio_group_cb feeder, void *data);

/* Sets how many members the feeder keeps going (2 at first); 0 pauses it. */
void ioaio_group_limit(const ioaio_group *group, int limit);

/* Cancels the members and removes the feeder; the group itself still completes. */
void ioaio_group_cancel(const ioaio_group *group);

/* Cancels a request as far as that is possible; its callback runs in any case, once. 1 if it will be with ECANCELED;
 * 0 if it is being executed, or is done: one that waits, such as a lock, or that makes many calls, then ends with
 * ECANCELED as well, and others end as they do. */
int ioaio_cancel(const ioaio *aio, const ioaio_req *req);

/* Counters that requests which do much move while they run, for any thread to read. Several may share them. */
ioaio_progress *ioaio_progress_new(void);
void ioaio_progress_free(ioaio_progress *progress);

/* The files, directories and others that are done. */
uint64_t ioaio_progress_entries(const ioaio_progress *progress);

/* The bytes of contents that are done, holes included. */
uint64_t ioaio_progress_bytes(const ioaio_progress *progress);

/* Calls callback, unless it is NULL, for each of what ioaio_copy, ioaio_copy_tree and ioaio_move with these counters
 * could not keep, the first thousand, once they are done; what it gets is valid until it returns. Gives how many these
 * are. */
size_t ioaio_progress_not_kept(const ioaio_progress *progress, ioaio_not_kept_cb callback, void *data);

/* Walks a tree: its root, and everything below it. Symbolic links are entries and never followed. flags are
 * IOAIO_METADATA, IOAIO_SORTED, IOAIO_ONE_FILE_SYSTEM; entries are given from min_depth on, the root being at 0, to
 * max_depth, or all with -1. Directories for which descend gives 0 are not gone into; it may be NULL, and runs in
 * ioaio_walk_next and ioaio_walk_try. NULL with errno.
 * Errors: EINVAL for flags that it does not know; EFAULT, EOWNERDEAD as for requests. Those of the walk are entries
 * with an error, and do not end it. */
ioaio_walk *ioaio_walk_new(const ioaio *aio, int dirfd, const char *path, int flags, int min_depth, int max_depth,
    ioaio_descend descend, void *data);

/* The next entry, for which it waits; NULL at the end. Only one thread at a time asks. */
const ioaio_entry *ioaio_walk_next(ioaio_walk *walk);

/* The next entry if it is there; NULL with errno 0 at the end, and with EAGAIN where it is not there yet: the poll fd
 * becomes readable when it is, and ioaio_poll and then this are to be called. */
const ioaio_entry *ioaio_walk_try(ioaio_walk *walk);

/* Ends a walk, before its engine is freed. */
void ioaio_walk_free(ioaio_walk *walk);

/* Requests. Each gives a handle, or NULL with errno: ENOMEM, or EOWNERDEAD after a fork. Then nothing was submitted,
 * no callback is called, and all that was passed is still the caller's.
 * Priority is -4 (last) to 4 (first); what is beyond is taken for these. Group and callback may be NULL. */
#define IOAIO_HOW int priority, const ioaio_group *group, ioaio_cb callback, void *data

