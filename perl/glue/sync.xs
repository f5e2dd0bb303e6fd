# The helpers that are plain system calls; included by AIO.xs.

SV *
sendfile(SV *ofh, SV *ifh, SV *offset, UV count)
  PROTOTYPE: $$$$
  CODE:
{
    SV *hold;
    off_t off = SvOK(offset) ? (off_t)SvIV(offset) : 0;
    int out = get_fd(aTHX_ ofh, TRUE, &hold), in = get_fd(aTHX_ ifh, FALSE, &hold);
    ssize_t sent = sendfile(out, in, &off, count);
    if (sent < 0 && (errno == EINVAL || errno == ENOSYS))
        sent = send_by_hand(out, in, SvOK(offset) ? (off_t)SvIV(offset) : 0, count);
    RETVAL = newSViv((IV)sent);
}
  OUTPUT: RETVAL

int
fadvise(SV *fh, SV *offset, SV *length, int advice)
  PROTOTYPE: $$$$
  CODE:
{
    SV *hold;
    RETVAL = posix_fadvise(get_fd(aTHX_ fh, FALSE, &hold), (off_t)SvIV(offset), (off_t)SvIV(length), advice);
}
  OUTPUT: RETVAL

int
madvise(SV *scalar, IV offset = 0, SV *length = &PL_sv_undef, int advice_or_prot = 0)
  ALIAS:
    madvise = 0
    mprotect = 1
  PROTOTYPE: $$;$$
  CODE:
{
    size_t len;
    char *start = data_part(aTHX_ scalar, offset, length, &len);
    start = page_start(start, &len);
    RETVAL = ix ? mprotect(start, len, advice_or_prot) : posix_madvise(start, len, advice_or_prot);
}
  OUTPUT: RETVAL

int
munlock(SV *scalar, IV offset = 0, SV *length = &PL_sv_undef)
  PROTOTYPE: $;$$
  CODE:
{
    size_t len;
    char *start = data_part(aTHX_ scalar, offset, length, &len);
    start = page_start(start, &len);
    RETVAL = munlock(start, len);
}
  OUTPUT: RETVAL

int
mlockall(int flags)
  PROTOTYPE: $;
  CODE:
    RETVAL = mlockall(flags);
  OUTPUT: RETVAL

int
munlockall()
  PROTOTYPE:
  CODE:
    RETVAL = munlockall();
  OUTPUT: RETVAL

void
mmap(SV *scalar, size_t length, int prot, int flags, SV *fh = &PL_sv_undef, SV *offset = &PL_sv_undef)
  PROTOTYPE: $$$$;$$
  PPCODE:
{
    SV *hold;
    int fd = SvOK(fh) ? get_fd(aTHX_ fh, (flags & MAP_SHARED) && (prot & PROT_WRITE), &hold) : -1;
    void *start;
    if (mapping_of(scalar))
        sv_unmagicext(scalar, PERL_MAGIC_ext, &mmap_vtbl);
    if (SvREADONLY(scalar))
        croak_no_modify();
    start = mmap(NULL, length, prot, flags, fd, SvOK(offset) ? (off_t)SvIV(offset) : 0);
    if (start == MAP_FAILED)
        XSRETURN_NO;
    map_scalar(aTHX_ scalar, start, length, prot);
    XSRETURN_YES;
}

void
munmap(SV *scalar)
  PROTOTYPE: $
  CODE:
    if (mapping_of(scalar))
        sv_unmagicext(scalar, PERL_MAGIC_ext, &mmap_vtbl);

SV *
mremap(SV *scalar, size_t new_length, int flags = MREMAP_MAYMOVE, IV new_address = 0)
  PROTOTYPE: $$;$$
  CODE:
{
    MAGIC *mg = mapping_of(scalar);
    void *start;
    if (!mg || SvPVX(scalar) != mg->mg_ptr)
        croak("IO::AIO::mremap: scalar not mapped by IO::AIO::mmap or improperly modified");
    start = mremap(mg->mg_ptr, (size_t)PTR2UV(mg->mg_obj), new_length, flags, INT2PTR(void *, new_address));
    if (start == MAP_FAILED)
        RETVAL = &PL_sv_no;
    else {
        RETVAL = start == (void *)mg->mg_ptr ? newSVpvs("0 but true") : newSViv(1);
        mg->mg_ptr = (char *)start;
        mg->mg_obj = INT2PTR(SV *, new_length);
        SvPV_set(scalar, (char *)start);
        SvCUR_set(scalar, new_length);
    }
}
  OUTPUT: RETVAL

