/* What the module keeps for each interpreter. */

typedef struct aio_req aio_req;
typedef struct aio_link aio_link;
typedef struct aio_waiting aio_waiting;

enum { PRIORITIES = 9, PRI_MIN = -4, PRI_MAX = 4 };

typedef struct {
#ifdef MULTIPLICITY
    PerlInterpreter *perl;
#endif
    ioaio *aio; /* made by the first request */
    HV *stash, *req_stash, *grp_stash, *wd_stash;
    SV *result;         /* $_[0] of the last callback, used again if nobody kept it */
    SV *on_next_submit; /* a code reference, or null */
    SV *exception;      /* the first one of this poll, or null */
    aio_req *flight;    /* every request that is not finished */
    aio_req *first[PRIORITIES], *last[PRIORITIES]; /* results that wait for their callbacks */
    unsigned npending;
    aio_waiting *waiting, **last_waiting; /* requests that max_parallel 0 keeps from the library */
    unsigned nwaiting;
    unsigned nforgotten; /* requests that a reinit has left to the library */
    bool paused;         /* max_parallel is 0 */
    unsigned max_outstanding, max_poll_reqs;
    NV max_poll_time;
    int next_pri;
    int dead_fd; /* what a file handle has after aio_close, or -1 */
    int poll_fd; /* the engine's once more, as a program may make a file handle of it and close that; or -1 */
} aio_ctx;

#define MY_CXT_KEY "IO::AIO::context" XS_VERSION
typedef struct {
    aio_ctx *ctx;
} my_cxt_t;
START_MY_CXT

#define dCTX dMY_CXT; aio_ctx *c = MY_CXT.ctx

#ifdef MULTIPLICITY
#define dCTX_PERL(c) dTHXa((c)->perl)
#else
#define dCTX_PERL(c) dNOOP
#endif

/* Whether the program has not closed it: 1, 0, or -1 where the kernel does not say. */
static int poll_fd_is_ours(aio_ctx *c) {
    long differ;
    if (c->poll_fd < 0 || !c->aio)
        return 0;
    differ = syscall(SYS_kcmp, getpid(), getpid(), 0 /* KCMP_FILE */, ioaio_fd(c->aio), c->poll_fd);
    return differ == 0 ? 1 : differ > 0 || errno == EBADF ? 0 : -1;
}

static void ctx_free(pTHX_ void *ctx) {
    aio_ctx *c = (aio_ctx *)ctx;
#ifdef MULTIPLICITY
    if (c->perl != aTHX)
        return; /* a new thread's perl gets a copy of its parent's list */
#endif
    if (poll_fd_is_ours(c) == 1)
        close(c->poll_fd);
    ioaio_free(c->aio);
    c->aio = NULL;
}

static aio_ctx *ctx_new(pTHX) {
    aio_ctx *c;
    Newxz(c, 1, aio_ctx);
#ifdef MULTIPLICITY
    c->perl = aTHX;
#endif
    c->stash = gv_stashpvs("IO::AIO", GV_ADD);
    c->req_stash = gv_stashpvs("IO::AIO::REQ", GV_ADD);
    c->grp_stash = gv_stashpvs("IO::AIO::GRP", GV_ADD);
    c->wd_stash = gv_stashpvs("IO::AIO::WD", GV_ADD);
    c->result = newSV(0);
    c->dead_fd = c->poll_fd = -1;
    c->last_waiting = &c->waiting;
    Perl_call_atexit(aTHX_ ctx_free, c);
    return c;
}

static void ctx_reinit(pTHX_ aio_ctx *c);

/* The engine; in a child of fork one that has forgotten what the parent does. */
static ioaio *ctx_engine(pTHX_ aio_ctx *c) {
    if (UNLIKELY(!c->aio)) {
        c->aio = ioaio_new();
        if (!c->aio)
            croak("IO::AIO: no engine: %s", Strerror(errno));
    } else if (UNLIKELY(ioaio_forked(c->aio)))
        ctx_reinit(aTHX_ c);
    return c->aio;
}

static int ctx_poll_fd(pTHX_ aio_ctx *c) {
    ioaio *aio = ctx_engine(aTHX_ c);
    if (poll_fd_is_ours(c) == 0)
        c->poll_fd = fcntl(ioaio_fd(aio), F_DUPFD_CLOEXEC, 3);
    if (c->poll_fd < 0)
        croak("IO::AIO: no poll fd: %s", Strerror(errno));
    return c->poll_fd;
}

/* Whether there can be requests: not in a child that only inherited some. */
static bool ctx_active(aio_ctx *c) {
    return c->aio && !ioaio_forked(c->aio);
}

static unsigned ctx_nreqs(aio_ctx *c) {
    return ctx_active(c) ? c->npending + c->nwaiting + ioaio_nreqs(c->aio) - c->nforgotten : 0;
}
