/* The helpers that are plain system calls. */

/* Memory that a scalar has from mmap: the magic's pointer, and its length in place of an object. */
static int unmap(pTHX_ SV *sv, MAGIC *mg) {
    PERL_UNUSED_CONTEXT;
    if (SvPVX(sv) == mg->mg_ptr) {
        SvREADONLY_off(sv);
        SvPV_set(sv, NULL);
        SvCUR_set(sv, 0);
        SvOK_off(sv);
    }
    munmap(mg->mg_ptr, (size_t)PTR2UV(mg->mg_obj));
    mg->mg_obj = NULL; /* not a scalar */
    return 0;
}
static MGVTBL mmap_vtbl = {0, 0, 0, 0, unmap};

static MAGIC *mapping_of(SV *sv) {
    dTHX;
    return SvTYPE(sv) >= SVt_PVMG ? mg_findext(sv, PERL_MAGIC_ext, &mmap_vtbl) : NULL;
}

static void map_scalar(pTHX_ SV *sv, void *start, size_t length, int prot) {
    sv_force_normal(sv);
    sv_magicext(sv, NULL, PERL_MAGIC_ext, &mmap_vtbl, (char *)start, 0)->mg_obj = INT2PTR(SV *, length);
    SvUPGRADE(sv, SVt_PV);
    if (SvLEN(sv))
        Safefree(SvPVX(sv));
    SvPV_set(sv, (char *)start);
    SvCUR_set(sv, length);
    SvLEN_set(sv, 0);
    SvPOK_only(sv);
    if (!(prot & PROT_WRITE))
        SvREADONLY_on(sv);
}

static char *page_start(char *start, size_t *len) {
    size_t before = PTR2UV(start) % (size_t)sysconf(_SC_PAGESIZE);
    *len += before;
    return start - before;
}

static struct statx stx; /* of the last IO::AIO::statx */

static NV stx_time(const struct statx_timestamp *time) {
    return (NV)time->tv_sec + (NV)time->tv_nsec / 1e9;
}

static NV timespec_nv(const struct timespec *time) {
    return (NV)time->tv_sec + (NV)time->tv_nsec / 1e9;
}

/* The numbers of st_xtime and its like: access, modification, change, birth. */
static NV st_time(pTHX_ int which) {
    switch (which) {
    case 0: return timespec_nv(&PL_statcache.st_atim);
    case 1: return timespec_nv(&PL_statcache.st_mtim);
    case 2: return timespec_nv(&PL_statcache.st_ctim);
    default: return 0;
    }
}
static IV st_nanoseconds(pTHX_ int which) {
    switch (which) {
    case 0: return (IV)PL_statcache.st_atim.tv_nsec;
    case 1: return (IV)PL_statcache.st_mtim.tv_nsec;
    case 2: return (IV)PL_statcache.st_ctim.tv_nsec;
    default: return 0;
    }
}

/* For what sendfile(2) does not take. */
static ssize_t send_by_hand(int out, int in, off_t offset, size_t len) {
    char block[65536];
    size_t done = 0;
    while (done < len) {
        size_t want = len - done < sizeof block ? len - done : sizeof block;
        ssize_t got = pread(in, block, want, offset + (off_t)done), put;
        if (got <= 0)
            return got < 0 && !done ? -1 : (ssize_t)done;
        put = write(out, block, (size_t)got);
        if (put < 0)
            return done ? (ssize_t)done : -1;
        done += (size_t)put;
        if (put < got)
            break;
    }
    return (ssize_t)done;
}

/* The strings of an array, for execve. */
static char **string_vector(pTHX_ SV *list) {
    AV *av;
    char **strings;
    SSize_t n;
    if (!SvROK(list) || SvTYPE(SvRV(list)) != SVt_PVAV)
        croak("fexecve: argument vectors must be array references");
    av = (AV *)SvRV(list);
    strings = (char **)SvPVX(sv_2mortal(newSV((AvFILL(av) + 2) * sizeof *strings)));
    for (n = 0; n <= AvFILL(av); n++) {
        SV **entry = av_fetch(av, n, 0);
        strings[n] = entry ? SvPVbyte_nolen(*entry) : (char *)"";
    }
    strings[n] = NULL;
    return strings;
}
