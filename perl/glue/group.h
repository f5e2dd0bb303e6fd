/* Groups of requests. */

static aio_req *grp_new(aio_ctx *c, enum kind kind, CV *callback) {
    aio_req *req = req_new(c, kind, callback);
    req->grp = (aio_grp *)calloc(1, sizeof *req->grp);
    if (!req->grp) {
        dCTX_PERL(c);
        req_free(aTHX_ req);
        croak("IO::AIO: %s", Strerror(ENOMEM));
    }
    req->flags |= F_GROUP;
    return req;
}

/* One that stands for a request of the library's: a group, so that more can be added. */
static aio_req *grp_of_one(aio_ctx *c, enum kind kind, CV *callback) {
    aio_req *req = grp_new(c, kind, callback);
    req->grp->size = 1;
    req->flags |= F_OWN | F_SEEN;
    return req;
}

static void link_cut(aio_link *link) {
    if (!link->group)
        return;
    if (link->prev)
        link->prev->next = link->next;
    else
        link->group->grp->members = link->next;
    if (link->next)
        link->next->prev = link->prev;
    link->group = NULL;
}
static void links_free(aio_req *req) {
    aio_link *link, *other;
    for (link = req->links; link; link = other) {
        other = link->other;
        link_cut(link);
        free(link);
    }
    req->links = NULL;
}
static void grp_free(pTHX_ aio_grp *grp) {
    while (grp->members)
        link_cut(grp->members);
    SvREFCNT_dec(grp->feeder);
    SvREFCNT_dec((SV *)grp->result);
    free(grp);
}

/* Lets the feeder add members up to the limit. It goes when it adds none. False if a reinit has ended the group
 * meanwhile. */
static bool grp_feed(pTHX_ aio_req *req) {
    aio_grp *grp = req->grp;
    grp->size++; /* so that it does not end meanwhile */
    grp->feeding++;
    while (grp->feeder && !(req->flags & (F_CANCELLED | F_FORGOTTEN)) && grp->size - 1 < grp->limit) {
        dSP;
        SV *feeder = grp->feeder;
        grp->fed = FALSE;
        ENTER;
        SAVETMPS;
        SvREFCNT_inc(feeder);
        sv_2mortal(feeder);
        PUSHMARK(SP);
        XPUSHs(sv_2mortal(req_object(aTHX_ req)));
        PUTBACK;
        call_sv(feeder, G_VOID | G_EVAL | G_KEEPERR | G_DISCARD);
        FREETMPS;
        LEAVE;
        if (!grp->fed && grp->feeder == feeder) {
            SvREFCNT_dec(grp->feeder);
            grp->feeder = NULL;
        }
    }
    grp->size--;
    grp->feeding--;
    if (LIKELY(!(req->flags & F_FORGOTTEN)))
        return TRUE;
    if (!req_in_use(req) && !(req->flags & F_SENT))
        req_free(aTHX_ req);
    return FALSE;
}

static void grp_add(aio_req *grp, aio_req *member) {
    aio_link *link;
    for (link = member->links; link; link = link->other)
        if (link->group == grp)
            return;
    link = (aio_link *)calloc(1, sizeof *link);
    if (!link)
        croak("IO::AIO: %s", Strerror(ENOMEM));
    link->group = grp;
    link->member = member;
    link->next = grp->grp->members;
    if (link->next)
        link->next->prev = link;
    grp->grp->members = link;
    link->other = member->links;
    member->links = link;
    grp->grp->size++;
    grp->grp->fed = TRUE;
}

static void req_cancel(aio_req *req);

static void grp_cancel_members(pTHX_ aio_req *req) {
    aio_link *link;
    SV *feeder = req->grp->feeder;
    req->grp->feeder = NULL;
    for (link = req->grp->members; link; link = link->next)
        req_cancel(link->member);
    SvREFCNT_dec(feeder);
}
static void req_cancel(aio_req *req) {
    if (req->flags & F_CANCELLED)
        return;
    req->flags |= F_CANCELLED;
    if (req->flags & F_SENT)
        ioaio_cancel(req->c->aio, req->handle);
    if (req->flags & F_WAITING) {
        waiting_free(req);
        req->error = ECANCELED;
        pending_push(req);
        ioaio_wake(req->c->aio);
    }
    if (IS_GROUP(req)) {
        dCTX_PERL(req->c);
        grp_cancel_members(aTHX_ req);
    }
}

/* A group that has no request of the library's is looked at by the next poll. */
static void grp_queue(pTHX_ aio_req *req) {
    pending_push(req);
    ioaio_wake(req->c->aio);
    if (UNLIKELY(req->c->on_next_submit != NULL))
        call_on_next_submit(aTHX_ req->c);
}

/* Feeds a group from outside. If a poll in the feeder has passed it by, since it had not ended then, it is looked at
 * once more. */
static void grp_feed_now(pTHX_ aio_req *req) {
    if (!grp_feed(aTHX_ req) || req->grp->size || (req->flags & (F_SEEN | F_STARTED)) != F_SEEN)
        return;
    req->flags &= ~F_SEEN;
    pending_push(req);
    ioaio_wake(req->c->aio);
}
