/* What the library gives, as Perl values. */

/* A new file handle for a descriptor, which is its own from now on; undef if there is none. */
static SV *new_handle(pTHX_ aio_ctx *c, int fd, int flags) {
    GV *gv;
    char name[32], mode[16];
    int len;
    if (fd < 0)
        return &PL_sv_undef;
    gv = (GV *)sv_newmortal();
    len = snprintf(name, sizeof name, "fd#%d", fd);
    gv_init(gv, c->stash, name, len, 0);
    len = snprintf(mode, sizeof mode, "%s&=%d",
                   (flags & O_ACCMODE) == O_RDONLY ? "<" : (flags & O_ACCMODE) == O_WRONLY ? ">" : "+<", fd);
    if (!do_open(gv, mode, len, 0, 0, 0, NULL)) {
        int error = errno;
        close(fd);
        errno = error;
        return &PL_sv_undef;
    }
    return (SV *)gv;
}

static SV *new_wd(pTHX_ aio_ctx *c, IV value) {
    return sv_bless(newRV_noinc(newSViv(value)), c->wd_stash);
}

static AV *dirents(pTHX_ const ioaio_dirent *names, size_t len, bool dents) {
    AV *av = newAV();
    size_t n;
    av_extend(av, (SSize_t)len - 1);
    for (n = 0; n < len; n++) {
        SV *name = newSVpv(names[n].name, 0);
        if (dents) {
            AV *entry = newAV();
            SV *kind = newSViv(names[n].kind);
            SvREADONLY_on(kind);
            av_push(entry, name);
            av_push(entry, kind);
            av_push(entry, newSVuv(names[n].ino));
            name = newRV_noinc((SV *)entry);
        }
        av_store(av, (SSize_t)n, name);
    }
    return av;
}

static SV *statvfs_hash(pTHX_ const struct statvfs *st) {
    HV *hv = newHV();
#define FIELD(name) (void)hv_stores(hv, #name, newSVuv(st->f_##name))
    FIELD(bsize);
    FIELD(frsize);
    FIELD(blocks);
    FIELD(bfree);
    FIELD(bavail);
    FIELD(files);
    FIELD(ffree);
    FIELD(favail);
    FIELD(fsid);
    FIELD(flag);
    FIELD(namemax);
#undef FIELD
    return newRV_noinc((SV *)hv);
}

static SV *extents(pTHX_ const ioaio_extent *extents, size_t len) {
    AV *all = newAV();
    size_t n;
    for (n = 0; n < len; n++) {
        AV *one = newAV();
        av_push(one, newSVuv(extents[n].logical));
        av_push(one, newSVuv(extents[n].physical));
        av_push(one, newSVuv(extents[n].length));
        av_push(one, newSVuv(extents[n].flags));
        av_push(all, newRV_noinc((SV *)one));
    }
    return newRV_noinc((SV *)all);
}

/* Directories and others of what was found. */
static void take_scan(pTHX_ aio_req *req, const ioaio_dirent *names, size_t len) {
    size_t dirs = 0;
    while (dirs < len && names[dirs].kind == DT_DIR) /* they come first */
        dirs++;
    req->held[HELD_DATA] = newRV_noinc((SV *)dirents(aTHX_ names, dirs, FALSE));
    req->held[HELD_OTHER] = newRV_noinc((SV *)dirents(aTHX_ names + dirs, len - dirs, FALSE));
}

/* Keeps what is in the result beside its number. */
static void take_data(pTHX_ aio_req *req, const ioaio_result *r) {
    const ioaio_dirent *names = (const ioaio_dirent *)r->data;
    if (r->result < 0 || req->flags & F_CANCELLED)
        return;
    switch (req->kind) {
    case K_STAT:
    case K_LSTAT:
        set_extra(req, malloc(sizeof(Stat_t)));
        if (req->extra)
            memcpy(req->extra, r->data, sizeof(Stat_t));
        break;
    case K_DATA:
        req->held[HELD_OTHER] = newSVpvn((const char *)r->data, r->len);
        break;
    case K_TEXT:
        req->held[HELD_DATA] = newSVpvn((const char *)r->data, r->len);
        break;
    case K_NAMES:
        req->held[HELD_DATA] = newRV_noinc((SV *)dirents(aTHX_ names, r->len, FALSE));
        break;
    case K_STATVFS:
        req->held[HELD_DATA] = statvfs_hash(aTHX_ (const struct statvfs *)r->data);
        break;
    case K_EXTENTS:
        req->held[HELD_DATA] = r->data ? extents(aTHX_ (const ioaio_extent *)r->data, r->len)
                                       : newSViv((IV)r->result);
        break;
    case K_READDIRX: {
        size_t n;
        for (n = 0; n < r->len; n++)
            if (names[n].kind == DT_UNKNOWN)
                req->offset |= READDIR_FOUND_UNKNOWN;
        req->held[HELD_DATA] = newRV_noinc((SV *)dirents(aTHX_ names, r->len, (req->offset & READDIR_WANTS_DENTS) != 0));
        break;
    }
    case K_SCAN:
        take_scan(aTHX_ req, names, r->len);
        break;
    default:
        break;
    }
}

static void set_statcache(pTHX_ aio_req *req) {
    PL_laststype = req->kind == K_LSTAT ? OP_LSTAT : OP_STAT;
    PL_laststatval = req->flags & F_EXTRA && req->extra ? 0 : -1;
    if (PL_laststatval == 0)
        memcpy(&PL_statcache, req->extra, sizeof(Stat_t));
}

