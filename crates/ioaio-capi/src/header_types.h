
/* AT_FDCWD, the process's directory when a request is executed, which <fcntl.h> has only with _POSIX_C_SOURCE of
 * 200809L or more, or with _GNU_SOURCE. */
#define IOAIO_CWD (-100)

struct iovec;
struct timespec;

typedef struct ioaio ioaio;
typedef struct ioaio_req ioaio_req;
typedef struct ioaio_group ioaio_group;
typedef struct ioaio_progress ioaio_progress;
typedef struct ioaio_walk ioaio_walk;

/* Something that a copy has without what it is about: the target's file system does not know it, or it takes a
 * privilege. */
typedef struct ioaio_not_kept {
    const char *path;      /* the copy */
    const char *attribute; /* owner, mode, times, hard link, extended attributes, or the name of one of these */
    int error;             /* the errno with which it was refused */
} ioaio_not_kept;

/* What a request came to; valid, with what it points to, until the callback returns. The library makes it: later
 * versions may have more fields at the end. */
typedef struct ioaio_result {
    int64_t result;   /* what the system call returned; -1 where it failed */
    int error;        /* errno, or 0 */
    const void *data; /* what a request gives beside a number: see the function */
    size_t len;       /* the number of bytes, or of elements, in data */
    const char *call; /* which call failed in a request that makes several, or NULL */
    const char *path; /* what that was about, or NULL */
    const ioaio_not_kept *not_kept; /* of ioaio_copy_tree: what the copy is without, the first thousand */
    size_t not_kept_len;            /* the number of elements in not_kept */
    uint64_t not_kept_count;        /* how many there were */
} ioaio_result;

/* One name of a directory. */
typedef struct ioaio_dirent {
    const char *name;
    uint64_t ino;
    int kind; /* DT_REG and so on; DT_UNKNOWN where the directory does not tell */
} ioaio_dirent;

/* A run of bytes of a file that are in one piece on its device. */
typedef struct ioaio_extent {
    uint64_t logical;  /* where it starts in the file */
    uint64_t physical; /* where it starts on the device */
    uint64_t length;   /* how many bytes it has */
    uint32_t flags;    /* FIEMAP_EXTENT_... of linux/fiemap.h */
} ioaio_extent;

/* What a tree takes. */
typedef struct ioaio_usage {
    uint64_t disk;     /* bytes on the device */
    uint64_t apparent; /* bytes of contents */
    uint64_t files;    /* files of all kinds, each once, but directories */
    uint64_t dirs;     /* directories */
    uint64_t failed;   /* what could not be looked at */
} ioaio_usage;

/* Something that could not be done, while the rest was. */
typedef struct ioaio_failure {
    int error;        /* errno */
    const char *call; /* which call failed */
    const char *path; /* what that was about */
} ioaio_failure;

/* What an engine has done. Later versions may have more fields at the end. */
typedef struct ioaio_stats {
    uint64_t by_inline;      /* requests that were answered at once */
    uint64_t by_ring;        /* requests that io_uring has executed */
    uint64_t by_pool;        /* requests that threads have executed */
    uint64_t ring_in_flight; /* requests that io_uring has now */
    uint64_t threads;        /* threads now */
} ioaio_stats;

/* What a walk has come upon; valid, with what it points to, until the next call about the walk. */
typedef struct ioaio_entry {
    const char *path; /* with that of the root before it */
    const char *name; /* the last name of it */
    int kind;         /* DT_REG and so on */
    int depth;        /* how far below the root, which is at 0 */
    const void *stat; /* with IOAIO_METADATA a struct stat, else NULL */
    int error;        /* the errno of what could not be looked at, or 0 */
    const char *call; /* which call failed, or NULL */
} ioaio_entry;

/* Runs on a thread of the engine's: gives a result, or -errno. With -EINTR it is called again. */
typedef int64_t (*ioaio_execute)(void *context);

typedef void (*ioaio_cb)(void *data, const ioaio_result *result);
typedef void (*ioaio_group_cb)(void *data, const ioaio_group *group);

typedef void (*ioaio_not_kept_cb)(void *data, const ioaio_not_kept *lost);

/* Gives whether to go into a directory: not 0, or 0. */
typedef int (*ioaio_descend)(void *data, const ioaio_entry *entry);

/* A new engine, or NULL with errno.
 * Errors: EINVAL for what IOAIO_ROUTES says; EMFILE, ENFILE or ENOMEM where not even an eventfd can be had. A kernel
 * that refuses io_uring is no error: see ioaio_ring_off. */
ioaio *ioaio_new(void);

/* A new engine without some routes: IOAIO_NO_... NULL with errno.
 * Errors: as ioaio_new; EINVAL for unknown options. */
ioaio *ioaio_new_with(unsigned options);

/* Ends an engine. Callbacks that have not run never run; ioaio_flush first lets them. */
void ioaio_free(ioaio *aio);

/* The version of the library, as text and as IOAIO_VERSION_NUMBER. */
const char *ioaio_version(void);
unsigned ioaio_version_number(void);

