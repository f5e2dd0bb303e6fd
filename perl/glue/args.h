/* Arguments of the requests: file handles, paths, data. What a request holds on to is mortal here, and kept by
 * `keep` once nothing can croak any more. */

/* The IV of a working directory: 0 for the process's own, -1 for none, else an open descriptor plus 1. */
#define WD_CWD 0
#define WD_INVALID (-1)

#define BAD_FH "%s: illegal fh argument, either not an OS file or read/write mode mismatch"

/* The descriptor of a file handle in this direction, or -1. */
static int fd_of(pTHX_ SV *fh, bool writing) {
    SvGETMAGIC(fh);
    if (SvROK(fh)) {
        fh = SvRV(fh);
        SvGETMAGIC(fh);
    }
    if (SvTYPE(fh) == SVt_PVGV || (SvTYPE(fh) == SVt_PVLV && isGV_with_GP(fh))) {
        IO *io = GvIO((GV *)fh);
        PerlIO *fp = io ? (writing ? IoOFP(io) : IoIFP(io)) : NULL;
        return fp ? PerlIO_fileno(fp) : -1;
    }
    if (SvOK(fh) && !SvROK(fh) && looks_like_number(fh)) {
        IV fd = SvIV_nomg(fh);
        if (fd >= 0 && fd <= INT_MAX)
            return (int)fd;
    }
    return -1;
}

/* The descriptor of a file handle, which `*hold` keeps open. */
static int get_fd(pTHX_ SV *fh, bool writing, SV **hold) {
    int fd = fd_of(aTHX_ fh, writing);
    if (fd < 0)
        croak(BAD_FH, SvOK(fh) ? SvPV_nolen(fh) : "");
    *hold = sv_2mortal(newSVsv(fh));
    return fd;
}

/* The IV of a working directory's object. */
static IV get_wd(pTHX_ aio_ctx *c, SV *sv) {
    if (!SvROK(sv) || !SvOBJECT(SvRV(sv)) || SvSTASH(SvRV(sv)) != c->wd_stash)
        croak("IO::AIO: expected a working directory object as returned by aio_wd");
    return SvIV(SvRV(sv));
}

typedef struct {
    const char *path;
    int dirfd;
    SV *hold;
    bool alone; /* the directory itself was meant */
} aio_path;

static const char *path_text(pTHX_ SV *sv, const char *what) {
    STRLEN len;
    const char *text;
    SvGETMAGIC(sv);
    if (!SvOK(sv))
        return "";
    if (SvUTF8(sv) || SvROK(sv)) {
        sv = sv_2mortal(newSVsv_nomg(sv));
        if (SvROK(sv))
            (void)SvPV_force_nolen(sv);
        if (SvUTF8(sv) && !sv_utf8_downgrade(sv, 1))
            croak("\"%s\" argument must be byte/octet-encoded", what);
    }
    text = SvPV_nomg(sv, len);
    /* No file has such a name: ENOENT, as for the empty one. */
    return memchr(text, 0, len) ? "" : text;
}

/* `what` is the argument's name, for errors. */
static void get_path(pTHX_ aio_ctx *c, SV *sv, aio_path *p, const char *what) {
    SV *path = NULL;
    IV wd;
    p->dirfd = AT_FDCWD;
    p->hold = NULL;
    p->alone = FALSE;
    SvGETMAGIC(sv);
    if (!SvROK(sv)) {
        p->path = path_text(aTHX_ sv, what);
        return;
    }
    if (SvTYPE(SvRV(sv)) == SVt_PVAV && AvFILL((AV *)SvRV(sv)) == 1) {
        SV **first = av_fetch((AV *)SvRV(sv), 0, 0), **second = av_fetch((AV *)SvRV(sv), 1, 0);
        path = second ? *second : &PL_sv_undef;
        sv = first ? *first : &PL_sv_undef;
        SvGETMAGIC(sv);
        if (!SvOK(sv)) {
            (void)path_text(aTHX_ path, what);
            p->path = "";
            return;
        }
    } else if (!SvOBJECT(SvRV(sv)) || SvSTASH(SvRV(sv)) != c->wd_stash) {
        if (!SvOBJECT(SvRV(sv)) || !SvAMAGIC(sv))
            croak("IO::AIO: pathname arguments must be specified as a string, an IO::AIO::WD object or a "
                  "[IO::AIO::WD, path] pair");
        p->path = path_text(aTHX_ sv, what); /* an object that is a string */
        return;
    }
    wd = get_wd(aTHX_ c, sv);
    p->path = path ? path_text(aTHX_ path, what) : ".";
    if (wd == WD_INVALID)
        p->path = "";
    else if (wd != WD_CWD) {
        p->dirfd = (int)wd - 1;
        p->hold = sv_2mortal(SvREFCNT_inc(SvRV(sv)));
        p->alone = !strcmp(p->path, ".");
    }
}