/* What happens to a request's own scalars, before its callback. */
static void settle(pTHX_ aio_req *req) {
    SV *data = req->held[HELD_DATA];
    data_release(req);
    switch (req->kind) {
    case K_STAT:
    case K_LSTAT:
        set_statcache(aTHX_ req);
        break;
    case K_READ:
        if (SvPOK(data)) { /* else somebody took it away in spite of all */
            SvCUR_set(data, req->offset + (req->result > 0 ? (STRLEN)req->result : 0));
            if (SvLEN(data))
                *SvEND(data) = 0;
            SvPOK_only(data);
            SvSETMAGIC(data);
        }
        break;
    case K_SLURP:
        if (req->result >= 0) {
            sv_setpvn(data, ((aio_job *)req->extra)->data, (STRLEN)req->result);
            SvSETMAGIC(data);
        }
        break;
    case K_DATA:
        if (req->held[HELD_OTHER]) {
            SvTEMP_on(req->held[HELD_OTHER]); /* its memory can be taken */
            sv_setsv(data, req->held[HELD_OTHER]);
            SvTEMP_off(req->held[HELD_OTHER]);
            SvSETMAGIC(data);
        }
        break;
    default:
        break;
    }
}

/* $_[0] of most callbacks: read-only, and the same scalar again if nobody kept it. */
static SV *result_sv(pTHX_ aio_ctx *c, IV result) {
    if (SvREFCNT(c->result) != 1) {
        SvREFCNT_dec(c->result);
        c->result = newSV(0);
    }
    SvREADONLY_off(c->result);
    sv_setiv(c->result, result);
    SvREADONLY_on(c->result);
    return c->result;
}

static SV *mortal_value(aio_req *req, int n) {
    dCTX_PERL(req->c);
    SV *value = req->held[n];
    req->held[n] = NULL;
    return value ? sv_2mortal(value) : &PL_sv_undef;
}

static SV **push_args(pTHX_ SV **sp, aio_req *req) {
    aio_ctx *c = req->c;
    switch (req->kind) {
    case K_NONE:
        break;
    case K_STATUS:
        XPUSHs(result_sv(aTHX_ c, req->result < 0 ? -1 : 0));
        break;
    case K_OPEN: {
        SV *handle = new_handle(aTHX_ c, (int)req->result, (int)req->offset);
        if (req->result >= 0 && !SvOK(handle))
            req->error = errno;
        XPUSHs(handle);
        req->result = -1;
        break;
    }
    case K_WD:
        XPUSHs(req->result < 0 ? &PL_sv_undef : sv_2mortal(new_wd(aTHX_ c, req->result + 1)));
        req->result = -1;
        break;
    case K_NAMES:
    case K_STATVFS:
        XPUSHs(mortal_value(req, HELD_DATA));
        break;
    case K_TEXT:
    case K_EXTENTS:
        if (req->held[HELD_DATA])
            XPUSHs(mortal_value(req, HELD_DATA));
        break;
    case K_READDIRX:
        XPUSHs(mortal_value(req, HELD_DATA));
        XPUSHs(sv_2mortal(newSViv((IV)(int)(unsigned)req->offset)));
        break;
    case K_SCAN:
        if (req->held[HELD_DATA]) {
            XPUSHs(mortal_value(req, HELD_DATA));
            XPUSHs(mortal_value(req, HELD_OTHER));
        }
        break;
    case K_GROUP:
        if (req->grp->result) {
            SSize_t n;
            EXTEND(sp, AvFILL(req->grp->result) + 1);
            for (n = 0; n <= AvFILL(req->grp->result); n++)
                PUSHs(*av_fetch(req->grp->result, n, 0));
        }
        break;
    default:
        XPUSHs(result_sv(aTHX_ c, req->result));
    }
    return sp;
}

static void invoke(pTHX_ aio_req *req) {
    dSP;
    CV *callback = req->callback;
    req->callback = NULL;
    ENTER;
    SAVETMPS;
    sv_2mortal((SV *)callback);
    PUSHMARK(SP);
    SP = push_args(aTHX_ SP, req);
    PUTBACK;
    errno = req->kind == K_GROUP ? req->grp->error : req->error;
    call_sv((SV *)callback, G_VOID | G_EVAL | G_DISCARD);
    if (UNLIKELY(SvTRUE(ERRSV)) && !req->c->exception)
        req->c->exception = newSVsv(ERRSV);
    FREETMPS;
    LEAVE;
}

static void req_finish(pTHX_ aio_req *req);

/* A member less. */
static void grp_less(pTHX_ aio_req *grp) {
    grp->grp->size--;
    if (!grp_feed(aTHX_ grp))
        return;
    if (!grp->grp->size && (grp->flags & (F_SEEN | F_STARTED)) == F_SEEN)
        req_finish(aTHX_ grp);
}

/* Runs the callback of a request that is done, and ends it and the groups that have waited for it. */
static void req_finish(pTHX_ aio_req *req) {
    aio_link *link, *other;
    if (IS_GROUP(req)) {
        if (req->flags & F_OWN) {
            req->flags &= ~F_OWN;
            req->grp->size--;
        }
        if (req->grp->size) {
            req->flags |= F_SEEN;
            return;
        }
        req->flags |= F_STARTED;
    }
    req->flags |= F_ENDING; /* a reinit leaves it to this */
    if (req->flags & F_CANCELLED)
        data_release(req);
    else {
        settle(aTHX_ req);
        if (req->callback)
            invoke(aTHX_ req);
    }
    link = req->links;
    req->links = NULL;
    for (; link; link = other) {
        aio_req *group = link->group;
        other = link->other;
        link_cut(link);
        free(link);
        if (group)
            grp_less(aTHX_ group);
    }
    req_free(aTHX_ req);
}
