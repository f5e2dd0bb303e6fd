/* Delivering results. */

static NV seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (NV)now.tv_sec + (NV)now.tv_nsec / 1e9;
}

/* Results that poll has not delivered are found again by the next one. */
static void leave_rest(aio_ctx *c) {
    if (c->npending)
        ioaio_wake(c->aio);
}

static void rethrow(pTHX_ aio_ctx *c) {
    SV *exception = sv_2mortal(c->exception);
    c->exception = NULL;
    leave_rest(c);
    sv_setsv(ERRSV, exception);
    croak(NULL);
}

/* Collects what the library has; false if there is nothing to deliver. */
static bool collect(pTHX_ aio_ctx *c) {
    int found;
    do {
        found = ioaio_poll(c->aio);
        if (found < 0)
            croak("IO::AIO: poll: %s", Strerror(errno));
    } while (found && !c->npending);
    return c->npending;
}

/* Runs callbacks: 0 when all have run, -1 when a limit came first. */
static int deliver(pTHX_ aio_ctx *c) {
    unsigned done = 0;
    NV end = c->max_poll_time > 0 ? seconds_now() + c->max_poll_time : 0;
    while (c->npending || collect(aTHX_ c)) {
        req_finish(aTHX_ pending_pop(c));
        if (UNLIKELY(c->exception != NULL))
            rethrow(aTHX_ c);
        if (!ctx_active(c))
            return 0; /* the callback has forked */
        done++;
        if ((c->max_poll_reqs && done >= c->max_poll_reqs) || (end > 0 && seconds_now() >= end)) {
            leave_rest(c);
            errno = EAGAIN;
            return -1;
        }
    }
    return 0;
}

/* Waits until there is a result, or no request. */
static void wait_result(pTHX_ aio_ctx *c) {
    while (ctx_nreqs(c) && !c->npending && !collect(aTHX_ c)) {
        struct pollfd fd;
        if (!ioaio_nreqs(c->aio) && !c->nwaiting)
            return;
        fd.fd = ioaio_fd(c->aio);
        fd.events = POLLIN;
        if (poll(&fd, 1, -1) < 0)
            PERL_ASYNC_CHECK();
    }
}

static int poll_cb(pTHX_ aio_ctx *c) {
    int res;
    if (!ctx_active(c))
        return 0;
    res = deliver(aTHX_ c);
    while (res == 0 && c->max_outstanding && ctx_nreqs(c) >= c->max_outstanding) {
        wait_result(aTHX_ c);
        res = deliver(aTHX_ c);
    }
    return res;
}

static void flush(pTHX_ aio_ctx *c) {
    while (ctx_nreqs(c)) {
        wait_result(aTHX_ c);
        poll_cb(aTHX_ c);
    }
}