/* Two of them. Reading the second one can run code, which could change the first. */
static void get_paths(pTHX_ aio_ctx *c, SV *one, aio_path *from, const char *first, SV *two, aio_path *to,
                      const char *second) {
    get_path(aTHX_ c, one, from, first);
    if (SvROK(two) || SvGMAGICAL(two))
        from->path = SvPVX(sv_2mortal(newSVpv(from->path, 0)));
    get_path(aTHX_ c, two, to, second);
}

/* For calls that cannot take ".": the directory's own path. */
static void named(pTHX_ aio_path *p) {
    if (p->alone) {
        SV *path = sv_2mortal(newSV(PATH_MAX + 1));
        char link[40];
        ssize_t len;
        snprintf(link, sizeof link, "/proc/self/fd/%d", p->dirfd);
        len = readlink(link, SvPVX(path), PATH_MAX);
        SvPVX(path)[len < 0 ? 0 : len] = 0;
        p->path = SvPVX(path);
        p->dirfd = AT_FDCWD;
    }
}

/* For calls that list a directory: what a link at the end points to. */
static void followed(pTHX_ aio_path *p) {
    size_t len = strlen(p->path);
    if (len && p->path[len - 1] != '/')
        p->path = SvPVX(sv_2mortal(newSVpvf("%s/", p->path)));
}

/* For realpath: what comes after the last name and means nothing more than that. */
static void unslashed(pTHX_ aio_path *p) {
    size_t len = strlen(p->path), all = len;
    while (len > 1 && (p->path[len - 1] == '/' || (p->path[len - 1] == '.' && p->path[len - 2] == '/')))
        len--;
    if (len < all)
        p->path = SvPVX(sv_2mortal(newSVpvn(p->path, len)));
}

/* A file handle, whose descriptor is the result, or a path, where it is -1. */
static int get_fd_or_path(pTHX_ aio_ctx *c, SV *sv, aio_path *p) {
    SV *thing = sv;
    SvGETMAGIC(sv);
    if (SvROK(sv))
        thing = SvRV(sv);
    if (SvTYPE(thing) == SVt_PVGV || SvTYPE(thing) == SVt_PVIO
        || (SvTYPE(thing) == SVt_PVLV && isGV_with_GP(thing))) {
        IO *io = sv_2io(thing);
        int fd = IoIFP(io) ? PerlIO_fileno(IoIFP(io)) : IoDIRP(io) ? dirfd(IoDIRP(io)) : -1;
        if (fd < 0)
            fd = INT_MAX; /* never open: the request ends with EBADF */
        p->hold = sv_2mortal(newSVsv(sv));
        p->path = NULL;
        p->dirfd = AT_FDCWD;
        p->alone = FALSE;
        return fd;
    }
    get_path(aTHX_ c, sv, p, "fh_or_path");
    return -1;
}

/* A scalar of bytes. */
static char *get_bytes(pTHX_ SV *data, STRLEN *len) {
    SvGETMAGIC(data);
    if (SvUTF8(data) && !sv_utf8_downgrade(data, 1))
        croak("\"%s\" argument must be byte/octet-encoded", "data");
    if (!SvOK(data)) {
        *len = 0;
        return (char *)"";
    }
    return SvPV_nomg(data, *len);
}

/* A scalar whose bytes stay where they are as long as it is held: the caller's own, or a copy of what is made anew
 * each time it is asked for: the text of a reference or of an object, what a tied scalar gives, a number, the
 * result of an expression, whose scalar perl uses again. */
static SV *steady(pTHX_ SV *data) {
    STRLEN len;
    char *bytes;
    SV *copy;
    if (LIKELY(SvPOK(data) && !SvROK(data) && !SvGMAGICAL(data) && !SvPADTMP(data)
               && !(SvUTF8(data) && SvREADONLY(data))))
        return data;
    SvGETMAGIC(data);
    copy = sv_2mortal(newSVsv_nomg(data));
    bytes = get_bytes(aTHX_ copy, &len);
    return sv_2mortal(newSVpvn(bytes, len));
}