SV *
splice(SV *rfh, SV *r_off, SV *wfh, SV *w_off, size_t length, unsigned flags)
  PROTOTYPE: $$$$$$
  CODE:
{
    SV *hold;
    loff_t from = 0, to = 0;
    int in = get_fd(aTHX_ rfh, FALSE, &hold), out = get_fd(aTHX_ wfh, TRUE, &hold);
    if (SvOK(r_off))
        from = (loff_t)SvIV(r_off);
    if (SvOK(w_off))
        to = (loff_t)SvIV(w_off);
    RETVAL = newSViv((IV)splice(in, SvOK(r_off) ? &from : NULL, out, SvOK(w_off) ? &to : NULL, length, flags));
}
  OUTPUT: RETVAL

SV *
tee(SV *rfh, SV *wfh, size_t length, unsigned flags)
  PROTOTYPE: $$$$
  CODE:
{
    SV *hold;
    int in = get_fd(aTHX_ rfh, FALSE, &hold), out = get_fd(aTHX_ wfh, TRUE, &hold);
    RETVAL = newSViv((IV)tee(in, out, length, flags));
}
  OUTPUT: RETVAL

void
accept4(SV *rfh, SV *sockaddr, int salen, int flags)
  PROTOTYPE: $$$$
  PPCODE:
{
    dCTX;
    SV *hold;
    int fd = get_fd(aTHX_ rfh, FALSE, &hold);
    socklen_t len = salen > 0 ? (socklen_t)salen : 0;
    if (len) {
        sv_setpvs(sockaddr, "");
        SvGROW(sockaddr, len + 1);
    }
    fd = accept4(fd, len ? (struct sockaddr *)SvPVX(sockaddr) : NULL, len ? &len : NULL, flags);
    if (salen > 0 && fd >= 0) {
        SvCUR_set(sockaddr, len > (socklen_t)salen ? (socklen_t)salen : len);
        *SvEND(sockaddr) = 0;
    }
    XPUSHs(new_handle(aTHX_ c, fd, O_RDWR));
}

void
pipe2(int flags = 0)
  PROTOTYPE: ;$
  PPCODE:
{
    dCTX;
    int ends[2];
    if (pipe2(ends, flags) == 0) {
        EXTEND(SP, 2);
        PUSHs(new_handle(aTHX_ c, ends[0], O_RDONLY));
        PUSHs(new_handle(aTHX_ c, ends[1], O_WRONLY));
    }
}

int
pipesize(SV *rfh, int new_size = -1)
  PROTOTYPE: $;$
  CODE:
{
    SV *hold;
    int fd = get_fd(aTHX_ rfh, FALSE, &hold);
    RETVAL = items > 1 && new_size >= 0 ? fcntl(fd, F_SETPIPE_SZ, new_size) : fcntl(fd, F_GETPIPE_SZ);
}
  OUTPUT: RETVAL

void
eventfd(unsigned initval = 0, int flags = 0)
  PROTOTYPE: ;$$
  PPCODE:
{
    dCTX;
    XPUSHs(new_handle(aTHX_ c, eventfd(initval, flags), O_RDWR));
}

void
memfd_create(SV *pathname, int flags = 0)
  PROTOTYPE: $;$
  PPCODE:
{
    dCTX;
    XPUSHs(new_handle(aTHX_ c, memfd_create(path_text(aTHX_ pathname, "pathname"), (unsigned)flags), O_RDWR));
}

void
timerfd_create(int clockid, int flags = 0)
  PROTOTYPE: $;$
  PPCODE:
{
    dCTX;
    XPUSHs(new_handle(aTHX_ c, timerfd_create(clockid, flags), O_RDWR));
}

void
timerfd_settime(SV *fh, int flags, SV *interval, SV *value)
  PROTOTYPE: $$$$
  PPCODE:
{
    SV *hold;
    struct itimerspec now, before;
    int fd = get_fd(aTHX_ fh, FALSE, &hold);
    get_time(aTHX_ interval, &now.it_interval);
    get_time(aTHX_ value, &now.it_value);
    if (timerfd_settime(fd, flags, &now, &before) == 0) {
        EXTEND(SP, 2);
        mPUSHn(timespec_nv(&before.it_interval));
        mPUSHn(timespec_nv(&before.it_value));
    }
}

void
timerfd_gettime(SV *fh)
  PROTOTYPE: $
  PPCODE:
{
    SV *hold;
    struct itimerspec now;
    if (timerfd_gettime(get_fd(aTHX_ fh, FALSE, &hold), &now) == 0) {
        EXTEND(SP, 2);
        mPUSHn(timespec_nv(&now.it_interval));
        mPUSHn(timespec_nv(&now.it_value));
    }
}

void
pidfd_open(int pid, unsigned flags = 0)
  PROTOTYPE: $;$
  PPCODE:
{
    dCTX;
    XPUSHs(new_handle(aTHX_ c, (int)syscall(SYS_pidfd_open, pid, flags), O_RDWR));
}

