
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

/* Cancels a request as far as that is possible; its callback runs in any case, once. */
void ioaio_cancel(const ioaio *aio, const ioaio_req *req);

/* Counters that requests which do much move while they run, for any thread to read. Several may share them. */
ioaio_progress *ioaio_progress_new(void);
void ioaio_progress_free(ioaio_progress *progress);

/* The files, directories and others that are done. */
uint64_t ioaio_progress_entries(const ioaio_progress *progress);

/* The bytes of contents that are done, holes included. */
uint64_t ioaio_progress_bytes(const ioaio_progress *progress);

/* Requests. Each gives a handle, or NULL with errno where there is no memory.
 * Priority is -4 (last) to 4 (first). Group and callback may be NULL. */
#define IOAIO_HOW int priority, const ioaio_group *group, ioaio_cb callback, void *data

#define IOAIO_DIRS_FIRST 1 /* ioaio_read_dir: directories before the rest */
#define IOAIO_STAT_ORDER 2 /* ioaio_read_dir: sorted by inode number */
#define IOAIO_KINDS 4      /* ioaio_read_dir: also asks for the kinds that the directory does not tell */
#define IOAIO_DURABLE 1 /* ioaio_save, ioaio_copy_tree: written to the device before it is done */
#define IOAIO_NO_REPLACE 2 /* ioaio_save: EEXIST where there is something of that name */
#define IOAIO_WRITE_THROUGH 8 /* ioaio_save: into what is there, whatever it is, also a device or a FIFO */
#define IOAIO_IN_PLACE 16 /* ioaio_save: into what is there where it can't be replaced */
#define IOAIO_FOLLOW 32 /* ioaio_save: a symbolic link is followed; without it, it is ELOOP */
#define IOAIO_ONE_FILE_SYSTEM 4 /* ioaio_copy_tree, ioaio_remove_tree: no mount point is crossed */
