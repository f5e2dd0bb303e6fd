/* IO::AIO for Perl, over the C library of ioaio. The glue that is not a function for Perl is in glue/. */

#define PERL_NO_GET_CONTEXT
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>
#include <dirent.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/mount.h>

#include <ioaio.h>

#define READDIR_DENTS 1
#define READDIR_DIRS_FIRST 2
#define READDIR_STAT_ORDER 4
#define READDIR_FOUND_UNKNOWN 128
#define READDIR_WANTS_DENTS ((STRLEN)1 << 32) /* of a request: entries, not names */
#define MT_MODIFY 1

#include "constants.h"
#include "glue/context.h"
#include "glue/request.h"
#include "glue/waiting.h"
#include "glue/args.h"
#include "glue/group.h"
#include "glue/jobs.h"
#include "glue/result.h"
#include "glue/poll.h"
#include "glue/sync.h"

/* The start of each request: its callback, the engine. */
#define dREQ                                   \
    dCTX;                                      \
    CV *cb = get_callback(aTHX_ callback);     \
    aio_req *req;                              \
    PERL_UNUSED_RESULT(ctx_engine(aTHX_ c))

/* The end of each: submits, and returns an object unless nobody wants one. */
#define SEND                                                               \
    STMT_START {                                                           \
        SV *object_;                                                       \
        PUTBACK;                                                           \
        object_ = req_send(aTHX_ req, &args, GIMME_V != G_VOID);           \
        SPAGAIN;                                                           \
        if (object_)                                                       \
            XPUSHs(object_);                                               \
    } STMT_END

#define ON_PATH(p)                 \
    STMT_START {                   \
        args.dirfd = (p).dirfd;    \
        args.path = (p).path;      \
        keep(req, HELD_FILE, (p).hold); \
    } STMT_END

#define ON_FILE(number, hold)         \
    STMT_START {                      \
        args.fd = (number);           \
        keep(req, HELD_FILE, (hold)); \
    } STMT_END

MODULE = IO::AIO  PACKAGE = IO::AIO

PROTOTYPES: ENABLE

BOOT:
{
    const struct constant *constant;
    HV *stash = gv_stashpvs("IO::AIO", GV_ADD);
    MY_CXT_INIT;
    MY_CXT.ctx = ctx_new(aTHX);
    for (constant = constants; constant->name; constant++)
        newCONSTSUB(stash, constant->name, newSViv((IV)constant->value));
    newCONSTSUB(stash, "PAGESIZE", newSViv(sysconf(_SC_PAGESIZE)));
    newCONSTSUB(stash, "CWD", new_wd(aTHX_ MY_CXT.ctx, WD_CWD));
    newCONSTSUB(stash, "INVALID_WD", new_wd(aTHX_ MY_CXT.ctx, WD_INVALID));
}

void
CLONE(...)
  PROTOTYPE: DISABLE
  CODE:
{
    MY_CXT_CLONE;
    MY_CXT.ctx = ctx_new(aTHX);
    PERL_UNUSED_VAR(items);
}

int
aioreq_pri(int pri = 0)
  PROTOTYPE: ;$
  CODE:
{
    dCTX;
    RETVAL = c->next_pri;
    if (items > 0)
        c->next_pri = pri < PRI_MIN ? PRI_MIN : pri > PRI_MAX ? PRI_MAX : pri;
}
  OUTPUT: RETVAL

void
aioreq_nice(int nice = 0)
  PROTOTYPE: ;$
  CODE:
{
    dCTX;
    int pri = c->next_pri - nice;
    c->next_pri = pri < PRI_MIN ? PRI_MIN : pri > PRI_MAX ? PRI_MAX : pri;
}

void
_on_next_submit(SV *cb)
  PROTOTYPE: $
  CODE:
{
    dCTX;
    SvREFCNT_dec(c->on_next_submit);
    c->on_next_submit = SvOK(cb) ? newSVsv(cb) : NULL;
}

void
aio_open(SV *pathname, int flags, int mode, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$$;$
  PPCODE:
{
    dREQ;
    aio_path p;
    ioaio_args args = args_of(IOAIO_OP_OPEN);
    get_path(aTHX_ c, pathname, &p, "pathname");
    req = req_new(c, K_OPEN, cb);
    req->offset = (STRLEN)flags;
    args.flags = flags;
    args.mode = (unsigned)mode;
    ON_PATH(p);
    SEND;
}

void
aio_close(SV *fh, SV *callback = &PL_sv_undef)
  PROTOTYPE: $;$
  PPCODE:
{
    dREQ;
    SV *hold;
    int fd = get_fd(aTHX_ fh, FALSE, &hold);
    ioaio_args args;
    aio_job *job;
    if (c->dead_fd < 0) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
            croak("IO::AIO: aio_close: %s", Strerror(errno));
        close(ends[1]);
        c->dead_fd = ends[0];
    }
    job = job_new("");
    job->fd = fd;
    job->fd2 = c->dead_fd;
    req = req_new(c, K_STATUS, cb);
    args = job_args(req, job, job_close);
    keep(req, HELD_FILE, hold);
    SEND;
}

