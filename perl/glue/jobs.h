/* Requests that the library does not have: functions that run on its threads. They know nothing of perl. */

static aio_job *job_new(const char *path) {
    aio_job *job = (aio_job *)calloc(1, sizeof *job + strlen(path));
    if (!job)
        croak("IO::AIO: %s", Strerror(ENOMEM));
    strcpy(job->path, path);
    return job;
}

/* Closes the file, not the number, which is perl's to close. */
static int64_t job_close(void *context) {
    aio_job *job = (aio_job *)context;
    int res;
    do
        res = dup2(job->fd2, job->fd);
    while (res < 0 && errno == EINTR);
    return res < 0 ? -errno : 0;
}

/* Reads a part of a file, from the end if the offset is negative, into new memory. */
static int64_t job_slurp(void *context) {
    aio_job *job = (aio_job *)context;
    int fd = openat(job->fd, job->path, O_RDONLY | O_CLOEXEC);
    size_t room, done = 0;
    int error = 0;
    if (fd < 0)
        return -errno;
    if (job->offset < 0) {
        off_t size = lseek(fd, 0, SEEK_END);
        job->offset = size + job->offset < 0 ? 0 : size + job->offset;
    }
    for (room = job->len ? job->len : 65536;;) {
        char *data = (char *)realloc(job->data, room + 1);
        ssize_t got = 0;
        if (!data) {
            error = ENOMEM;
            break;
        }
        job->data = data;
        got = pread(fd, data + done, room - done, job->offset + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            error = errno;
        if (got <= 0)
            break;
        done += (size_t)got;
        if (done == room) {
            if (job->len)
                break;
            room *= 2;
        }
    }
    close(fd);
    if (error) {
        free(job->data);
        job->data = NULL;
        return -error;
    }
    job->data[done] = 0;
    return (int64_t)done;
}

static ioaio_args args_of(int op) {
    ioaio_args args = IOAIO_ARGS_INIT;
    args.op = op;
    return args;
}

static ioaio_args job_args(aio_req *req, aio_job *job, ioaio_execute execute) {
    ioaio_args args = args_of(IOAIO_OP_CUSTOM);
    if (!(req->flags & F_EXTRA))
        set_extra(req, job);
    args.execute = execute;
    args.context = job;
    return args;
}