SV *
pidfd_send_signal(SV *pidfh, int sig, SV *siginfo = &PL_sv_undef, unsigned flags = 0)
  PROTOTYPE: $$;$$
  CODE:
{
    SV *hold;
    int fd = get_fd(aTHX_ pidfh, FALSE, &hold);
    siginfo_t info;
    if (SvOK(siginfo)) {
        HV *hv;
        SV **field;
        if (!SvROK(siginfo) || SvTYPE(SvRV(siginfo)) != SVt_PVHV)
            croak("siginfo argument must be a hashref with 'code', 'pid', 'uid' and 'value_int' or 'value_ptr' "
                  "members");
        hv = (HV *)SvRV(siginfo);
        Zero(&info, 1, siginfo_t);
        info.si_signo = sig;
        if ((field = hv_fetchs(hv, "code", 0)))
            info.si_code = (int)SvIV(*field);
        if ((field = hv_fetchs(hv, "pid", 0)))
            info.si_pid = (pid_t)SvIV(*field);
        if ((field = hv_fetchs(hv, "uid", 0)))
            info.si_uid = (uid_t)SvIV(*field);
        if ((field = hv_fetchs(hv, "value_int", 0)))
            info.si_value.sival_int = (int)SvIV(*field);
        else if ((field = hv_fetchs(hv, "value_ptr", 0)))
            info.si_value.sival_ptr = INT2PTR(void *, SvIV(*field));
    }
    RETVAL = newSViv((IV)syscall(SYS_pidfd_send_signal, fd, sig, SvOK(siginfo) ? &info : NULL, flags));
}
  OUTPUT: RETVAL

void
pidfd_getfd(SV *pidfh, int targetfd, unsigned flags = 0)
  PROTOTYPE: $$;$
  PPCODE:
{
    dCTX;
    SV *hold;
    int fd = get_fd(aTHX_ pidfh, FALSE, &hold);
    XPUSHs(new_handle(aTHX_ c, (int)syscall(SYS_pidfd_getfd, fd, targetfd, flags), O_RDWR));
}

int
fexecve(SV *fh, SV *args, SV *envs = &PL_sv_undef)
  PROTOTYPE: $$;$
  CODE:
{
    SV *hold;
    int fd = get_fd(aTHX_ fh, FALSE, &hold);
    RETVAL = fexecve(fd, string_vector(aTHX_ args), SvOK(envs) ? string_vector(aTHX_ envs) : environ);
}
  OUTPUT: RETVAL

SV *
mount(SV *special, SV *path, SV *fstype, UV flags = 0, SV *data = &PL_sv_undef)
  PROTOTYPE: $$$;$$
  CODE:
    RETVAL = newSViv((IV)syscall(SYS_mount, path_text(aTHX_ special, "special"), path_text(aTHX_ path, "path"),
                                 path_text(aTHX_ fstype, "fstype"), (unsigned long)flags,
                                 SvOK(data) ? SvPVbyte_nolen(data) : NULL));
  OUTPUT: RETVAL

SV *
umount(SV *path, int flags = 0)
  PROTOTYPE: $;$
  CODE:
    RETVAL = newSViv((IV)syscall(SYS_umount2, path_text(aTHX_ path, "path"), flags));
  OUTPUT: RETVAL

SV *
get_fdlimit()
  PROTOTYPE:
  CODE:
{
    struct rlimit limit;
    RETVAL = getrlimit(RLIMIT_NOFILE, &limit) < 0 ? &PL_sv_undef : newSVuv(limit.rlim_cur);
}
  OUTPUT: RETVAL

void
min_fdlimit(UV wanted = 0x7fffffff)
  PROTOTYPE: ;$
  PPCODE:
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        XSRETURN_UNDEF;
    if (limit.rlim_cur < wanted) {
        struct rlimit all = {wanted, limit.rlim_max > wanted ? limit.rlim_max : wanted};
        /* All of it; else as much as there is, of which those who ask for what they need are told. */
        if (setrlimit(RLIMIT_NOFILE, &all) < 0) {
            int error = errno;
            if (items == 0 || limit.rlim_max > limit.rlim_cur) {
                limit.rlim_cur = limit.rlim_max;
                setrlimit(RLIMIT_NOFILE, &limit);
            }
            errno = error;
            if (limit.rlim_cur < wanted)
                XSRETURN_UNDEF;
        }
    }
    XSRETURN_YES;
}

unsigned
major(UV dev)
  PROTOTYPE: $
  CODE:
    RETVAL = major(dev);
  OUTPUT: RETVAL