/* Another request in flight that has this scalar as its data. */
static aio_req *user_of(aio_ctx *c, SV *data, aio_req *but) {
    aio_req *req;
    for (req = c->flight; req; req = req->next_flight)
        if (req != but && req->held[HELD_DATA] == data && req->flags & F_READONLY)
            return req;
    return NULL;
}

/* Where in the data to begin: from the end if negative. */
static STRLEN data_offset(pTHX_ IV offset, STRLEN len, const char *what) {
    if (offset < 0)
        offset += len;
    if (offset < 0 || (UV)offset > len)
        croak("%s", what);
    return (STRLEN)offset;
}

/* Whether a scalar can be made the target of a request. */
static bool data_shared(pTHX_ aio_ctx *c, SV *data) {
    bool shared = SvREADONLY(data) && user_of(c, data, NULL);
    if (SvREADONLY(data) && !shared)
        croak_no_modify();
    return shared;
}

/* Room in a scalar for a read. */
static char *data_room(pTHX_ aio_ctx *c, SV *data, IV offset, UV len, STRLEN *start) {
    STRLEN have;
    bool shared = data_shared(aTHX_ c, data);
    if (SvROK(data) && !SvAMAGIC(data))
        sv_setsv(data, &PL_sv_undef);
    get_bytes(aTHX_ data, &have);
    if (!shared) {
        if (!SvOK(data))
            sv_setpvs(data, "");
        (void)SvPV_force_nomg(data, have);
    }
    *start = data_offset(aTHX_ offset, have, "dataoffset outside of data scalar");
    if (len > (UV)SSize_t_MAX - *start - 1)
        croak("length outside of what a scalar can hold");
    if (*start + len > (SvLEN(data) ? SvLEN(data) - 1 : SvCUR(data))) {
        if (!SvLEN(data))
            croak("mmapped scalar is too small for the data");
        if (shared)
            croak("data scalar cannot grow while another request uses it");
        SvGROW(data, *start + len + 1);
    }
    return SvPVX(data) + *start;
}

/* A request's data stays what it is until the request is done. */
static void data_hold(aio_req *req, SV *data) {
    keep(req, HELD_DATA, data);
    if (SvREADONLY(data)) {
        aio_req *other = user_of(req->c, data, req);
        if (!other)
            return; /* a constant */
        other->flags |= F_SHARED;
        req->flags |= F_SHARED;
    }
    SvREADONLY_on(data);
    req->flags |= F_READONLY;
}
static void data_release(aio_req *req) {
    SV *data = req->held[HELD_DATA];
    if (!(req->flags & F_READONLY))
        return;
    req->flags &= ~F_READONLY;
    if (!(req->flags & F_SHARED) || !user_of(req->c, data, req))
        SvREADONLY_off(data);
}

/* The pages of a part of a scalar: from the end if the offset is negative, to the end if the length is undefined. */
static char *data_part(pTHX_ SV *data, IV offset, SV *length, size_t *len) {
    STRLEN have, from;
    IV want = length && SvOK(length) ? SvIV(length) : -1;
    char *start = get_bytes(aTHX_ data, &have);
    from = data_offset(aTHX_ offset, have, "offset outside of scalar");
    *len = want < 0 || (UV)want > have - from ? have - from : (size_t)want;
    return start + from;
}

/* An offset in a file: undefined or negative is the file's own position. */
static off_t get_offset(pTHX_ SV *sv) {
    off_t offset;
    SvGETMAGIC(sv);
    if (!SvOK(sv))
        return -1;
    offset = (off_t)SvIV_nomg(sv);
    return offset < 0 ? -1 : offset;
}

static void get_time(pTHX_ SV *sv, struct timespec *time) {
    NV seconds = SvOK(sv) ? SvNV(sv) : 0;
    NV whole = Perl_floor(seconds);
    if (!(whole >= -9.2e18 && whole <= 9.2e18)) { /* no time: the request ends with EINVAL */
        time->tv_sec = 0;
        time->tv_nsec = -1;
        return;
    }
    time->tv_sec = (time_t)whole;
    time->tv_nsec = (long)((seconds - whole) * 1e9);
}
