/* Requests that wait as long as max_parallel is 0: with copies of what their arguments point to, but for the data,
 * which they hold. */

struct aio_waiting {
    aio_req *req;
    aio_waiting *next, **prev;
    ioaio_args args;
    struct timespec times[2];
    char text[1];
};

static bool waiting_add(aio_req *req, const ioaio_args *args) {
    aio_ctx *c = req->c;
    size_t first = args->path ? strlen(args->path) + 1 : 0, second = args->path2 ? strlen(args->path2) + 1 : 0;
    aio_waiting *w = (aio_waiting *)malloc(sizeof *w + first + second);
    if (!w)
        return FALSE;
    w->req = req;
    w->args = *args;
    if (first)
        w->args.path = (const char *)memcpy(w->text, args->path, first);
    if (second)
        w->args.path2 = (const char *)memcpy(w->text + first, args->path2, second);
    if (args->times)
        w->args.times = (const struct timespec *)memcpy(w->times, args->times, sizeof w->times);
    w->next = NULL;
    w->prev = c->last_waiting;
    *c->last_waiting = w;
    c->last_waiting = &w->next;
    c->nwaiting++;
    req->waiting = w;
    req->flags |= F_WAITING;
    return TRUE;
}

static void waiting_free(aio_req *req) {
    aio_ctx *c = req->c;
    aio_waiting *w = req->waiting;
    *w->prev = w->next;
    if (w->next)
        w->next->prev = w->prev;
    else
        c->last_waiting = w->prev;
    c->nwaiting--;
    req->flags &= ~F_WAITING;
    free(w);
}

/* Gives all of them to the library, in their order. */
static void waiting_send(aio_ctx *c) {
    while (c->waiting && !c->paused) {
        aio_waiting *w = c->waiting;
        aio_req *req = w->req;
        const ioaio_req *handle = ioaio_submit(c->aio, &w->args, req->pri, NULL, on_result, req);
        int error = errno;
        waiting_free(req);
        if (handle) {
            req->handle = handle;
            req->flags |= F_SENT;
        } else {
            req->error = error;
            pending_push(req);
            ioaio_wake(c->aio);
        }
    }
}
