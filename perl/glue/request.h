/* A request between its submission and its callback. */

enum kind {
    K_NUMBER, /* the result itself */
    K_STATUS, /* 0 or -1 */
    K_NONE,   /* no argument at all */
    K_OPEN,
    K_STAT,
    K_LSTAT,
    K_READ,
    K_SLURP,
    K_DATA, /* the data, and their length */
    K_TEXT,
    K_NAMES,
    K_STATVFS,
    K_EXTENTS,
    K_READDIRX,
    K_SCAN,
    K_WD,
    K_GROUP
};

enum {
    F_CANCELLED = 1,
    F_READONLY = 2,  /* the data scalar is read-only because of this request */
    F_FORGOTTEN = 4, /* by a reinit in the process that submitted it */
    F_SEEN = 8,      /* a group that a poll has looked at */
    F_STARTED = 16,  /* a group whose callback has begun */
    F_OWN = 32,      /* a group with a request of its own, which is not done */
    F_SHARED = 64,   /* another request has or had the same data scalar */
    F_SENT = 128,    /* the library has it */
    F_EXTRA = 256,
    F_GROUP = 512,
    F_WAITING = 1024, /* max_parallel 0 keeps it from the library */
    F_ENDING = 2048   /* its callback runs, or what comes with that */
};

/* What only groups have. */
typedef struct {
    int size, limit;
    bool fed; /* the feeder has added something */
    int feeding; /* how many calls of the feeder there are, one inside another */
    int error;
    SV *feeder;
    AV *result;
    aio_link *members;
} aio_grp;

/* One request's membership in one group. */
struct aio_link {
    aio_req *group, *member;
    aio_link *prev, *next; /* in the group */
    aio_link *other;       /* of the member */
};

enum { HELD_FILE, HELD_DATA, HELD_OTHER, HELD };

struct aio_req {
    union {
        const ioaio_req *handle; /* F_SENT */
        aio_req *next;           /* in the queue of results */
        aio_waiting *waiting;    /* F_WAITING */
    };
    aio_req **prev_flight, *next_flight;
    aio_ctx *c;
    CV *callback;
    HV *self;
    aio_link *links;
    SV *held[HELD];
    union {
        STRLEN offset;
        void *extra;  /* F_EXTRA: memory of a kind's own, ended by free */
        aio_grp *grp; /* F_GROUP */
    };
    IV result;
    int error;
    U16 flags;
    U8 kind;
    I8 pri;
};

/* What a function of the module's own, on a thread of the library's, works on; a request's `extra`. */
typedef struct {
    int fd, fd2;
    off_t offset;
    size_t len;
    char *data;
    char path[1];
} aio_job;

#define IS_GROUP(req) ((req)->flags & F_GROUP)

static int req_free_object(pTHX_ SV *sv, MAGIC *mg) {
    PERL_UNUSED_ARG(sv);
    if (mg->mg_ptr)
        ((aio_req *)mg->mg_ptr)->self = NULL;
    return 0;
}
static int req_dup_object(pTHX_ MAGIC *mg, CLONE_PARAMS *param) {
    PERL_UNUSED_ARG(param);
    mg->mg_ptr = NULL; /* in another thread it looks finished */
    return 0;
}
/* Marks an object; its pointer is the request, as long as there is one. */
static MGVTBL req_vtbl = {0, 0, 0, 0, req_free_object, 0, req_dup_object, 0};

static CV *get_callback(pTHX_ SV *sv) {
    HV *stash;
    GV *gv;
    CV *cv = NULL;
    SvGETMAGIC(sv);
    if (!SvOK(sv))
        return NULL;
    if (SvROK(sv) || SvPOK(sv) || isGV_with_GP(sv))
        cv = sv_2cv(sv, &stash, &gv, 0);
    if (!cv)
        croak("%s: callback must be a CODE reference or another callable object", SvPV_nolen(sv));
    return cv;
}

static aio_req *req_new(aio_ctx *c, enum kind kind, CV *callback) {
    aio_req *req = (aio_req *)calloc(1, sizeof *req);
    if (!req)
        croak("IO::AIO: %s", Strerror(ENOMEM));
    req->c = c;
    req->result = -1;
    req->kind = kind;
    req->pri = c->next_pri;
    c->next_pri = 0;
    req->callback = (CV *)SvREFCNT_inc((SV *)callback);
    req->next_flight = c->flight;
    req->prev_flight = &c->flight;
    if (c->flight)
        c->flight->prev_flight = &req->next_flight;
    c->flight = req;
    return req;
}