unsigned
minor(UV dev)
  PROTOTYPE: $
  CODE:
    RETVAL = minor(dev);
  OUTPUT: RETVAL

UV
makedev(unsigned maj, unsigned min)
  PROTOTYPE: $$
  CODE:
    RETVAL = makedev(maj, min);
  OUTPUT: RETVAL

NV
st_atime()
  ALIAS:
    st_atime = 0
    st_mtime = 1
    st_ctime = 2
    st_btime = 3
  PROTOTYPE:
  CODE:
    RETVAL = st_time(aTHX_ ix);
  OUTPUT: RETVAL

IV
st_atimensec()
  ALIAS:
    st_atimensec = 0
    st_mtimensec = 1
    st_ctimensec = 2
    st_btimensec = 3
    st_btimesec = 3
    st_gen = 3
  PROTOTYPE:
  CODE:
    RETVAL = st_nanoseconds(aTHX_ ix);
  OUTPUT: RETVAL

void
st_xtime()
  PROTOTYPE:
  PPCODE:
{
    int which;
    EXTEND(SP, 4);
    for (which = 0; which < 4; which++)
        mPUSHn(st_time(aTHX_ which));
}

void
st_xtimensec()
  PROTOTYPE:
  PPCODE:
{
    int which;
    EXTEND(SP, 4);
    for (which = 0; which < 4; which++)
        mPUSHi(st_nanoseconds(aTHX_ which));
}

int
statx(SV *fh_or_path, int flags, unsigned mask)
  PROTOTYPE: $$$
  CODE:
{
    dCTX;
    aio_path p;
    int fd = get_fd_or_path(aTHX_ c, fh_or_path, &p);
    RETVAL = fd >= 0 ? statx(fd, "", flags | AT_EMPTY_PATH, mask, &stx) : statx(p.dirfd, p.path, flags, mask, &stx);
}
  OUTPUT: RETVAL

UV
stx_mask()
  ALIAS:
    stx_mask = 0
    stx_blksize = 1
    stx_attributes = 2
    stx_nlink = 3
    stx_uid = 4
    stx_gid = 5
    stx_mode = 6
    stx_ino = 7
    stx_size = 8
    stx_blocks = 9
    stx_attributes_mask = 10
    stx_rdev_major = 11
    stx_rdev_minor = 12
    stx_dev_major = 13
    stx_dev_minor = 14
  PROTOTYPE:
  CODE:
    switch (ix) {
    case 0: RETVAL = stx.stx_mask; break;
    case 1: RETVAL = stx.stx_blksize; break;
    case 2: RETVAL = stx.stx_attributes; break;
    case 3: RETVAL = stx.stx_nlink; break;
    case 4: RETVAL = stx.stx_uid; break;
    case 5: RETVAL = stx.stx_gid; break;
    case 6: RETVAL = stx.stx_mode; break;
    case 7: RETVAL = stx.stx_ino; break;
    case 8: RETVAL = stx.stx_size; break;
    case 9: RETVAL = stx.stx_blocks; break;
    case 10: RETVAL = stx.stx_attributes_mask; break;
    case 11: RETVAL = stx.stx_rdev_major; break;
    case 12: RETVAL = stx.stx_rdev_minor; break;
    case 13: RETVAL = stx.stx_dev_major; break;
    default: RETVAL = stx.stx_dev_minor;
    }
  OUTPUT: RETVAL

NV
stx_atime()
  ALIAS:
    stx_atime = 0
    stx_btime = 1
    stx_ctime = 2
    stx_mtime = 3
  PROTOTYPE:
  CODE:
    RETVAL = stx_time(ix == 0 ? &stx.stx_atime : ix == 1 ? &stx.stx_btime : ix == 2 ? &stx.stx_ctime : &stx.stx_mtime);
  OUTPUT: RETVAL

IV
stx_atimesec()
  ALIAS:
    stx_atimesec = 0
    stx_btimesec = 1
    stx_ctimesec = 2
    stx_mtimesec = 3
  PROTOTYPE:
  CODE:
    RETVAL = (ix == 0 ? &stx.stx_atime : ix == 1 ? &stx.stx_btime : ix == 2 ? &stx.stx_ctime : &stx.stx_mtime)->tv_sec;
  OUTPUT: RETVAL

IV
stx_atimensec()
  ALIAS:
    stx_atimensec = 0
    stx_btimensec = 1
    stx_ctimensec = 2
    stx_mtimensec = 3
  PROTOTYPE:
  CODE:
    RETVAL = (ix == 0 ? &stx.stx_atime : ix == 1 ? &stx.stx_btime : ix == 2 ? &stx.stx_ctime : &stx.stx_mtime)->tv_nsec;
  OUTPUT: RETVAL