void
aio_seek(SV *fh, SV *offset, int whence, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$$;$
  PPCODE:
{
    dREQ;
    SV *hold;
    int fd = get_fd(aTHX_ fh, FALSE, &hold);
    ioaio_args args = args_of(IOAIO_OP_SEEK);
    args.off = (off_t)SvIV(offset);
    args.whence = whence;
    req = req_new(c, K_NUMBER, cb);
    ON_FILE(fd, hold);
    SEND;
}

void
aio_read(SV *fh, SV *offset, SV *length, SV *data, IV dataoffset, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$$$$;$
  PPCODE:
{
    dREQ;
    SV *hold;
    int fd = get_fd(aTHX_ fh, FALSE, &hold);
    UV len = SvOK(length) ? SvUV(length) : 0;
    ioaio_args args = args_of(IOAIO_OP_READ);
    STRLEN start;
    if (SvOK(length) && !SvIsUV(length) && SvIV(length) < 0)
        croak("length must not be negative");
    args.off = get_offset(aTHX_ offset);
    args.buf = data_room(aTHX_ c, data, dataoffset, len, &start);
    args.len = len;
    req = req_new(c, K_READ, cb);
    req->offset = start;
    ON_FILE(fd, hold);
    data_hold(req, data);
    SEND;
}

void
aio_write(SV *fh, SV *offset, SV *length, SV *data, IV dataoffset, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$$$$;$
  PPCODE:
{
    dREQ;
    SV *hold;
    int fd = get_fd(aTHX_ fh, TRUE, &hold);
    ioaio_args args = args_of(IOAIO_OP_WRITE);
    STRLEN have, start;
    char *bytes;
    IV want = -1;
    if (SvOK(length)) {
        want = SvIV(length);
        if (want < 0)
            croak("length must not be negative");
    }
    args.off = get_offset(aTHX_ offset);
    data = steady(aTHX_ data); /* after all that can run code, which could change the data */
    bytes = get_bytes(aTHX_ data, &have);
    start = data_offset(aTHX_ dataoffset, have, "dataoffset outside of data scalar");
    args.len = have - start;
    if (want >= 0 && (UV)want < args.len)
        args.len = (size_t)want;
    args.src = bytes + start;
    req = req_new(c, K_NUMBER, cb);
    ON_FILE(fd, hold);
    data_hold(req, data);
    SEND;
}

void
aio_sendfile(SV *out_fh, SV *in_fh, SV *in_offset, UV length, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$$$;$
  PPCODE:
{
    dREQ;
    SV *hold, *hold2;
    int fd = get_fd(aTHX_ out_fh, TRUE, &hold), fd2 = get_fd(aTHX_ in_fh, FALSE, &hold2);
    ioaio_args args = args_of(IOAIO_OP_SENDFILE);
    args.fd2 = fd2;
    args.off = SvOK(in_offset) ? (off_t)SvIV(in_offset) : 0;
    if (args.off < 0)
        args.off = LLONG_MIN; /* and not the file's own position */
    args.len = length;
    req = req_new(c, K_NUMBER, cb);
    ON_FILE(fd, hold);
    keep(req, HELD_OTHER, hold2);
    SEND;
}

void
aio_readahead(SV *fh, SV *offset, UV length, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$$;$
  PPCODE:
{
    dREQ;
    SV *hold;
    int fd = get_fd(aTHX_ fh, FALSE, &hold);
    ioaio_args args = args_of(IOAIO_OP_READAHEAD);
    args.off = SvOK(offset) ? (off_t)SvIV(offset) : 0;
    args.len = length;
    if (args.off < 0) /* before the file there is nothing to read, which is no error to the kernel */
        args.off = 0, args.len = 0;
    req = req_new(c, K_STATUS, cb);
    ON_FILE(fd, hold);
    SEND;
}

void
aio_fsync(SV *fh, SV *callback = &PL_sv_undef)
  ALIAS:
    aio_fsync = IOAIO_OP_FSYNC
    aio_fdatasync = IOAIO_OP_FDATASYNC
    aio_syncfs = IOAIO_OP_SYNCFS
  PROTOTYPE: $;$
  PPCODE:
{
    dREQ;
    SV *hold;
    int fd = get_fd(aTHX_ fh, FALSE, &hold);
    ioaio_args args = args_of(ix);
    req = req_new(c, K_STATUS, cb);
    ON_FILE(fd, hold);
    SEND;
}

void
aio_allocate(SV *fh, int mode, SV *offset, UV length, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$$$;$
  PPCODE:
{
    dREQ;
    SV *hold;
    int fd = get_fd(aTHX_ fh, TRUE, &hold);
    ioaio_args args = args_of(IOAIO_OP_ALLOCATE);
    args.flags = mode;
    args.off = (off_t)SvIV(offset);
    args.len = length;
    req = req_new(c, K_STATUS, cb);
    ON_FILE(fd, hold);
    SEND;
}

void
aio_sync_file_range(SV *fh, SV *offset, UV length, unsigned flags, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$$$;$
  PPCODE:
{
    dREQ;
    SV *hold;
    int fd = get_fd(aTHX_ fh, FALSE, &hold);
    ioaio_args args = args_of(IOAIO_OP_SYNC_FILE_RANGE);
    args.off = (off_t)SvIV(offset);
    args.len = length;
    args.flags = (int)flags;
    req = req_new(c, K_STATUS, cb);
    ON_FILE(fd, hold);
    SEND;
}

void
aio_fcntl(SV *fh, UV request, SV *arg, SV *callback = &PL_sv_undef)
  ALIAS:
    aio_fcntl = IOAIO_OP_FCNTL
    aio_ioctl = IOAIO_OP_IOCTL
  PROTOTYPE: $$$;$
  PPCODE:
{
    dREQ;
    SV *hold, *hold2 = NULL;
    int fd = get_fd(aTHX_ fh, FALSE, &hold);
    ioaio_args args = args_of(ix);
    args.flags = (int)request;
    args.request = (unsigned long)request;
    SvGETMAGIC(arg);
    if (SvNIOK(arg))
        args.arg = INT2PTR(void *, SvIV_nomg(arg));
    else {
        enum { ROOM = 256 }; /* what most requests take */
        STRLEN have;
        /* What is not the caller's own string cannot take a result. */
        hold2 = SvREADONLY(arg) || SvROK(arg) || SvPADTMP(arg) || isGV_with_GP(arg)
                    ? sv_2mortal(newSVsv_nomg(arg)) : arg;
        if (!SvOK(hold2)) {
            sv_setpvs(hold2, "");
            SvGROW(hold2, ROOM + 1);
            SvCUR_set(hold2, ROOM);
            Zero(SvPVX(hold2), ROOM + 1, char);
        }
        get_bytes(aTHX_ hold2, &have);
        (void)SvPV_force_nomg(hold2, have);
        if (have < ROOM) {
            SvGROW(hold2, ROOM + 1);
            Zero(SvPVX(hold2) + have, ROOM + 1 - have, char);
        }
        args.arg = SvPVX(hold2);
    }
    req = req_new(c, K_NUMBER, cb);
    ON_FILE(fd, hold);
    keep(req, HELD_OTHER, hold2);
    SEND;
}

void
aio_fiemap(SV *fh, SV *start, SV *length, U32 flags, SV *count, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$$$$;$
  PPCODE:
{
    dREQ;
    SV *hold;
    int fd = get_fd(aTHX_ fh, FALSE, &hold);
    bool only_count = SvOK(count) && !SvIV(count);
    ioaio_args args = args_of(only_count ? IOAIO_OP_FIEMAP_COUNT : IOAIO_OP_FIEMAP);
    args.off = SvOK(start) ? (off_t)SvIV(start) : 0;
    args.len = SvOK(length) ? (size_t)SvUV(length) : (size_t)-1;
    args.flags = (int)flags;
    args.iovcnt = SvOK(count) && SvIV(count) >= 0 ? (int)SvIV(count) : -1;
    req = req_new(c, K_EXTENTS, cb);
    ON_FILE(fd, hold);
    SEND;
}

void
aio_stat(SV *fh_or_path, SV *callback = &PL_sv_undef)
  ALIAS:
    aio_stat = 0
    aio_lstat = 1
  PROTOTYPE: $;$
  PPCODE:
{
    dREQ;
    aio_path p;
    int fd = get_fd_or_path(aTHX_ c, fh_or_path, &p);
    ioaio_args args = args_of(fd >= 0 ? IOAIO_OP_FSTAT : ix ? IOAIO_OP_LSTAT : IOAIO_OP_STAT);
    req = req_new(c, ix && fd < 0 ? K_LSTAT : K_STAT, cb);
    args.fd = fd;
    ON_PATH(p);
    SEND;
}

void
aio_statvfs(SV *fh_or_path, SV *callback = &PL_sv_undef)
  PROTOTYPE: $;$
  PPCODE:
{
    dREQ;
    aio_path p;
    int fd = get_fd_or_path(aTHX_ c, fh_or_path, &p);
    ioaio_args args = args_of(fd >= 0 ? IOAIO_OP_FSTATVFS : IOAIO_OP_STATVFS);
    req = req_new(c, K_STATVFS, cb);
    args.fd = fd;
    ON_PATH(p);
    SEND;
}

void
aio_utime(SV *fh_or_path, SV *atime, SV *mtime, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$$;$
  PPCODE:
{
    dREQ;
    aio_path p;
    int fd;
    bool given = SvOK(atime) || SvOK(mtime);
    ioaio_args args;
    struct timespec times[2];
    if (given) {
        get_time(aTHX_ atime, times);
        get_time(aTHX_ mtime, times + 1);
    }
    fd = get_fd_or_path(aTHX_ c, fh_or_path, &p);
    args = args_of(fd >= 0 ? IOAIO_OP_FUTIMENS : IOAIO_OP_UTIMENS);
    args.times = given ? times : NULL;
    req = req_new(c, K_STATUS, cb);
    args.fd = fd;
    ON_PATH(p);
    SEND;
}

void
aio_truncate(SV *fh_or_path, SV *offset, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$;$
  PPCODE:
{
    dREQ;
    aio_path p;
    off_t length = SvOK(offset) ? (off_t)SvIV(offset) : -1;
    int fd = get_fd_or_path(aTHX_ c, fh_or_path, &p);
    ioaio_args args = args_of(fd >= 0 ? IOAIO_OP_FTRUNCATE : IOAIO_OP_TRUNCATE);
    args.off = length;
    req = req_new(c, K_STATUS, cb);
    args.fd = fd;
    ON_PATH(p);
    SEND;
}

void
aio_chmod(SV *fh_or_path, int mode, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$;$
  PPCODE:
{
    dREQ;
    aio_path p;
    int fd = get_fd_or_path(aTHX_ c, fh_or_path, &p);
    ioaio_args args = args_of(fd >= 0 ? IOAIO_OP_FCHMOD : IOAIO_OP_CHMOD);
    args.mode = (unsigned)mode;
    req = req_new(c, K_STATUS, cb);
    args.fd = fd;
    ON_PATH(p);
    SEND;
}

void
aio_chown(SV *fh_or_path, SV *uid, SV *gid, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$$;$
  PPCODE:
{
    dREQ;
    aio_path p;
    uid_t user = SvOK(uid) ? (uid_t)SvIV(uid) : (uid_t)-1;
    gid_t group = SvOK(gid) ? (gid_t)SvIV(gid) : (gid_t)-1;
    int fd = get_fd_or_path(aTHX_ c, fh_or_path, &p);
    ioaio_args args = args_of(fd >= 0 ? IOAIO_OP_FCHOWN : IOAIO_OP_CHOWN);
    args.uid = user;
    args.gid = group;
    req = req_new(c, K_STATUS, cb);
    args.fd = fd;
    ON_PATH(p);
    SEND;
}

void
aio_unlink(SV *pathname, SV *callback = &PL_sv_undef)
  ALIAS:
    aio_unlink = IOAIO_OP_UNLINK
    aio_rmdir = IOAIO_OP_RMDIR
  PROTOTYPE: $;$
  PPCODE:
{
    dREQ;
    aio_path p;
    ioaio_args args = args_of(ix);
    get_path(aTHX_ c, pathname, &p, "pathname");
    named(aTHX_ &p);
    req = req_new(c, K_STATUS, cb);
    ON_PATH(p);
    SEND;
}

void
aio_readlink(SV *pathname, SV *callback = &PL_sv_undef)
  ALIAS:
    aio_readlink = IOAIO_OP_READLINK
    aio_realpath = IOAIO_OP_REALPATH
  PROTOTYPE: $;$
  PPCODE:
{
    dREQ;
    aio_path p;
    ioaio_args args = args_of(ix);
    get_path(aTHX_ c, pathname, &p, "pathname");
    if (ix == IOAIO_OP_REALPATH)
        unslashed(aTHX_ &p);
    req = req_new(c, K_TEXT, cb);
    ON_PATH(p);
    SEND;
}

void
aio_mkdir(SV *pathname, int mode, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$;$
  PPCODE:
{
    dREQ;
    aio_path p;
    ioaio_args args = args_of(IOAIO_OP_MKDIR);
    get_path(aTHX_ c, pathname, &p, "pathname");
    args.mode = (unsigned)mode;
    req = req_new(c, K_STATUS, cb);
    ON_PATH(p);
    SEND;
}

void
aio_mknod(SV *pathname, int mode, UV dev, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$$;$
  PPCODE:
{
    dREQ;
    aio_path p;
    ioaio_args args = args_of(IOAIO_OP_MKNOD);
    get_path(aTHX_ c, pathname, &p, "pathname");
    args.mode = (unsigned)mode;
    args.dev = (dev_t)dev;
    req = req_new(c, K_STATUS, cb);
    ON_PATH(p);
    SEND;
}

void
aio_link(SV *oldpath, SV *newpath, SV *callback = &PL_sv_undef)
  ALIAS:
    aio_link = IOAIO_OP_LINK
    aio_rename = IOAIO_OP_RENAME
  PROTOTYPE: $$;$
  PPCODE:
{
    dREQ;
    aio_path from, to;
    ioaio_args args = args_of(ix);
    get_paths(aTHX_ c, oldpath, &from, "oldpath", newpath, &to, "newpath");
    named(aTHX_ &from);
    named(aTHX_ &to);
    req = req_new(c, K_STATUS, cb);
    ON_PATH(from);
    args.dirfd2 = to.dirfd;
    args.path2 = to.path;
    keep(req, HELD_OTHER, to.hold);
    SEND;
}

void
aio_rename2(SV *oldpath, SV *newpath, int flags = 0, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$;$$
  PPCODE:
{
    dREQ;
    aio_path from, to;
    ioaio_args args = args_of(IOAIO_OP_RENAME);
    get_paths(aTHX_ c, oldpath, &from, "oldpath", newpath, &to, "newpath");
    named(aTHX_ &from);
    named(aTHX_ &to);
    args.flags = flags;
    req = req_new(c, K_STATUS, cb);
    ON_PATH(from);
    args.dirfd2 = to.dirfd;
    args.path2 = to.path;
    keep(req, HELD_OTHER, to.hold);
    SEND;
}

void
aio_symlink(SV *oldpath, SV *newpath, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$;$
  PPCODE:
{
    dREQ;
    aio_path text, p;
    ioaio_args args = args_of(IOAIO_OP_SYMLINK);
    get_paths(aTHX_ c, oldpath, &text, "oldpath", newpath, &p, "newpath");
    args.path2 = text.path;
    req = req_new(c, K_STATUS, cb);
    ON_PATH(p);
    SEND;
}

void
aio_readdir(SV *pathname, SV *callback = &PL_sv_undef)
  PROTOTYPE: $;$
  PPCODE:
{
    dREQ;
    aio_path p;
    ioaio_args args = args_of(IOAIO_OP_READ_DIR);
    get_path(aTHX_ c, pathname, &p, "pathname");
    followed(aTHX_ &p);
    req = req_new(c, K_NAMES, cb);
    ON_PATH(p);
    SEND;
}

void
aio_readdirx(SV *pathname, int flags, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$;$
  PPCODE:
{
    dREQ;
    aio_path p;
    ioaio_args args = args_of(IOAIO_OP_READ_DIR);
    get_path(aTHX_ c, pathname, &p, "pathname");
    followed(aTHX_ &p);
    args.flags = (flags & READDIR_DIRS_FIRST ? IOAIO_DIRS_FIRST : 0)
               | (flags & READDIR_STAT_ORDER ? IOAIO_STAT_ORDER : 0);
    req = req_new(c, K_READDIRX, cb);
    /* The callback gets the flags, always with READDIR_DENTS. */
    req->offset = (STRLEN)(unsigned)(flags | READDIR_DENTS) | (flags & READDIR_DENTS ? READDIR_WANTS_DENTS : 0);
    ON_PATH(p);
    SEND;
}

void
aio_wd(SV *pathname, SV *callback = &PL_sv_undef)
  PROTOTYPE: $;$
  PPCODE:
{
    dREQ;
    aio_path p;
    ioaio_args args = args_of(IOAIO_OP_OPEN_DIR);
    get_path(aTHX_ c, pathname, &p, "pathname");
    req = req_new(c, K_WD, cb);
    ON_PATH(p);
    SEND;
}

void
aio_msync(SV *data, IV offset = 0, SV *length = &PL_sv_undef, int flags = MS_SYNC, SV *callback = &PL_sv_undef)
  PROTOTYPE: $;$$$$
  PPCODE:
{
    dREQ;
    ioaio_args args = args_of(IOAIO_OP_MSYNC);
    data = steady(aTHX_ data);
    args.addr = data_part(aTHX_ data, offset, length, &args.len);
    args.flags = flags;
    req = req_new(c, K_STATUS, cb);
    keep(req, HELD_OTHER, data);
    SEND;
}

void
aio_mtouch(SV *data, IV offset = 0, SV *length = &PL_sv_undef, int flags = 0, SV *callback = &PL_sv_undef)
  PROTOTYPE: $;$$$$
  PPCODE:
{
    dREQ;
    ioaio_args args = args_of(IOAIO_OP_MTOUCH);
    data = steady(aTHX_ data);
    args.addr = data_part(aTHX_ data, offset, length, &args.len);
    args.flags = flags & MT_MODIFY ? IOAIO_MODIFY : 0;
    req = req_new(c, K_STATUS, cb);
    keep(req, HELD_OTHER, data);
    SEND;
}

void
aio_mlock(SV *data, IV offset = 0, SV *length = &PL_sv_undef, SV *callback = &PL_sv_undef)
  PROTOTYPE: $;$$$
  PPCODE:
{
    dREQ;
    ioaio_args args = args_of(IOAIO_OP_MLOCK);
    data = steady(aTHX_ data);
    args.addr = data_part(aTHX_ data, offset, length, &args.len);
    req = req_new(c, K_STATUS, cb);
    keep(req, HELD_OTHER, data);
    SEND;
}

void
aio_mlockall(int flags, SV *callback = &PL_sv_undef)
  PROTOTYPE: $;$
  PPCODE:
{
    dREQ;
    ioaio_args args = args_of(IOAIO_OP_MLOCKALL);
    args.flags = flags;
    req = req_new(c, K_STATUS, cb);
    SEND;
}

void
aio_slurp(SV *pathname, SV *offset, UV length, SV *data, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$$$;$
  PPCODE:
{
    dREQ;
    aio_path p;
    ioaio_args args;
    aio_job *job;
    get_path(aTHX_ c, pathname, &p, "pathname");
    if (data_shared(aTHX_ c, data))
        croak("data scalar is in use by another request");
    job = job_new(p.path);
    job->fd = p.dirfd;
    job->offset = SvOK(offset) ? (off_t)SvIV(offset) : 0;
    job->len = length;
    req = req_new(c, K_SLURP, cb);
    args = job_args(req, job, job_slurp);
    keep(req, HELD_FILE, p.hold);
    data_hold(req, data);
    SEND;
}

void
aio_load(SV *pathname, SV *data, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$;$
  PPCODE:
{
    dREQ;
    aio_path p;
    ioaio_args args = args_of(IOAIO_OP_LOAD);
    get_path(aTHX_ c, pathname, &p, "pathname");
    if (data_shared(aTHX_ c, data))
        croak("data scalar is in use by another request");
    req = grp_of_one(c, K_DATA, cb);
    ON_PATH(p);
    data_hold(req, data);
    SEND;
}

void
aio_copy(SV *srcpath, SV *dstpath, SV *callback = &PL_sv_undef)
  ALIAS:
    aio_copy = IOAIO_OP_COPY
    aio_move = IOAIO_OP_MOVE
  PROTOTYPE: $$;$
  PPCODE:
{
    dREQ;
    aio_path from, to;
    ioaio_args args = args_of(ix);
    if (ix == IOAIO_OP_MOVE) {
        get_paths(aTHX_ c, srcpath, &from, "oldpath", dstpath, &to, "newpath");
    } else {
        args.flags = IOAIO_WRITE_THROUGH; /* as 4.80, into the file that is there */
        get_paths(aTHX_ c, srcpath, &from, "pathname", dstpath, &to, "pathname");
    }
    req = grp_of_one(c, K_STATUS, cb);
    ON_PATH(from);
    args.dirfd2 = to.dirfd;
    args.path2 = to.path;
    keep(req, HELD_OTHER, to.hold);
    SEND;
}

void
aio_rmtree(SV *pathname, SV *callback = &PL_sv_undef)
  ALIAS:
    aio_rmtree = IOAIO_OP_REMOVE_TREE
    aio_pathsync = IOAIO_OP_PATHSYNC
  PROTOTYPE: $;$
  PPCODE:
{
    dREQ;
    aio_path p;
    ioaio_args args = args_of(ix);
    get_path(aTHX_ c, pathname, &p, "pathname");
    if (ix == IOAIO_OP_REMOVE_TREE)
        named(aTHX_ &p);
    req = grp_of_one(c, K_STATUS, cb);
    ON_PATH(p);
    SEND;
}

void
aio_scandir(SV *pathname, int maxreq, SV *callback = &PL_sv_undef)
  PROTOTYPE: $$;$
  PPCODE:
{
    dREQ;
    aio_path p;
    ioaio_args args = args_of(IOAIO_OP_READ_DIR);
    PERL_UNUSED_VAR(maxreq);
    get_path(aTHX_ c, pathname, &p, "pathname");
    followed(aTHX_ &p);
    args.flags = IOAIO_DIRS_FIRST | IOAIO_STAT_ORDER | IOAIO_KINDS;
    req = grp_of_one(c, K_SCAN, cb);
    ON_PATH(p);
    SEND;
}

void
aio_sync(SV *callback = &PL_sv_undef)
  ALIAS:
    aio_sync = IOAIO_OP_SYNC
    aio_nop = IOAIO_OP_NOP
  PROTOTYPE: ;$
  PPCODE:
{
    dREQ;
    ioaio_args args = args_of(ix);
    req = req_new(c, ix == IOAIO_OP_NOP ? K_NONE : K_STATUS, cb);
    SEND;
}

void
aio_busy(NV delay, SV *callback = &PL_sv_undef)
  PROTOTYPE: $;$
  PPCODE:
{
    dREQ;
    ioaio_args args = args_of(IOAIO_OP_BUSY);
    args.seconds = delay < 0 ? 0 : delay;
    req = req_new(c, K_NONE, cb);
    SEND;
}

void
aio_group(SV *callback = &PL_sv_undef)
  PROTOTYPE: ;$
  PPCODE:
{
    dREQ;
    SV *object;
    req = grp_new(c, K_GROUP, cb);
    object = sv_2mortal(req_object(aTHX_ req));
    PUTBACK;
    grp_queue(aTHX_ req);
    SPAGAIN;
    XPUSHs(object);
}

int
poll_fileno()
  PROTOTYPE:
  CODE:
{
    dCTX;
    RETVAL = ctx_poll_fd(aTHX_ c);
}
  OUTPUT: RETVAL

int
poll_cb(...)
  PROTOTYPE:
  CODE:
{
    dCTX;
    PERL_UNUSED_VAR(items);
    RETVAL = poll_cb(aTHX_ c);
}
  OUTPUT: RETVAL

void
poll_wait()
  PROTOTYPE:
  CODE:
{
    dCTX;
    if (ctx_active(c)) {
        wait_result(aTHX_ c);
        leave_rest(c);
    }
}

int
poll()
  PROTOTYPE:
  CODE:
{
    dCTX;
    if (ctx_active(c))
        wait_result(aTHX_ c);
    RETVAL = poll_cb(aTHX_ c);
}
  OUTPUT: RETVAL

void
flush()
  PROTOTYPE:
  CODE:
{
    dCTX;
    flush(aTHX_ c);
}

void
reinit()
  PROTOTYPE:
  CODE:
{
    dCTX;
    ctx_reinit(aTHX_ c);
}

unsigned
nreqs()
  ALIAS:
    nreqs = 0
    nready = 1
    npending = 2
    nthreads = 3
  PROTOTYPE:
  CODE:
{
    dCTX;
    if (!ctx_active(c))
        RETVAL = 0;
    else if (ix == 0)
        RETVAL = ctx_nreqs(c);
    else if (ix == 1)
        RETVAL = c->nwaiting + ioaio_nready(c->aio);
    else if (ix == 2)
    {
        unsigned done = ioaio_npending(c->aio), known = ioaio_nreqs(c->aio) - c->nforgotten;
        RETVAL = c->npending + (done < known ? done : known);
    }
    else
        RETVAL = ioaio_nthreads(c->aio);
}
  OUTPUT: RETVAL

void
min_parallel(int number)
  ALIAS:
    min_parallel = 0
    max_parallel = 1
    max_idle = 2
    idle_timeout = 3
    max_outstanding = 4
    max_poll_reqs = 5
  PROTOTYPE: $
  CODE:
{
    dCTX;
    if (number < 0)
        number = 0;
    switch (ix) {
    case 0: ioaio_min_parallel(ctx_engine(aTHX_ c), number); break;
    case 1:
        c->paused = !number;
        if (number) {
            ioaio_max_parallel(ctx_engine(aTHX_ c), number);
            waiting_send(c);
        }
        break;
    case 2: ioaio_max_idle(ctx_engine(aTHX_ c), number); break;
    case 3: ioaio_idle_timeout(ctx_engine(aTHX_ c), number); break;
    case 4: c->max_outstanding = (unsigned)number; break;
    default: c->max_poll_reqs = (unsigned)number;
    }
}

void
max_poll_time(NV seconds)
  PROTOTYPE: $
  CODE:
{
    dCTX;
    c->max_poll_time = seconds;
}

# At the end of the program: nothing waits any more.
void
_resume()
  PROTOTYPE:
  CODE:
{
    dCTX;
    c->paused = FALSE;
    if (ctx_active(c))
        waiting_send(c);
}

INCLUDE: glue/sync.xs

MODULE = IO::AIO  PACKAGE = IO::AIO::WD

void
DESTROY(SV *self)
  PROTOTYPE: DISABLE
  CODE:
{
    IV wd = SvROK(self) ? SvIV(SvRV(self)) : WD_CWD;
    dSAVE_ERRNO;
    if (wd > 0) /* a descriptor of O_PATH: closing it does not wait */
        close((int)wd - 1);
    RESTORE_ERRNO;
}

int
CLONE_SKIP(...)
  PROTOTYPE: DISABLE
  CODE:
    PERL_UNUSED_VAR(items);
    RETVAL = 1;
  OUTPUT: RETVAL

MODULE = IO::AIO  PACKAGE = IO::AIO::REQ

void
cancel(SV *self)
  PROTOTYPE: DISABLE
  CODE:
{
    dCTX;
    aio_req *req = req_of(aTHX_ c, self);
    if (req)
        req_cancel(req);
}

void
cb(SV *self, SV *callback = NULL)
  PROTOTYPE: DISABLE
  PPCODE:
{
    dCTX;
    aio_req *req = req_of(aTHX_ c, self);
    if (!req)
        XSRETURN_EMPTY;
    if (GIMME_V != G_VOID)
        XPUSHs(req->callback ? sv_2mortal(newRV_inc((SV *)req->callback)) : &PL_sv_undef);
    if (callback) {
        CV *old = req->callback;
        req->callback = (CV *)SvREFCNT_inc((SV *)get_callback(aTHX_ callback));
        if (old)
            sv_2mortal((SV *)old);
    }
}

MODULE = IO::AIO  PACKAGE = IO::AIO::GRP

void
add(SV *self, ...)
  PROTOTYPE: DISABLE
  PPCODE:
{
    dCTX;
    aio_req *grp = busy_grp_of(aTHX_ c, self);
    int n;
    if (grp->flags & F_STARTED)
        croak("cannot add requests to IO::AIO::GRP after the group finished");
    for (n = 1; n < items; n++) {
        aio_req *req = req_of(aTHX_ c, ST(n));
        if (req)
            grp_add(grp, req);
    }
    if (GIMME_V != G_VOID) {
        for (n = 1; n < items; n++)
            ST(n - 1) = ST(n);
        XSRETURN(items - 1);
    }
}

void
cancel_subs(SV *self)
  PROTOTYPE: DISABLE
  CODE:
{
    dCTX;
    aio_req *req = req_of(aTHX_ c, self);
    if (req && IS_GROUP(req))
        grp_cancel_members(aTHX_ req);
}

void
result(SV *self, ...)
  PROTOTYPE: DISABLE
  CODE:
{
    dCTX;
    int error = errno, n;
    aio_req *req;
    AV *result = (AV *)sv_2mortal((SV *)newAV());
    for (n = 1; n < items; n++)
        av_push(result, newSVsv(ST(n)));
    req = busy_grp_of(aTHX_ c, self);
    SvREFCNT_inc((SV *)result);
    SvREFCNT_dec((SV *)req->grp->result);
    req->grp->result = result;
    req->grp->error = error;
}

void
errno(SV *self, int error = errno)
  PROTOTYPE: DISABLE
  CODE:
{
    dCTX;
    busy_grp_of(aTHX_ c, self)->grp->error = error;
}

void
limit(SV *self, int limit)
  PROTOTYPE: DISABLE
  CODE:
{
    dCTX;
    aio_req *req = busy_grp_of(aTHX_ c, self);
    req->grp->limit = limit < 0 ? 0 : limit;
    grp_feed_now(aTHX_ req);
}

void
feed(SV *self, SV *callback)
  PROTOTYPE: DISABLE
  CODE:
{
    dCTX;
    aio_req *req = busy_grp_of(aTHX_ c, self);
    SV *feeder = (SV *)get_callback(aTHX_ callback);
    SvREFCNT_dec(req->grp->feeder);
    req->grp->feeder = feeder ? newRV_inc(feeder) : NULL;
    if (req->grp->limit <= 0)
        req->grp->limit = 2;
    grp_feed_now(aTHX_ req);
}