static void keep(aio_req *req, int n, SV *sv) {
    req->held[n] = SvREFCNT_inc(sv);
}

static void set_extra(aio_req *req, void *extra) {
    req->extra = extra;
    req->flags |= F_EXTRA;
}

static void waiting_free(aio_req *req);

static void data_release(aio_req *req);
static void grp_free(pTHX_ aio_grp *grp);
static void links_free(aio_req *req);

static void req_free(pTHX_ aio_req *req) {
    HV *self = req->self;
    int n;
    *req->prev_flight = req->next_flight;
    if (req->next_flight)
        req->next_flight->prev_flight = req->prev_flight;
    if ((req->kind == K_OPEN || req->kind == K_WD) && req->result >= 0)
        close((int)req->result); /* nobody has taken it */
    data_release(req);
    links_free(req);
    if (req->flags & F_WAITING)
        waiting_free(req);
    if (req->flags & F_EXTRA) {
        if (req->kind == K_SLURP)
            free(((aio_job *)req->extra)->data);
        free(req->extra);
    }
    if (self)
        sv_unmagicext((SV *)self, PERL_MAGIC_ext, &req_vtbl);
    if (IS_GROUP(req))
        grp_free(aTHX_ req->grp);
    SvREFCNT_dec((SV *)req->callback);
    for (n = 0; n < HELD; n++)
        SvREFCNT_dec(req->held[n]);
    free(req);
    SvREFCNT_dec((SV *)self); /* which may run code of the caller's */
}

/* Whether code of the caller's runs for it, after which it is looked at again. */
static bool req_in_use(aio_req *req) {
    return req->flags & F_ENDING || (IS_GROUP(req) && req->grp->feeding);
}
/* Frees it, or leaves that to who has it in use. */
static void req_forget(pTHX_ aio_req *req) {
    if (req_in_use(req))
        req->flags |= F_FORGOTTEN;
    else
        req_free(aTHX_ req);
}

/* An object for a request: a hash for the caller's use, which stays until the request is done. */
static SV *req_object(pTHX_ aio_req *req) {
    aio_ctx *c = req->c;
    SV *rv;
    if (req->self)
        return newRV_inc((SV *)req->self);
    req->self = newHV();
    sv_magicext((SV *)req->self, NULL, PERL_MAGIC_ext, &req_vtbl, (char *)req, 0)->mg_flags |= MGf_DUP;
    rv = newRV_inc((SV *)req->self);
    return sv_bless(rv, IS_GROUP(req) ? c->grp_stash : c->req_stash);
}

/* The request of an object; null if it is finished. */
static aio_req *req_of(pTHX_ aio_ctx *c, SV *sv) {
    MAGIC *mg;
    if (!SvROK(sv) || !SvOBJECT(SvRV(sv))
        || (SvSTASH(SvRV(sv)) != c->req_stash && SvSTASH(SvRV(sv)) != c->grp_stash
            && !sv_derived_from(sv, "IO::AIO::REQ")))
        croak("object of class IO::AIO::REQ expected");
    mg = mg_findext(SvRV(sv), PERL_MAGIC_ext, &req_vtbl);
    return mg ? (aio_req *)mg->mg_ptr : NULL;
}
static aio_req *busy_req_of(pTHX_ aio_ctx *c, SV *sv) {
    aio_req *req = req_of(aTHX_ c, sv);
    if (!req)
        croak("busy IO::AIO::REQ object expected");
    return req;
}
static aio_req *busy_grp_of(pTHX_ aio_ctx *c, SV *sv) {
    aio_req *req = busy_req_of(aTHX_ c, sv);
    if (!IS_GROUP(req))
        croak("object of class IO::AIO::GRP expected");
    return req;
}

static void pending_push(aio_req *req) {
    aio_ctx *c = req->c;
    int n = req->pri - PRI_MIN;
    req->next = NULL;
    if (c->first[n])
        c->last[n]->next = req;
    else
        c->first[n] = req;
    c->last[n] = req;
    c->npending++;
}
static aio_req *pending_pop(aio_ctx *c) {
    int n;
    if (!c->npending)
        return NULL;
    for (n = PRIORITIES - 1; n >= 0; n--) {
        aio_req *req = c->first[n];
        if (req) {
            c->first[n] = req->next;
            c->npending--;
            return req;
        }
    }
    return NULL;
}

static void take_data(pTHX_ aio_req *req, const ioaio_result *r);
static bool waiting_add(aio_req *req, const ioaio_args *args);

/* Runs inside ioaio_poll: only notes the result. Perl code runs when that has returned, since it may leave by
 * exit or die, and a jump must not cross the library's frames. */
static void on_result(void *data, const ioaio_result *r) {
    aio_req *req = (aio_req *)data;
    dCTX_PERL(req->c);
    req->flags &= ~F_SENT;
    req->result = (IV)r->result;
    req->error = r->error;
    take_data(aTHX_ req, r);
    if (req->flags & F_FORGOTTEN) {
        req->c->nforgotten--;
        req_forget(aTHX_ req);
    } else
        pending_push(req);
}

/* Gives it to the library; false with errno if that does not take it. */
static bool hand_over(aio_req *req, const ioaio_args *args) {
    if (UNLIKELY(req->c->paused))
        return waiting_add(req, args);
    req->handle = ioaio_submit(req->c->aio, args, req->pri, NULL, on_result, req);
    if (LIKELY(req->handle != NULL))
        req->flags |= F_SENT;
    return req->handle != NULL;
}

static void call_on_next_submit(pTHX_ aio_ctx *c) {
    dSP;
    SV *hook = sv_2mortal(c->on_next_submit);
    c->on_next_submit = NULL;
    PUSHMARK(SP);
    PUTBACK;
    call_sv(hook, G_VOID | G_DISCARD | G_EVAL);
}

/* Submits, and gives an object where the caller's context wants one. */
static SV *req_send(pTHX_ aio_req *req, ioaio_args *args, bool want) {
    aio_ctx *c = req->c;
    SV *object = NULL;
    if (UNLIKELY(!hand_over(req, args))) {
        int error = errno;
        req_free(aTHX_ req);
        croak("IO::AIO: %s", Strerror(error));
    }
    if (want)
        object = sv_2mortal(req_object(aTHX_ req));
    if (UNLIKELY(c->on_next_submit != NULL))
        call_on_next_submit(aTHX_ c);
    return object;
}

/* Requests in flight are not waited for: nobody hears of them. */
static void ctx_reinit(pTHX_ aio_ctx *c) {
    aio_req *req, *next;
    bool forked = c->aio && ioaio_forked(c->aio);
    /* What the caller's objects do when they go comes after, when nothing is half done. */
    for (req = c->flight; req; req = req->next_flight) {
        int n;
        SV *self = (SV *)req->self;
        if (self) {
            sv_unmagicext(self, PERL_MAGIC_ext, &req_vtbl); /* which also takes it from the request */
            sv_2mortal(self);
        }
        if (req->flags & F_ENDING)
            continue;
        if (req->callback)
            sv_2mortal((SV *)req->callback);
        req->callback = NULL;
        for (n = 0; n < HELD; n++)
            if (req->held[n] && (forked || !(req->flags & F_SENT)))
                sv_2mortal(SvREFCNT_inc(req->held[n]));
    }
    for (req = c->flight; req; req = next) {
        next = req->next_flight;
        if (!forked && req->flags & F_SENT) {
            if (!(req->flags & F_FORGOTTEN))
                c->nforgotten++;
            req->flags |= F_FORGOTTEN | F_CANCELLED;
            ioaio_cancel(c->aio, req->handle);
        } else {
            req->flags &= ~F_SENT;
            req_forget(aTHX_ req);
        }
    }
    if (forked)
        c->nforgotten = 0;
    memset(c->first, 0, sizeof c->first);
    c->npending = 0;
    if (forked) {
        int ours = poll_fd_is_ours(c); /* its number stays, for the watchers on it */
        if (ioaio_reinit(c->aio) < 0 || (ours && dup3(ioaio_fd(c->aio), c->poll_fd, O_CLOEXEC) < 0))
            croak("IO::AIO: no engine: %s", Strerror(errno));
    }
}
